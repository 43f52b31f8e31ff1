/**
 * Asks a server as fast as it answers, over a fixed number of kept connections, and tells how many answers came in a
 * second and how long the slowest took. Runs as a process of its own: node load.ts < plan (JSON) > figures (JSON).
 *
 * A client of a few lines on plain sockets: on a machine with two cores every cycle of the client is missing elsewhere.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type LoadPlan = {
  readonly port: number
  /** Requests as they go over the wire; each connection walks through all of them, each from another place. */
  readonly requests: readonly string[]
  readonly connections: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** What every answer must be; anything else is a failure of the bench. */
  readonly status: number
}
export type LoadFigures = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number; readonly bytes: number }

export async function load(plan: LoadPlan): Promise<LoadFigures> {
  const requests = plan.requests.map((text) => Buffer.from(text))
  const latencies: number[] = []
  const startMs = performance.now()
  const fromMs = startMs + plan.warmUpMs
  const untilMs = fromMs + plan.measureMs
  let bytes = 0

  async function drive(nth: number): Promise<void> {
    const done = Promise.withResolvers<void>()
    const answer = answerReader()
    let at = Math.floor((nth * requests.length) / plan.connections)
    let sentMs = 0
    const send = () => {
      sentMs = performance.now()
      socket.write(requests[at++ % requests.length] as Buffer)
    }
    const socket = connect({
      port: plan.port,
      host: '127.0.0.1',
      // A host of its own for each connection, as clients have.
      localAddress: `127.0.1.${1 + nth}`,
      noDelay: true,
      // One buffer for all that this connection ever reads.
      onread: {
        buffer: Buffer.allocUnsafe(64 * 1_024),
        callback(count, chunk) {
          const { status, length } = answer(chunk as Buffer, count)
          if (length === undefined) return true
          if (status !== plan.status) done.reject(new Error(`answered ${status} instead of ${plan.status}`))
          const nowMs = performance.now()
          if (nowMs > fromMs && nowMs <= untilMs) {
            latencies.push(nowMs - sentMs)
            bytes = length
          }
          if (nowMs > untilMs) done.resolve()
          else send()
          return true
        },
      },
    })
    socket.on('error', done.reject)
    socket.on('close', () => done.reject(new Error('the server ended the connection')))
    await once(socket, 'connect')
    send()
    await done.promise
    socket.removeAllListeners()
    socket.destroy()
  }

  await Promise.all(Array.from({ length: plan.connections }, (_, nth) => drive(nth)))
  latencies.sort((a, b) => a - b)
  const quantile = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] as number
  return { perSecond: latencies.length / (plan.measureMs / 1_000), p50Ms: quantile(0.5), p99Ms: quantile(0.99), bytes }
}

const headEnd = Buffer.from('\r\n\r\n')
const lengthName = /\r\ncontent-length: *(\d+)/i

/** Reads one answer after the other: the length of the whole one when its last piece came, else undefined. */
function answerReader(): (piece: Buffer, count: number) => { status: number; length: number | undefined } {
  let status = 0
  let have = 0
  let length = 0
  return (piece, count) => {
    if (have === 0) {
      const end = piece.indexOf(headEnd)
      if (end < 0 || end >= count) throw new Error('the head of an answer came in pieces, which this client does not expect')
      status = (piece[9] as number) * 100 + (piece[10] as number) * 10 + (piece[11] as number) - 5_328 // '0' is 48
      const said = status === 304 ? undefined : lengthName.exec(piece.toString('latin1', 0, end))?.[1]
      if (said === undefined && status !== 304) throw new Error('an answer without content-length')
      length = end + 4 + Number(said ?? 0)
    }
    have += count
    if (have < length) return { status, length: undefined }
    have = 0
    return { status, length }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await load((await json(process.stdin)) as LoadPlan)))
}
