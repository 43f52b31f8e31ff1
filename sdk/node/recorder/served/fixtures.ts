/** Servers of every kind whose routes the recorder knows, to be run in a process that it records. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { initTRPC } from '@trpc/server'
import { createHTTPServer } from '@trpc/server/adapters/standalone'
import Fastify from 'fastify'
import { Hono } from 'hono'

const require = createRequire(import.meta.url)

/** Prints their ports (Fastify, Express, Hono imported, Hono required, tRPC) and closes them at the first line that comes in. */
export async function serveAll(): Promise<void> {
  const servers = [await fastify(), express(), hono(Hono), hono((require('hono') as { Hono: typeof Hono }).Hono), trpc()]
  await Promise.all(servers.map((server) => (server.listening ? undefined : once(server, 'listening'))).filter((it) => it !== undefined))
  process.stdout.write(`${servers.map((server) => (server.address() as AddressInfo).port).join(' ')}\n`)
  process.stdin.once('data', () => {
    process.stdin.destroy()
    for (const server of servers) server.close()
  })
}

async function fastify(): Promise<Server> {
  const app = Fastify()
  app.register(
    (inner, _, done) => {
      inner.get('/items/:id', async () => ({}))
      done()
    },
    { prefix: '/fastify' },
  )
  app.addHook('preHandler', async (request, reply) => {
    if (request.headers.refuse !== undefined) return reply.code(401).send('no')
  })
  app.get('/boom', async () => {
    throw new TypeError('out of paper')
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}

type Router = { get(path: string, answer: (request: unknown, response: { send(text: string): void }) => void): void }
type Express = { (): { use(path: string, router: Router): void; listen(port: number, host: string): Server }; Router(): Router }

function express(): Server {
  const make = require('express') as Express
  const router = make.Router()
  router.get('/items/:id', (_, response) => response.send('ok'))
  const app = make()
  app.use('/express', router)
  app.use('/of/:account', router)
  return app.listen(0, '127.0.0.1')
}

function hono(Class: typeof Hono): Server {
  const app = new Class()
  app.use(async (_, next) => next())
  app.all('/hono/*', async (_, next) => next())
  app.get('/hono/items/:id', (context) => context.text('ok'))
  return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
}

function trpc(): Server {
  const { router, procedure } = initTRPC.create()
  const items = router({ list: procedure.query(() => ['a']), count: procedure.query(() => 1) })
  return createHTTPServer({ router: router({ items }), basePath: '/trpc/' }).listen(0, '127.0.0.1') as Server
}
