/**
 * The HTTP ground: Fastify with everything that each route of ours shares. It knows no product word: routes come in
 * as a table (path, who may, schemas), people and permissions through `authenticate` and `refuse`.
 */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { invariant, Problem, sentenceOf } from '@belay/base'
import fastifyCookie from '@fastify/cookie'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import fastifyStatic from '@fastify/static'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { createJsonSchemaTransform, serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { envelopeOf, problemEnvelope, problemOf } from './errors.ts'
import { isLocalHostHeader, isLoopback, isOwnOrigin } from './guards.ts'
import { isNestedDeeper } from './nesting.ts'
import { httpProblem } from './problems.ts'
import { pathOf as pathOfUrl, rawRoutes } from './raw.ts'
import { ClientCut, type EventStream, openEventStream, streamTiming } from './sse.ts'
import type { Api, ApiOptions, Ask, RouteShape, ServerSentEvent } from './types.ts'

/** The largest JSON that anybody sends is a few kilobytes; this leaves room and keeps a mistake out of memory. */
const bodyMaxBytes = 1_024 * 1_024
/** A rule that somebody wrote has ten levels; a schema or a serialiser of ours can walk some thousands. */
const nestingMax = 200
/** Streamed to the disk, never held in memory; the bound keeps one upload from filling it. */
const uploadMaxBytes = 4 * 1_024 ** 3
/** What is open to everybody: a person needs one try, a script that guesses would need very many. */
const openTriesMax = { count: 30, windowMs: 60_000 }
/** Longer than the proxies in front keep an idle connection (60 s), so that it is they who end it, between two requests. */
const keepAliveMs = 72_000
/** How long requests that are being answered may hold up the end of the server. */
const drainMaxMs = 10_000
/** A stream that fails at once (nothing by that name) fails within this and can still be answered by a status. */
const firstEventWaitMs = 50
const uploadTypes = ['application/octet-stream', 'application/x-tar']

/** @throws nothing; what can fail (the port) fails in `listen`. */
export async function createApi<Who extends { actor: string }>(options: ApiOptions<Who>): Promise<Api<Who>> {
  let isLocalOnly = true
  const raw = rawRoutes({
    wrongHost: (host) => isLocalOnly && !isLocalHostHeader(host, options.hosts),
    log: () => app.log,
  })
  /** Browsers open connections before they need them; Node does not count these as idle, and waits for them at the end. */
  const unused = new Set<Socket>()
  const app: FastifyInstance = Fastify({
    ...(options.logger ? { loggerInstance: options.logger } : { logger: false }),
    // Requests are logged below, without their query: a sign-in link must not stand in a log.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request' }),
    requestIdHeader: false,
    genReqId: () => randomUUID().slice(0, 8),
    bodyLimit: bodyMaxBytes,
    // A HEAD of a stream of events would start the stream.
    routerOptions: { ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    serverFactory: (listener) => {
      const server = createServer((request, response) => {
        unused.delete(request.socket)
        if (!raw.take(request, response)) listener(request, response)
      })
      server.on('connection', (socket) => {
        unused.add(socket)
        socket.once('close', () => unused.delete(socket))
      })
      server.keepAliveTimeout = keepAliveMs
      // An upload may take as long as it needs; heads that do not come are cut by Node after a minute.
      server.requestTimeout = 0
      return server
    },
  }) as unknown as FastifyInstance
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)

  const whoAsks = new WeakMap<FastifyRequest, Who>()
  const streams = new Set<AbortController>()
  const timing = { ...streamTiming, ...options.streams }
  let pageFolder: string | undefined

  app.addHook('onRequest', async (request) => {
    if (isLocalOnly && !isLocalHostHeader(request.headers.host, options.hosts))
      throw httpProblem('wrong-host', { host: request.headers.host ?? 'nobody' })
  })
  app.addHook('onResponse', async (request, reply) => {
    const entry = {
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      actor: whoAsks.get(request)?.actor,
    }
    if (request.method === 'GET' && reply.statusCode < 400) request.log.debug(entry, 'answered')
    else request.log.info(entry, 'answered')
  })
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request)
    return reply.code(problem.status).header('cache-control', 'no-store').type('application/json; charset=utf-8').send(envelopeOf(problem))
  })
  app.setNotFoundHandler(async (request, reply) => {
    const path = pathOf(request)
    const isPage = pageFolder !== undefined && ['GET', 'HEAD'].includes(request.method) && !/^\/(api|assets)(\/|$)/.test(path)
    if (isPage)
      return reply
        .header('cache-control', 'no-cache')
        .type('text/html; charset=utf-8')
        .send(await pageOf(pageFolder as string))
    throw httpProblem('not-found', { method: request.method, path })
  })
  app.addHook('preClose', async () => {
    raw.close()
    for (const socket of unused) socket.destroy()
    for (const stream of streams) stream.abort(new Error('the server closes'))
  })
  // A POST without a body means one with nothing in it.
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, {})
    if (isNestedDeeper(body as string, nestingMax))
      return done(httpProblem('bad-request', { problems: [{ field: 'body', message: `is nested deeper than ${nestingMax} levels` }] }))
    void parseJson(request, body as string, (error: Error | null, value?: unknown) => {
      const isPoisoned = error !== null && /"(__proto__|constructor)"/.test(body as string)
      if (isPoisoned)
        return done(
          httpProblem('bad-request', {
            problems: [
              {
                field: 'body',
                message: 'names a member __proto__ or constructor, which objects of JavaScript call their own; choose another name',
              },
            ],
          }),
        )
      done(error, value)
    })
  })
  app.removeContentTypeParser('text/plain')

  await app.register(fastifyCookie)
  await app.register(fastifyHelmet, { ...helmetOptions })
  await app.register(fastifyRateLimit, {
    global: false,
    errorResponseBuilder: (_request, { ttl }) => httpProblem('too-many-requests', { afterMs: ttl }),
  })
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: options.name, version: options.version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: createJsonSchemaTransform({ zodToJsonConfig: { unrepresentable: 'any' } }),
  })
  await app.register(fastifySwaggerUi, { routePrefix: '/api/docs' })
  app.get('/api/openapi.json', { schema: { hide: true } }, async () => app.swagger())
  probes(app, options)

  async function identify(request: FastifyRequest, route: RouteShape): Promise<void> {
    const bearer = /^bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim()
    const asking = options.authenticate({ cookie: (name) => request.cookies[name], bearer, ip: request.ip })
    // What is open to everybody is open to somebody whose token has ended, too.
    const who = await (route.needs === null ? asking.catch(() => undefined) : asking)
    if (who) whoAsks.set(request, who)
    if (route.needs === null) return
    if (!who) throw httpProblem('sign-in-needed', undefined)
    const { origin, host } = request.headers
    const isByCookie = bearer === undefined
    if (isByCookie && route.method !== 'GET' && !isOwnOrigin({ origin, host, fetchSite: one(request.headers['sec-fetch-site']) }))
      throw httpProblem('other-origin', { origin: origin ?? 'an unnamed origin' })
    const because = options.refuse(who, route.needs)
    if (because !== undefined) throw httpProblem('not-allowed', { needs: route.needs, because })
  }

  function add<R extends RouteShape>(route: R, serve: (ask: Ask<R, Who>, gone: AbortController) => Promise<unknown>): void {
    const register = (scope: FastifyInstance) =>
      scope.route({
        method: route.method,
        url: route.path,
        ...(route.bodyMaxBytes === undefined ? {} : { bodyLimit: route.bodyMaxBytes }),
        schema: schemaOf(route),
        config: route.needs === null ? { rateLimit: { max: openTriesMax.count, timeWindow: openTriesMax.windowMs } } : {},
        onRequest: (request) => identify(request, route),
        preValidation: async (request) => {
          if (route.body && request.body == null) request.body = {}
        },
        handler: async (request, reply) => {
          const gone = new AbortController()
          reply.raw.once('close', () => {
            if (!reply.raw.writableFinished) gone.abort(new Error('the client has gone'))
          })
          if (pathOf(request).startsWith('/api/')) reply.header('cache-control', 'no-store')
          return await serve(askOf<R, Who>(route, request, reply, whoAsks.get(request), gone.signal), gone)
        },
      })
    if (!route.upload) return void register(app)
    // The parser that lets a body through unread is known to upload routes only.
    void app.register(async (scope) => {
      scope.addContentTypeParser(uploadTypes, (_request, _body, done) => done(null))
      register(scope)
    })
  }

  async function run(iterable: AsyncIterable<ServerSentEvent>, { reply }: { reply: FastifyReply }, gone: AbortController): Promise<void> {
    const iterator = iterable[Symbol.asyncIterator]()
    let stream: EventStream | undefined
    streams.add(gone)
    try {
      let next = untilGone(iterator.next(), gone.signal)
      await Promise.race([next, pause(firstEventWaitMs)])
      stream = openEventStream(reply, timing)
      for (let it = await next; it && !it.done; it = await next) {
        await stream.send(it.value)
        next = untilGone(iterator.next(), gone.signal)
      }
    } catch (error) {
      if (!stream) throw error
      if (error instanceof ClientCut) return reply.log.warn(error.message)
      await stream.send({ event: 'failed', data: envelopeOf(problemOf(error, reply.request)) }).catch(() => {})
    } finally {
      streams.delete(gone)
      stream?.end()
      // Not awaited: a source that hangs must not hold the request.
      void iterator.return?.()?.then(undefined, (error: unknown) => reply.log.warn({ err: error }, 'a stream of events ended badly'))
    }
  }

  return {
    app,
    handle: (route, handler) =>
      add(route, async (ask) => {
        const { request } = ask.reply
        if (!/text\/event-stream/.test(request.headers.accept ?? '')) {
          const answer = await handler(ask)
          return answer === undefined ? ask.reply : answer
        }
        const stream = openEventStream(ask.reply, timing)
        try {
          const answer = await handler({ ...ask, progress: (data) => stream.offer({ event: 'progress', data }) })
          await stream.send({ event: 'done', data: z.encode(route.answer, answer) })
        } catch (error) {
          await stream.send({ event: 'failed', data: envelopeOf(problemOf(error, request)) })
        } finally {
          stream.end()
        }
        return ask.reply
      }),
    events: (route, handler) =>
      add(route, async (ask, gone) => {
        await run(handler(ask), ask, gone)
        return ask.reply
      }),
    bytes: (route, handler) => add(route, async (ask) => ask.reply.type('application/octet-stream').send(await handler(ask))),
    raw: raw.add,
    page(folder) {
      invariant(pageFolder === undefined, 'a server serves one page')
      pageFolder = folder
      void app.register(fastifyStatic, {
        root: join(folder, 'assets'),
        prefix: '/assets/',
        // Built files carry the hash of their content in their names.
        immutable: true,
        maxAge: '365d',
        preCompressed: true,
        decorateReply: false,
        index: false,
      })
      void app.register(fastifyStatic, {
        root: folder,
        prefix: '/',
        // Only the files that stand there now get a route, so that all other paths reach index.html.
        wildcard: false,
        globIgnore: ['assets/**', 'index.html'],
        cacheControl: false,
        index: false,
        setHeaders: (reply) => void reply.header('cache-control', 'no-cache'),
      })
    },
    async listen({ host, port }) {
      isLocalOnly = isLoopback(host)
      try {
        await app.listen({ host, port })
      } catch (error) {
        throw whyNotListening(error, host, port)
      }
      const address = app.server.address()
      const actual = typeof address === 'object' && address ? address.port : port
      const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
      return { url: `http://${name}:${actual}` }
    },
    async close() {
      const limit = setTimeout(() => app.server.closeAllConnections(), drainMaxMs)
      try {
        await app.close()
      } finally {
        clearTimeout(limit)
      }
    },
  }
}

const helmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'self'"],
      'script-src': ["'self'"],
      // Mantine sets styles on elements as it lays them out.
      'style-src': ["'self'", "'unsafe-inline'"],
      'img-src': ["'self'", 'data:', 'blob:'],
      'font-src': ["'self'", 'data:'],
      'connect-src': ["'self'"],
      'object-src': ["'none'"],
      'base-uri': ["'none'"],
      'form-action': ["'self'"],
      'frame-ancestors': ["'none'"],
    },
  },
  // Whether the way here is encrypted is known to the proxy in front, which sets this.
  strictTransportSecurity: false,
}

function probes<Who>(app: FastifyInstance, { version, ready }: ApiOptions<Who>): void {
  const schema = { hide: true }
  app.route({ method: ['GET', 'HEAD'], url: '/healthz', schema, handler: async () => ({ status: 'ok', version }) })
  app.route({
    method: ['GET', 'HEAD'],
    url: '/readyz',
    schema,
    handler: async (_request, reply) => {
      const because = await ready().catch(sentenceOf)
      return because === undefined ? { status: 'ready', version } : reply.code(503).send({ status: 'not ready', because, version })
    },
  })
}

function schemaOf(route: RouteShape) {
  const type = { events: 'text/event-stream', bytes: 'application/octet-stream' }
  const answer = route.stream
    ? { description: route.summary, content: { [type[route.stream]]: { schema: route.answer } } }
    : route.answer.describe(route.summary)
  return {
    summary: route.summary,
    ...(route.needs === null ? { security: [] } : { description: `Needs \`${route.needs}\`.` }),
    tags: [route.path.split('/')[2] ?? 'page'],
    ...(route.params ? { params: route.params } : {}),
    ...(route.query ? { querystring: route.query } : {}),
    ...(route.body ? { body: route.body } : {}),
    ...(route.upload ? { consumes: uploadTypes } : {}),
    response: { 200: answer, '4xx': problemEnvelope, '5xx': problemEnvelope },
  }
}

