/**
 * The whole analysis of one capture, with a line for each session: the process that bench/tcp.ts measures.
 *
 *     node bench/tcp/analyse.ts FILE WORKERS    # 1: in this thread
 */
import module from 'node:module'
import type { SessionRecord } from '@belay/tcp'

// As `belay` itself does.
module.enableCompileCache()
const { analyseFile, analyseFiles } = await import('@belay/tcp/node')

const [file = '', workers = '1'] = process.argv.slice(2)
const lines: string[] = []

const tell = ({ number, client, server, duration, score, verdict, handshake, directions }: SessionRecord) => {
  const ways = directions.map(({ packets, bytes, retransmissions, rtt }) => [
    ...[packets, bytes, retransmissions.segments, rtt.karn?.p50Ms, rtt.timestamps?.p50Ms],
  ])
  const figures = [duration, score.value, verdict.limit, handshake.rttMs, ...ways.flat()]
  lines.push(`${number},${client.address}:${client.port},${server.address}:${server.port},${figures.join(',')}`)
  if (lines.length >= 1_000) flush()
}

function flush(): void {
  process.stdout.write(`${lines.join('\n')}\n`)
  lines.length = 0
}

if (workers === '1') await analyseFile(file, { onSession: tell })
else
  for (const outcome of await analyseFiles([file], { onSession: tell, workers: Number(workers) })) {
    if ('error' in outcome) throw outcome.error
  }
flush()
