import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { handClock, Problem } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Intake } from '../intake/types.ts'
import type { CallRow } from '../row.ts'
import type { LogEnd } from './ends.ts'
import { importLog, type ImportOptions } from './import.ts'
import { batchLines, lineMaxBytes } from './limits.ts'

const now = Date.UTC(2026, 10, 22, 12)
const rules: CallRules = {
  version: 'r1',
  methods: [{ path: '/rpc/:noun/:verb', verb: null, name: '{noun}.{verb}' }],
  account: ['header.x-account'],
  audiences: [
    { name: 'robot', where: { var: 'robot' } },
    { name: 'partner', where: { '==': [{ var: 'account' }, 'acme'] } },
  ],
}

/** Counts a claim once, as the intake does. */
function aDouble() {
  const rows: CallRow[] = []
  const claims = new Set<string>()
  const refusals: (() => void)[] = []
  const intake: Pick<Intake, 'take'> = {
    take({ claim, rows: some }) {
      refusals.shift()?.()
      expect(claim.source).toMatch(/^[\w.-]{8,64}$/)
      const name = `${claim.source} ${claim.batch}`
      if (claims.has(name)) return Promise.resolve({ counted: false })
      claims.add(name)
      rows.push(...some)
      return Promise.resolve({ counted: true })
    },
  }
  const noted = new Map<string, LogEnd[]>()
  const ends = {
    known: async (log: string) => noted.get(log) ?? [],
    note: async (log: string, end: LogEnd) => void noted.set(log, [...(noted.get(log) ?? []), end]),
  }
  const load = (content: string | Buffer | Readable, over: Partial<ImportOptions> = {}) =>
    importLog(
      content instanceof Readable ? content : Readable.from([typeof content === 'string' ? Buffer.from(content) : content]),
      { format: 'nginx', rules, clock: handClock(now), environment: 'production', service: 'web', release: 'v4', ends, ...over },
      intake,
    )
  return { rows, claims, refusals, noted, load }
}

const line = (nth: number, over: { path?: string; agent?: string; status?: number; more?: string; at?: number } = {}): string => {
  const {
    path = '/items/1',
    agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    status = 200,
    more = '',
    at = now - 60_000 + nth,
  } = over
  return `203.0.113.7 - - [22/Nov/2026:11:00:00 +0000] "GET ${path} HTTP/1.1" ${status} 10 "-" "${agent}" msec=${(at / 1_000).toFixed(3)} request_time=0.010${more}`
}
const linesOf = (count: number, from = 0): string => Array.from({ length: count }, (_, nth) => `${line(from + nth)}\n`).join('')

