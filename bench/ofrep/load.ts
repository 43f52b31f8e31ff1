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
    // A host of its own for each connection, as clients have.
    const socket = connect({ port: plan.port, host: '127.0.0.1', localAddress: `127.0.1.${1 + nth}`, noDelay: true })
    await once(socket, 'connect')
    let at = Math.floor((nth * requests.length) / plan.connections)
    let sentMs = 0
    let pending: Buffer | undefined
    const send = () => {
      sentMs = performance.now()
      socket.write(requests[at++ % requests.length] as Buffer)
    }
    await new Promise<void>((resolve, reject) => {
      socket.on('error', reject)
      socket.on('close', () => reject(new Error('the server ended the connection')))
      socket.on('data', (chunk) => {
        const all = pending === undefined ? (chunk as Buffer) : Buffer.concat([pending, chunk as Buffer])
        const length = answerLength(all)
        if (length === undefined || all.length < length) {
          pending = all
          return
        }
        pending = undefined
        const status = Number(all.toString('latin1', 9, 12))
        if (status !== plan.status) return reject(new Error(`answered ${all.toString('utf8', 0, 600)}`))
        const nowMs = performance.now()
        if (nowMs > fromMs && nowMs <= untilMs) {
          latencies.push(nowMs - sentMs)
          bytes = length
        }
        if (nowMs > untilMs) resolve()
        else send()
      })
      send()
    })
    socket.removeAllListeners()
    socket.destroy()
  }

  await Promise.all(Array.from({ length: plan.connections }, (_, nth) => drive(nth)))
  latencies.sort((a, b) => a - b)
  const quantile = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] as number
  return { perSecond: latencies.length / (plan.measureMs / 1_000), p50Ms: quantile(0.5), p99Ms: quantile(0.99), bytes }
}

const headEnd = Buffer.from('\r\n\r\n')
/** Bytes of the whole answer; undefined while that cannot be told. */
function answerLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf(headEnd)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end).toLowerCase()
  if (head.startsWith('http/1.1 304')) return end + 4
  const at = head.indexOf('content-length:')
  if (at < 0) throw new Error(`an answer without content-length: ${head}`)
  return end + 4 + Number.parseInt(head.slice(at + 15), 10)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await load((await json(process.stdin)) as LoadPlan)))
}
