/** Acknowledged means counted exactly once: whatever was done when the server ended. */
import { appendFile, cp, readdir, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, handClock, Problem, seededRandom } from '@belay/base'
import { temporaryFolder } from '@belay/testkit'
import { describe, expect, test } from 'vitest'
import type { CallRow } from '../row.ts'
import { call, callsBusy, cpuOf, logsOf, noRules, protobufOf, rememberingIntake, start, type TestSpan } from './fixtures.ts'
import { limits } from './limits.ts'
import { openOtlp, type Otlp } from './otlp.ts'

type Inserted = { table: string; rows: readonly Readonly<Record<string, unknown>>[]; token: string }

async function opened(
  folder: string,
  intake: ReturnType<typeof rememberingIntake>,
  clock: Clock = handClock(start),
  inserted: Inserted[] = [],
) {
  const columns = { insertRows: async (it: Inserted) => void inserted.push(it) }
  return openOtlp({ intake, columns, clock, folder, rules: () => noRules, log: () => {} })
}
const body = (spans: readonly TestSpan[]) => ({ bytes: protobufOf([{ spans }]), gzip: undefined })
const send = (otlp: Otlp, spans: readonly TestSpan[]) => otlp.traces('production', 'protobuf', body(spans))
const sums = (rows: readonly CallRow[]) => ({
  calls: rows.reduce((sum, row) => sum + row.n, 0),
  statements: rows.reduce((sum, row) => sum + row.statements, 0),
})

describe('what was acknowledged', () => {
  test('is with the intake, and a body that comes again counts once', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const otlp = await opened(folder.path, intake)
    const spans = call(1, { statements: ['SELECT 1'] })
    await Promise.all([send(otlp, spans), send(otlp, spans)])
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 1 })
    await send(otlp, spans)
    expect([...intake.claims]).toEqual([expect.stringMatching(/^otlp\.[0-9a-f]{40} 1$/)])
    await otlp.close()
  })

  test('is there after a crash, also what waits for its call', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const [statement, root] = call(1, { statements: ['SELECT 1'] }) as [TestSpan, TestSpan]
    // It is never closed: as if it had been killed.
    await send(await opened(folder.path, intake), [statement])
    await send(await opened(folder.path, intake), [root])
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 1 })
    // And whose call it was that has gone.
    await send(await opened(folder.path, intake), [{ ...statement, id: 'f'.repeat(16) }])
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 2 })
  })

  test('is not there twice when the crash came between taking and answering', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const spans = call(1, { statements: ['SELECT 1'] })
    const first = await opened(folder.path, intake)
    const hangs = new Promise<never>(() => {})
    const take = intake.take
    // The intake took it, and the server never heard of it.
    intake.take = async (it) => {
      await take(it)
      return hangs
    }
    void send(first, spans)
    while (intake.rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    intake.take = take
    const second = await opened(folder.path, intake)
    await send(second, spans)
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 1 })
  })

  test('is taken at the next start when the crash came between writing and taking, with what had waited for it', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const [statement, root] = call(1, { statements: ['SELECT 1'] }) as [TestSpan, TestSpan]
    const first = await opened(folder.path, intake)
    await send(first, [statement])
    const take = intake.take
    let asked = 0
    intake.take = () => {
      asked++
      return new Promise<never>(() => {})
    }
    void send(first, [root])
    while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    intake.take = take
    const second = await opened(folder.path, intake)
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 1 })
    await send(second, [root])
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 1 })
  })

  test('waits for its call for as long as calls last, through the journal being renewed', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const clock = handClock(start)
    const [statement, root] = call(1, { statements: ['SELECT 1'] }) as [TestSpan, TestSpan]
    await send(await opened(folder.path, intake, clock), [statement])
    let otlp = await opened(folder.path, intake, clock)
    for (let minute = 1; minute <= 8; minute++) {
      clock.set(start + minute * 60_000)
      await send(otlp, call(1_000 * minute))
      if (minute % 3 === 0) otlp = await opened(folder.path, intake, clock)
    }
    const parts = (await readdir(join(folder.path, 'otlp'))).filter((name) => name.endsWith('.part'))
    expect(parts.length).toBeLessThan(8)
    await send(await opened(folder.path, intake, clock), [root])
    expect(sums(intake.rows)).toEqual({ calls: 9, statements: 1 })
  })

  test('is all that is there when the machine lost the end of what was written', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const otlp = await opened(folder.path, intake)
    const spans = Array.from({ length: 6 }, (_, i) => call(i, { statements: ['SELECT 1'] }) as [TestSpan, TestSpan])
    const part = join(folder.path, 'otlp', '000000000001.part')
    const sizes: number[] = []
    for (const [statement] of spans) {
      await send(otlp, [statement])
      sizes.push((await readFile(part)).length)
    }
    await otlp.close()
    const random = seededRandom(7)
    for (let round = 0; round < 12; round++) {
      const copy = join(folder.path, `copy-${round}`)
      await cp(join(folder.path, 'otlp'), join(copy, 'otlp'), { recursive: true })
      const length = Math.floor(random() * ((sizes.at(-1) as number) + 1))
      const file = join(copy, 'otlp', '000000000001.part')
      await truncate(file, length)
      // What the disk had there before.
      if (round % 2 === 0) await appendFile(file, Buffer.alloc(50, 0xab))
      const whole = sizes.filter((size) => size <= length).length
      const other = rememberingIntake()
      await send(
        await opened(copy, other),
        spans.map(([, root]) => root),
      )
      expect(sums(other.rows)).toEqual({ calls: 6, statements: whole })
    }
  })
})

