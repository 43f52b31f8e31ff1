/**
 * TCP sessions whose cause of being slow is known, because this test made it: loss by nftables, rate by tbf, programs that
 * read, write or answer slowly, a small window, silence. Captured at both ends, each must get its cause, and the share
 * of the receiver's window must be the kernel's own.
 */
import { analyseFile } from '@belay/tcp/node'
import type { SessionRecord } from '@belay/tcp'
import {
  type Cause,
  type CauseRun,
  causes,
  makeSession,
  type TemporaryFolder,
  temporaryFolder,
  whyNoDelay,
  whyNoNetwork,
} from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const missing = whyNoNetwork() ?? whyNoDelay()
const seconds = 4
const all = causes(seconds)
const pointsMax = 5

type Judged = { readonly run: CauseRun; readonly client: SessionRecord; readonly server: SessionRecord }

describe.skipIf(missing !== undefined)(`sessions with known causes${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let folder: TemporaryFolder
  const judged = new Map<string, Judged>()

  beforeAll(async () => {
    folder = await temporaryFolder()
    await Promise.all(all.map(make))
    // Both ends run on this machine: a session that waited for a core while others ran was limited by that, and is made again alone.
    for (const cause of all) if (!isRight(cause)) await make(cause)
    process.stdout.write(`${table()}\n`)
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  async function make(cause: Cause): Promise<void> {
    const run = await makeSession(cause, folder.path)
    judged.set(cause.name, { run, client: await onlySession(run.client), server: await onlySession(run.server) })
  }

  function isRight(cause: Cause): boolean {
    const { run, client, server } = of(cause)
    return [client, server].every((record) => record.verdict.limit === cause.limit && Math.abs(pointsOff(record, run)) <= pointsMax)
  }

  const of = (cause: Cause) => judged.get(cause.name) as Judged

  test.each(all)('$name: the limit named is $limit, from both ends', (cause) => {
    const { client, server } = of(cause)
    expect({ client: client.verdict.limit, server: server.verdict.limit }, `${client.verdict.because}\n${server.verdict.because}`).toEqual({
      client: cause.limit,
      server: cause.limit,
    })
  })

  test.each(all)("$name: the receiver's share of the time is the sending kernel's within 5 points", (cause) => {
    const { run, client, server } = of(cause)
    for (const record of [client, server]) {
      expect(Math.abs(pointsOff(record, run)), `${record.verdict.because}\n${run.kernel.line}`).toBeLessThanOrEqual(pointsMax)
    }
  })

  test.each(all)('$name: what limits it adds up to its life', (cause) => {
    for (const { limits, duration } of [of(cause).client, of(cause).server]) {
      expect(Object.values(limits).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(duration * 1000, 5)
    }
  })

  test.each(all)("$name: the sender's kernel counts as many retransmissions as its capture shows", (cause) => {
    const { run, client } = of(cause)
    expect(run.droppedByKernel, 'packets that the capture itself lost').toBe(0)
    // The kernel was asked a moment before the end.
    const later = client.directions[0].retransmissions.segments - run.kernel.retransmissions
    expect(later).toBeGreaterThanOrEqual(0)
    expect(later).toBeLessThanOrEqual(3)
  })

  function table(): string {
    const rows = all.flatMap((cause) => {
      const { run, client, server } = of(cause)
      const kernel = (record: SessionRecord) =>
        `kernel: window ${percent(share(record, run.kernel.rwndLimitedMs))}, busy ${percent(share(record, run.kernel.busyMs))}`
      return [client, server].map((record, at) => {
        const limits = Object.entries(record.limits).map(([limit, ms]) => `${limit} ${percent(share(record, ms))}`)
        return `${cause.name.padEnd(13)}${['client', 'server'][at]}  ${record.verdict.limit.padEnd(12)}${limits.join(', ')}; ${kernel(record)}`
      })
    })
    return rows.join('\n')
  }
})

async function onlySession(path: string): Promise<SessionRecord> {
  const records: SessionRecord[] = []
  await analyseFile(path, { onSession: (record) => records.push(record) })
  expect(records).toHaveLength(1)
  return records[0] as SessionRecord
}

/** How far the receiver's share of the life is from the share that the sending kernel counted, in hundredths of the life. */
const pointsOff = (record: SessionRecord, run: CauseRun) =>
  100 * (share(record, record.limits.receiver) - share(record, run.kernel.rwndLimitedMs))
const share = (record: SessionRecord, ms: number) => ms / (record.duration * 1000)
const percent = (part: number) => `${(part * 100).toFixed(1)} %`
