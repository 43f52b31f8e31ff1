import fc from 'fast-check'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { limits, type SessionRecord } from '../types.ts'
import { type DirectionFacts, distribution, sampleSessions, samples, session, type SessionFacts } from './fixtures.ts'
import { gradeMin, penaltyBy, scoreOf, scoreRules } from './score.ts'

const share = fc.double({ min: 0, max: 1, noNaN: true })
const ms = fc.double({ min: 0, max: 1e6, noNaN: true })

const direction: fc.Arbitrary<DirectionFacts> = fc
  .record({
    goodBytes: fc.nat(1e8),
    fast: fc.nat(50),
    timeout: fc.nat(50),
    tail: fc.nat(5),
    spurious: fc.nat(5),
    lostBefore: fc.nat(50),
    rtt: fc.option(fc.record({ samples: fc.nat(1000), min: ms, over: ms })),
    zeroMs: ms,
  })
  .map((of) => ({
    goodBytes: of.goodBytes,
    resent: { fast: of.fast, timeout: of.timeout, tail: of.tail, spurious: of.spurious },
    lostBefore: of.lostBefore,
    rtt: {
      karn: of.rtt && distribution(of.rtt.samples, of.rtt.min, of.rtt.min + of.rtt.over / 2, of.rtt.min + of.rtt.over),
      timestamps: null,
    },
    zeroWindows: { count: of.zeroMs > 0 ? 1 : 0, timeMs: of.zeroMs, probes: 0 },
  }))

const facts: fc.Arbitrary<SessionFacts> = fc.record({
  limits: fc.record(Object.fromEntries(limits.map((limit) => [limit, ms]))),
  verdict: fc.constant({ limit: 'none', share: 0, because: '' } as const),
  handshake: fc.record({
    state: fc.constantFrom('complete', 'none', 'halfOpen', 'refused', 'reset'),
    synRetries: fc.nat(6),
    synAckRetries: fc.nat(6),
    rttMs: fc.option(ms),
  }),
  close: fc.constantFrom('open', 'fin', 'halfClosed', 'resetByClient', 'resetByServer'),
  client: direction,
  server: direction,
  quality: fc.record({ oneSided: fc.boolean(), missedBytes: fc.nat(1e6), duplicates: fc.nat(100) }),
})

/** The same session with more of its server's segments sent again. */
function withResent(record: SessionRecord, more: { fast: number; timeout: number; lostBefore: number }): SessionRecord {
  const [client, server] = record.directions
  const sent = server.retransmissions
  const segments = sent.segments + more.fast + more.timeout
  const dataPackets = server.dataPackets + more.fast + more.timeout
  const retransmissions = {
    ...sent,
    segments,
    fast: sent.fast + more.fast,
    timeout: sent.timeout + more.timeout,
    share: segments / Math.max(1, dataPackets),
  }
  return { ...record, directions: [client, { ...server, dataPackets, retransmissions, lostBefore: server.lostBefore + more.lostBefore }] }
}