describe('what the intake has no room for', () => {
  test('is not acknowledged; the same body counts once when it comes again, with what had waited for it', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const otlp = await opened(folder.path, intake)
    const [statement, root] = call(1, { statements: ['SELECT 1'] }) as [TestSpan, TestSpan]
    await send(otlp, [statement])
    intake.refusals.push(callsBusy, callsBusy)
    await expect(send(otlp, [root])).rejects.toMatchObject({ code: 'calls-busy' })
    await expect(send(otlp, [root])).rejects.toMatchObject({ code: 'calls-busy' })
    expect(otlp.state().unsettled).toBe(1)
    await send(otlp, [root])
    expect(sums(intake.rows)).toEqual({ calls: 1, statements: 1 })
    expect(otlp.state().unsettled).toBe(0)
  })

  test('is counted also when its sender has given up', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const clock = handClock(start)
    const otlp = await opened(folder.path, intake, clock)
    intake.refusals.push(callsBusy)
    await expect(send(otlp, call(1))).rejects.toThrow(Problem)
    const stop = new AbortController()
    const running = otlp.run(stop.signal)
    await clock.tick(5_000)
    await expect.poll(() => intake.rows.length).toBe(1)
    stop.abort()
    await running
  })
})

describe('a body', () => {
  test('loses the services that find no room, and says so', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const otlp = await opened(folder.path, intake)
    const bodies = Array.from({ length: limits.servicesMax + 5 }, (_, i) => ({
      resource: { 'service.name': `made-up-${i}` },
      spans: call(i),
    }))
    const partial = await otlp.traces('production', 'protobuf', { bytes: protobufOf(bodies), gzip: undefined })
    expect(partial).toMatchObject({ rejected: 5, because: expect.stringContaining('at most 300 services') })
    expect(new Set(intake.rows.map((row) => row.service)).size).toBe(limits.servicesMax)
  })

  test('of last week is not taken, and one of the future is of now', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const otlp = await opened(folder.path, intake)
    const partial = await send(otlp, [...call(1, { at: start - limits.pastMs - 60_000 }), ...call(2, { at: start + 3_600_000 })])
    expect(partial).toMatchObject({ rejected: 1, because: expect.stringContaining('7 days') })
    expect(intake.rows.map((row) => row.at)).toEqual([start])
  })

  test('is warned about, not refused, when it has too many methods', async () => {
    await using folder = await temporaryFolder()
    const otlp = await opened(folder.path, rememberingIntake())
    const spans = Array.from({ length: 2_010 }, (_, i) => call(i, { route: `/r${i}` })).flat()
    expect(await send(otlp, spans)).toMatchObject({ rejected: 0, because: expect.stringContaining('10 calls had methods beyond the 2000') })
  })

  test('of logs tells the calls of its spans which flags they met, also through a crash', async () => {
    await using folder = await temporaryFolder()
    const intake = rememberingIntake()
    const [root] = call(1) as [TestSpan]
    const told = { bytes: logsOf([{ trace: root.trace, span: root.id, flag: 'f', variant: 'on' }]), gzip: undefined }
    await (await opened(folder.path, intake)).logs('production', 'protobuf', told)
    await send(await opened(folder.path, intake), [root])
    expect(intake.rows[0]?.variants).toEqual(['f=on'])
  })
})

describe('CPU time of calls', () => {
  test('is estimated from that of their process, and kept', async () => {
    await using folder = await temporaryFolder()
    const clock = handClock(start)
    const inserted: Inserted[] = []
    const otlp = await opened(folder.path, rememberingIntake(), clock, inserted)
    const resource = { 'service.name': 'api', 'process.pid': 1 }
    const random = seededRandom(3)
    const costs = { '/a': 5, '/b': 1 }
    let cpuS = 0
    for (let second = 0; second < 80; second++) {
      const at = start + 1_000 * second
      clock.set(at)
      await otlp.metrics('production', 'protobuf', { bytes: cpuOf(resource, start - 5, at, cpuS, 0), gzip: undefined })
      const spans = Object.entries(costs).flatMap(([route, costMs]) =>
        Array.from({ length: Math.floor(random() * 20) }, () => {
          cpuS += costMs / 1_000
          return call(Math.floor(random() * 1e9), { route, at: at + 100, ms: 20 })
        }).flat(),
      )
      await otlp.traces('production', 'protobuf', { bytes: protobufOf([{ resource, spans }]), gzip: undefined })
      await otlp.estimateCpu()
    }
    const last = inserted.at(-1)
    expect(last?.table).toBe('call_cpu_estimates')
    const costOf = (method: string) => last?.rows.find((row) => row['method'] === method)?.['cpu_us'] as number
    expect(costOf('GET /a')).toBeCloseTo(5_000, -2)
    expect(costOf('GET /b')).toBeCloseTo(1_000, -2)
    expect(last?.rows[0]).toMatchObject({ service: 'api', environment: 'production', windows: 59 })
    await otlp.close()
  })
})
