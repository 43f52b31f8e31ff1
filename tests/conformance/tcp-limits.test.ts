/**
 * The limits of sessions whose sending kernel told its own: twenty captures of ten sessions, one at each end. They lie
 * outside the repository; without them this is skipped.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAnalyser, type Limit, type SessionRecord } from '@belay/tcp'
import { describe, expect, test } from 'vitest'

const folder = join(import.meta.dirname, '../../../shared/data/tcp/lab')
const missing = !existsSync(join(folder, 'truth.json'))

type Truth = { readonly ssLast: { readonly rwndLimitedMs: number; readonly busyMs: number } }
const truth = missing ? {} : (JSON.parse(readFileSync(join(folder, 'truth.json'), 'utf8')) as Record<string, Truth>)

/** What was made, and the limit that it is. */
const scenarios: readonly (readonly [scenario: string, limit: Limit])[] = [
  // Nothing was in its way; it ended before its window had grown as large as the path.
  ['clean40ms', 'slowStart'],
  ['appl_limited', 'application'],
  // Six seconds of silence with keep-alives between two kilobytes.
  ['keepalive', 'idle'],
  ['rwnd_limited_32k', 'receiver'],
  ['stalled_reader_zwprobe', 'receiver'],
  ['loss1pct_cubic', 'loss'],
  // 20 Mbit/s; packets that arrive late do not limit it.
  ['reorder', 'bandwidth'],
  ['rate5mbit_bloat', 'bandwidth'],
  // 50 Mbit/s and 200 ms: a third is slow start.
  ['longfat_200ms', 'bandwidth'],
  ['blackout_rto', 'loss'],
]
const ends = scenarios.flatMap(([scenario, limit]) => ['snd', 'rcv'].map((end) => ({ scenario, limit, end })))

function analyse(file: string): SessionRecord {
  const records: SessionRecord[] = []
  const analyser = createAnalyser({ onSession: (record) => records.push(record) })
  analyser.write(readFileSync(join(folder, file)))
  analyser.end()
  expect(records).toHaveLength(1)
  return records[0] as SessionRecord
}

describe.skipIf(missing)(`limits beside the sender's kernel${missing ? ' (skipped: the captures are not here)' : ''}`, () => {
  test.each(ends)('$scenario.$end: $limit', ({ scenario, limit, end }) => {
    const record = analyse(`${scenario}.${end}.pcap`)
    expect(record.verdict.limit, record.verdict.because).toBe(limit)
    const lifeMs = record.duration * 1000
    expect(Object.values(record.limits).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(lifeMs, 5)
    const kernel = (truth[scenario] as Truth).ssLast.rwndLimitedMs
    expect((100 * Math.abs(record.limits.receiver - kernel)) / lifeMs, record.verdict.because).toBeLessThanOrEqual(5)
  })
})