describe('score', () => {
  test('100 less its parts is the value, and the value is between 0 and 100', () => {
    fc.assert(
      fc.property(facts, (of) => {
        const score = scoreOf(session(of))
        expect(100 - score.parts.reduce((sum, part) => sum + part.penalty, 0)).toBe(score.value)
        expect(score.value).toBeGreaterThanOrEqual(0)
        for (const part of score.parts) {
          expect(part.penalty).toBeGreaterThan(0)
          expect(part.because).toMatch(/\.$/)
          expect(part.because).not.toMatch(/NaN|undefined|Infinity/)
        }
      }),
    )
  })

  test('a session of which 10 % or more was sent again is poor, whatever else is well', () => {
    fc.assert(
      fc.property(facts, (of) => {
        const record = session(of)
        const shares = record.directions.map((way) => way.retransmissions.share)
        if (Math.max(...shares) >= 0.1) expect(scoreOf(record).grade).toBe('poor')
      }),
    )
    const tenth = session({
      limits: { bandwidth: 1000 },
      verdict: { limit: 'bandwidth', share: 1, because: '' },
      client: {},
      server: { goodBytes: 90 * 1448, mss: 1448, resent: { fast: 10 }, rtt: { karn: distribution(80, 5, 5, 6), timestamps: null } },
    })
    expect(tenth.directions[1].retransmissions.share).toBe(0.1)
    expect(tenth.score).toMatchObject({ value: 40, grade: 'poor' })
  })

  test('more sent again never raises a score', () => {
    fc.assert(
      fc.property(facts, fc.record({ fast: fc.nat(200), timeout: fc.nat(200), lostBefore: fc.nat(200) }), (of, more) => {
        const record = session(of)
        const worse = withResent(record, more)
        // A session that never opened has 0 already; what is not data of it does not count.
        expect(scoreOf(worse).value).toBeLessThanOrEqual(record.score.value + (record.score.parts[0]?.name === 'connection' ? 100 : 0))
      }),
    )
  })

  test('a longer wait in queues, at a closed window or in recovery never raises a score', () => {
    fc.assert(
      fc.property(facts, share, (of, more) => {
        const record = session(of)
        const moved = record.limits.application * more
        for (const limit of ['loss', 'receiver'] as const) {
          const worse = {
            ...record,
            limits: { ...record.limits, application: record.limits.application - moved, [limit]: record.limits[limit] + moved },
          }
          expect(scoreOf(worse).value).toBeLessThanOrEqual(record.score.value)
        }
      }),
    )
  })

  test('no line of the formula falls', () => {
    for (const { line } of Object.values(scoreRules)) {
      for (let i = 1; i < line.length; i++) {
        expect(line[i]?.[0]).toBeGreaterThan(line[i - 1]?.[0] ?? 0)
        expect(line[i]?.[1]).toBeGreaterThanOrEqual(line[i - 1]?.[1] ?? 0)
      }
    }
    expect(penaltyBy([[0, 0], [10, 20]], 5)).toBe(10) // biome-ignore format: a line reads best in one line
    expect(penaltyBy(scoreRules.retransmissions.line, 0.9)).toBe(80)
    expect(penaltyBy(scoreRules.queue.line, Number.NaN)).toBe(0)
  })

  test('what an application does not send is no fault of its network', () => {
    const { idle } = samples()
    expect(idle.score).toMatchObject({ value: 100, grade: 'good' })
    const slow = session({
      limits: { application: 60_000, bandwidth: 40 },
      verdict: { limit: 'application', share: 0.99, because: '' },
      client: { goodBytes: 400_000, rtt: { karn: distribution(100, 22, 41, 65), timestamps: null } },
      server: {},
    })
    expect(slow.score.grade).toBe('good')
  })

  test.each([
    ['clean', 'good'],
    ['lossy', 'poor'],
    ['receiver', 'poor'],
    ['idle', 'good'],
    ['refused', 'poor'],
    ['unanswered', 'poor'],
    ['longFat', 'good'],
  ] as const)('a %s session is %s', (name, grade) => {
    expect(samples()[name].score.grade).toBe(grade)
  })

  test('half of a session, seen from the middle, is not trusted', () => {
    expect(samples().midStream.score).toMatchObject({ confidence: 'low', confidenceBecause: expect.stringContaining('Only one direction') })
    for (const record of sampleSessions()) expect(record.score.confidenceBecause).toMatch(/^[A-Z].*\.$/)
  })

  test('the guide shows every line of the formula as it is, and the grades', async () => {
    const guide = await readFile(new URL('../../../docs/guide/tcp.md', import.meta.url), 'utf8')
    const figures = {
      share: (x: number) => `${Number((x * 100).toFixed(3))} %`,
      ms: (x: number) => `${x} ms`,
      ratio: (x: number) => `${x} times`,
      count: String,
    }
    for (const { name, figure, as, line, why } of Object.values(scoreRules)) {
      const points = line.map(([x, penalty]) => `${figures[as](x)}: ${penalty}`).join(', ')
      expect(guide).toContain(`| ${name} | ${figure} | ${points} | ${why} |`)
    }
    expect(guide).toContain(`*Good* is ${gradeMin.good} and more, *fair* ${gradeMin.fair} and more`)
  })
})
