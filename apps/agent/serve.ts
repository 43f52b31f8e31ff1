/** Lines in, lines out: what a connection says is doubted here and nowhere else. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Problem } from '@belay/base'
import { type Failure, lineCutter, type OrderName, orders, type ParsedOrder } from '@belay/exec'
import { agentProblem, asProblem } from './problems.ts'

/** A file that an order carries in itself is configuration; a release comes by `put`. */
const lineBytesMax = 8 * 1024 * 1024
/** So much may wait for a slow reader before the next event waits with it. */
const unsentBytesMax = 256 * 1024

/** A server opens one connection for each order under way and each log that is followed; a thousand is a runaway. */
const connectionsMax = 1_000

export type Talk = {
  /** Resolves when the asker can take more. */
  readonly event: (event: object) => Promise<void>
  /** Aborted when the asker is gone. */
  readonly signal: AbortSignal
}
export type Handle = <N extends OrderName>(order: ParsedOrder<N>, talk: Talk) => Promise<object>

/** Listens and answers; `onCount` hears how many connections there are. */
export function serve(socketPath: string, handle: Handle, onCount: (open: number) => void): Promise<Server> {
  let open = 0
  const server = createServer((socket) => {
    onCount(++open)
    socket.on('close', () => onCount(--open))
    answer(socket, handle)
  })
  server.maxConnections = connectionsMax
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, () => resolve(server))
  })
}

function answer(socket: Socket, handle: Handle): void {
  const gone = new AbortController()
  // A broken pipe is the asker's business: 'close' follows.
  socket.on('error', () => {})
  socket.on('close', () => gone.abort())
  const send = (line: object) => {
    if (socket.writable) socket.write(`${JSON.stringify(line)}\n`)
  }
  const cutter = lineCutter({
    bytesMax: lineBytesMax,
    onTooLong: () => send({ id: null, failed: asFailure(agentProblem('bad-order', { why: 'it is longer than 8 MiB' })) }),
    onLine: (line) => void obey(line),
  })
  async function obey(line: string): Promise<void> {
    const { id, order, problem } = understand(line)
    if (order === undefined) return send({ id, failed: asFailure(problem) })
    const talk: Talk = {
      signal: gone.signal,
      event: (event) => {
        send({ id, event })
        return socket.writableLength > unsentBytesMax ? drained(socket) : Promise.resolve()
      },
    }
    try {
      send({ id, done: await handle(order, talk) })
    } catch (error) {
      send({ id, failed: asFailure(asProblem(error, { order: order.order, root: 'root' in order ? order.root : '/' })) })
    }
  }
  socket.on('data', (chunk: Buffer) => cutter.push(chunk))
}

type Understood =
  | { readonly id: unknown; readonly order: ParsedOrder<OrderName>; readonly problem?: undefined }
  | { readonly id: unknown; readonly order?: undefined; readonly problem: Problem }

/** What a line means, or why it means nothing. */
export function understand(line: string): Understood {
  const no = (id: unknown, why: string): Understood => ({ id, problem: agentProblem('bad-order', { why }) })
  let said: unknown
  try {
    said = JSON.parse(line)
  } catch {
    return no(null, 'it is not a line of JSON')
  }
  if (typeof said !== 'object' || said === null) return no(null, 'it is not an object { id, order }')
  const { id = null, order } = said as { id?: unknown; order?: unknown }
  if (typeof id !== 'number' && typeof id !== 'string') return no(null, 'its id is neither a number nor a text')
  if (typeof order !== 'object' || order === null) return no(id, 'it holds no order')
  const name = (order as { order?: unknown }).order
  if (typeof name !== 'string' || !Object.hasOwn(orders, name)) return no(id, `there is no order ${JSON.stringify(name)?.slice(0, 100)}`)
  const parsed = orders[name as OrderName].safeParse(order)
  if (parsed.success) return { id, order: parsed.data }
  const issue = parsed.error.issues[0]
  return no(id, `in ${name}, ${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'it does not fit'}`)
}

function asFailure({ code, status, message, facts }: Problem): Failure {
  return { code, status, message, facts }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      socket.off('drain', over)
      socket.off('close', over)
      resolve()
    }
    socket.once('drain', over)
    socket.once('close', over)
  })
}
