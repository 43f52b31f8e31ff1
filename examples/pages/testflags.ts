/** For tests: a flag server as OFREP 0.3.0 describes it, of one flag that is on for whom a test says. */
import { createServer, type ServerResponse } from 'node:http'

export type TestFlags = {
  readonly url: string
  /** What it was asked: the key of the flag and of the user. */
  readonly asked: { flag: string; user: string }[]
  /** Whose flag is on from now on; everybody who listens is told. */
  turnOn(...users: string[]): void
  /** As `turnOn`, and nobody is told. */
  turnOnQuietly(...users: string[]): void
  /** What becomes of the questions from now on. */
  behave(as: 'well' | 'hangs' | 'breaks' | 'babbles' | 'knows nothing'): void
  /** Ends every stream of events, as a server does that restarts. */
  cut(): void
  /** How many listen. */
  listeners(): number
  stop(): Promise<void>
}

export async function startTestFlags(flag: string, key: string): Promise<TestFlags> {
  const asked: TestFlags['asked'] = []
  const streams = new Set<ServerResponse>()
  let on = new Set<string>()
  let manner: Parameters<TestFlags['behave']>[0] = 'well'
  let revision = 1

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://flags')
    if (pathname === '/ofrep/v1/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n')
      streams.add(response)
      return void response.on('close', () => streams.delete(response))
    }
    let text = ''
    request.on('data', (piece) => {
      text += String(piece)
    })
    request.on('end', () => {
      const reply = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body))
      if (request.headers.authorization !== `Bearer ${key}`) return reply(401, {})
      const { context } = JSON.parse(text) as { context: { targetingKey?: string } }
      const user = context.targetingKey ?? ''
      const name = decodeURIComponent(pathname.slice('/ofrep/v1/evaluate/flags/'.length))
      if (name === '') return reply(200, { flags: [], eventStreams: [{ type: 'sse', endpoint: { requestUri: '/ofrep/v1/stream' } }] })
      asked.push({ flag: name, user })
      if (manner === 'hangs') return
      if (manner === 'breaks') return reply(500, {})
      if (manner === 'babbles') return void response.writeHead(200).end('<html>')
      if (name !== flag || manner === 'knows nothing') return reply(404, { key: name, errorCode: 'FLAG_NOT_FOUND' })
      reply(200, { key: name, reason: 'TARGETING_MATCH', variant: on.has(user) ? 'on' : 'off', value: on.has(user) })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const turnOnQuietly = (...users: string[]) => {
    on = new Set(users)
    revision++
  }
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    asked,
    turnOn: (...users) => {
      turnOnQuietly(...users)
      for (const stream of streams) stream.write(`id: ${revision}\ndata: {"type":"refetchEvaluation","etag":"${revision}"}\n\n`)
    },
    turnOnQuietly,
    behave: (as) => {
      manner = as
    },
    cut: () => {
      for (const stream of streams) stream.destroy()
    },
    listeners: () => streams.size,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