describe('an access log', () => {
  test('becomes calls with real time alone, named and sorted by the rules', async () => {
    const it = aDouble()
    const text = [
      line(0, { path: '/items/8231?x=1' }),
      line(1, { path: '/rpc/items/list', more: ' http_x_account=acme' }),
      line(2, { agent: 'Mozilla/5.0 (compatible; Googlebot/2.1)', status: 502 }),
      line(3, { path: '/wp-admin/secret', status: 404 }),
    ].join('\n')
    expect(await it.load(`${text}\n`)).toEqual({
      ...{ lines: 4, calls: 4, refused: 0, examples: [], again: false },
      says: '4 calls of 4 lines are counted, with real time alone.',
    })
    expect(it.rows.map(({ method, audience, account, status, failed }) => ({ method, audience, account, status, failed }))).toEqual([
      { method: 'GET /items/{id}', audience: 'everyone', account: '', status: 200, failed: false },
      { method: 'items.list', audience: 'partner', account: 'acme', status: 200, failed: false },
      { method: 'GET /items/{id}', audience: 'robot', account: '', status: 502, failed: true },
      { method: 'GET (not found)', audience: 'everyone', account: '', status: 404, failed: false },
    ])
    expect(it.rows[0]).toMatchObject({
      ...{ at: now - 60_010, environment: 'production', service: 'web', release: 'v4', realUs: 10_000, n: 1, origin: 'log' },
      ...{ cpuN: 0, cpuUs: 0, statements: 0, transactions: 0, dbUs: 0, variants: [] },
    })
  })

  test('has lines that are refused, counted, and the first few named', async () => {
    const it = aDouble()
    const text = `${line(0)}\nnonsense\n\n# a comment\r\n${line(1)}\r\n${'x'.repeat(lineMaxBytes + 1)}\n${line(2, { at: now - 500 * 86_400_000 })}\n${line(3, { at: now + 86_400_000 })}\n`
    expect(await it.load(text)).toMatchObject({
      ...{ lines: 8, calls: 2, refused: 4, says: '2 calls of 8 lines are counted, with real time alone. 4 lines could not be read.' },
      examples: [
        { line: 2, because: expect.stringMatching(/does not begin/) },
        { line: 6, because: 'is longer than 64 KiB' },
        { line: 7, because: expect.stringMatching(/older than 400 days/) },
        { line: 8, because: 'lies in the future' },
      ],
    })
    const many = await aDouble().load('nonsense\n'.repeat(100))
    expect(many).toMatchObject({ refused: 100, calls: 0, again: false })
    expect(many.examples).toHaveLength(10)
  })

  test('counts once, compressed or not, whatever its name, and at another place anew', async () => {
    const it = aDouble()
    const text = linesOf(3)
    expect(await it.load(text)).toMatchObject({ calls: 3, again: false })
    const again = { calls: 0, again: true, says: 'This log was imported before; none of its 3 calls was counted twice.' }
    expect(await it.load(text)).toMatchObject(again)
    expect(await it.load(gzipSync(text))).toMatchObject(again)
    expect(await it.load(Buffer.concat([gzipSync(linesOf(1)), gzipSync(linesOf(2, 1))]))).toMatchObject(again)
    expect(await it.load(text, { service: 'api' })).toMatchObject({ calls: 3 })
    expect(await it.load(text, { environment: 'qa' })).toMatchObject({ calls: 3 })
    expect(it.rows).toHaveLength(9)
  })

  test('that grew counts only what is new', async () => {
    const it = aDouble()
    expect(await it.load(linesOf(5))).toMatchObject({ calls: 5 })
    expect(await it.load(linesOf(batchLines + 7))).toMatchObject({
      calls: batchLines + 2,
      says: '20,002 calls of 20,007 lines are counted, with real time alone; 5 calls had been imported before.',
    })
    expect(await it.load(linesOf(batchLines + 8))).toMatchObject({ calls: 1 })
    expect(await it.load(linesOf(batchLines + 8))).toMatchObject({ calls: 0, again: true })
    expect(it.rows).toHaveLength(batchLines + 8)
  })

  test('with a first line like another’s is another log', async () => {
    const it = aDouble()
    await it.load(linesOf(5))
    // Shares the first line and the count of lines at which the other ended.
    const other = linesOf(1) + linesOf(9, 100)
    expect(await it.load(other)).toMatchObject({ calls: 10 })
    expect(await it.load(other)).toMatchObject({ calls: 0, again: true })
    expect(await it.load(linesOf(6))).toMatchObject({ calls: 1 })
  })

  test('whose last line is still being written counts that line when it is whole', async () => {
    const it = aDouble()
    const half = line(2).slice(0, 60)
    expect(await it.load(linesOf(2) + half)).toMatchObject({ calls: 2, refused: 1 })
    expect(await it.load(linesOf(4))).toMatchObject({ calls: 2 })
    // Whole but for its line break.
    expect(await it.load(linesOf(5).trimEnd())).toMatchObject({ calls: 1 })
    expect(await it.load(linesOf(6))).toMatchObject({ calls: 1 })
    expect(it.rows).toHaveLength(6)
  })

  test('that breaks off counts what was whole, and the rest when it is sent again', async () => {
    const it = aDouble()
    async function* broken() {
      yield Buffer.from(linesOf(3) + line(3).slice(0, 20))
      throw new Error('the client went away.')
    }
    await expect(it.load(Readable.from(broken()))).rejects.toMatchObject({
      code: 'calls-log-unreadable',
      message: expect.stringMatching(/After 3 lines .*: the client went away\. Those are counted; send the whole file again/),
    })
    expect(await it.load(linesOf(5))).toMatchObject({ calls: 2 })
    const cut = gzipSync(linesOf(50, 1_000)).subarray(0, 200)
    await expect(it.load(cut)).rejects.toMatchObject({ code: 'calls-log-unreadable', status: 400 })
    await it.load(linesOf(50, 1_000))
    expect(it.rows).toHaveLength(55)
  })

  test('waits while the intake is full, and says how far it came when that takes too long', async () => {
    const it = aDouble()
    const full = () => {
      throw new Problem('calls-busy', 429, 'Calls wait.', { afterS: 1 })
    }
    const clock = handClock(now)
    const tick = setInterval(() => void clock.tick(30_000), 1)
    try {
      it.refusals.push(full, full)
      expect(await it.load(linesOf(3), { clock })).toMatchObject({ calls: 3 })
      it.refusals.push(...Array.from({ length: 1_000 }, () => full))
      await expect(it.load(linesOf(5), { clock })).rejects.toMatchObject({ code: 'calls-log-busy', status: 429 })
      it.refusals.length = 0
      expect(await it.load(linesOf(5), { clock })).toMatchObject({ calls: 2 })
    } finally {
      clearInterval(tick)
    }
  })

  test('of nothing is said to be empty', async () => {
    expect(await aDouble().load('')).toMatchObject({ lines: 0, again: false, says: 'The log is empty.' })
  })

  test('is the same wherever the network cuts it', async () => {
    const whole = Buffer.from(`${linesOf(3)}nonsense\r\n${linesOf(2, 10)}${line(99)}`)
    const [plain, packed] = [whole, gzipSync(whole)]
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(fc.nat(whole.length), { maxLength: 12 }), async (isPacked, cuts) => {
        const bytes = isPacked ? packed : plain
        const at = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length]
        const it = aDouble()
        const answer = await it.load(Readable.from(at.slice(1).map((end, nth) => bytes.subarray(at[nth], end))))
        expect(answer).toMatchObject({ lines: 7, calls: 6, refused: 1 })
        expect(await it.load(plain)).toMatchObject({ again: true })
      }),
      { numRuns: 60 },
    )
  })
})
