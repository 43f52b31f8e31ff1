/**
 * Many clients with an open stream of events each, in a process of their own: node streams.ts PORT COUNT < request.
 * Prints `open` when all are, and then for each round of news a line of JSON with the time (milliseconds since the
 * epoch, with fractions) at which each client had it. With a second request on stdin each client then asks that at once,
 * as a page does, and the time is when it has the answer.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { json } from 'node:stream/consumers'

export type StreamsPlan = {
  readonly stream: string
  /** In what each client waits for, and nowhere before. */
  readonly mark: string
  readonly refetch?: string | undefined
}

const [port, count] = process.argv.slice(2).map(Number) as [number, number]
const { stream, mark, refetch } = (await json(process.stdin)) as StreamsPlan
const now = () => performance.timeOrigin + performance.now()
let times: number[] = []
let opened = 0
const allOpen = Promise.withResolvers<void>()

function has(): void {
  times.push(now())
  if (times.length < count) return
  process.stdout.write(`${JSON.stringify(times)}\n`)
  times = []
}

function ask(client: Socket, request: string): void {
  let text = ''
  client.on('data', function take(chunk) {
    text += chunk.toString('latin1')
    const end = text.indexOf('\r\n\r\n')
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1])
    if (end < 0 || text.length < end + 4 + length) return
    client.off('data', take)
    has()
  })
  client.write(request)
}

async function open(nth: number): Promise<void> {
  const localAddress = `127.0.2.${1 + (nth % 250)}`
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
  await once(socket, 'connect')
  // Pages keep the connection on which they asked before.
  const kept = refetch === undefined ? undefined : connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
  if (kept) await once(kept, 'connect')
  let isOpen = false
  socket.on('close', () => process.stderr.write('a stream was ended\n'))
  socket.on('data', (chunk) => {
    const text = chunk.toString('latin1')
    if (!isOpen && text.includes('retry:')) {
      isOpen = true
      if (++opened === count) allOpen.resolve()
    }
    if (!text.includes(mark)) return
    if (kept && refetch !== undefined) ask(kept, refetch)
    else has()
  })
  socket.write(stream)
}

for (let nth = 0; nth < count; nth += 50) await Promise.all(Array.from({ length: Math.min(50, count - nth) }, (_, n) => open(nth + n)))
await allOpen.promise
process.stdout.write('open\n')