function askOf<R extends RouteShape, Who>(
  route: R,
  request: FastifyRequest,
  reply: FastifyReply,
  who: Who | undefined,
  signal: AbortSignal,
): Ask<R, Who> {
  // The schemas of the route have parsed these three; Fastify's types cannot know it.
  type A = Ask<R, Who>
  return {
    params: (route.params ? request.params : undefined) as A['params'],
    query: (route.query ? request.query : undefined) as A['query'],
    body: (route.body ? request.body : undefined) as A['body'],
    who: who as A['who'],
    signal,
    lastEventId: one(request.headers['last-event-id']),
    upload: route.upload ? bounded(request.raw) : Readable.from([]),
    progress: () => {},
    cookie: (name) => request.cookies[name],
    reply,
  }
}

function bounded(body: Readable): Readable {
  let bytes = 0
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      if (bytes > uploadMaxBytes) done(httpProblem('body-too-large', { maxBytes: uploadMaxBytes }))
      else done(null, chunk)
    },
  })
  body.on('error', (error) => count.destroy(error))
  body.on('aborted', () => count.destroy(new Error('the client went away in the middle of its upload')))
  return body.pipe(count)
}

async function pageOf(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, 'index.html'), 'utf8')
  } catch (error) {
    throw new Problem('page-not-built', 503, `The page is not built: ${folder} has no index.html.`, { folder }, error)
  }
}

/** Resolves to undefined as soon as the client has gone, whatever the source does. */
function untilGone<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve(undefined)
    const leave = () => resolve(undefined)
    signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

function whyNotListening(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') return httpProblem('port-taken', { host, port }, error)
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return httpProblem('cannot-listen', { host, port, because: sentenceOf(error) }, error)
  return error
}

const pathOf = (request: FastifyRequest): string => pathOfUrl(request.url)
const one = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header)
const pause = (ms: number) => new Promise<undefined>((resolve) => setTimeout(resolve, ms, undefined))
