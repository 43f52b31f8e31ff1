import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareSessions } from './compare.ts'
import { carriedBy, type Network, samples } from './fixtures.ts'
import { measures } from './measures.ts'
import { randomFrom } from './ranks.ts'

const plain: Network = { rttMs: 20, loss: 0.003, mbps: 20 }

const many = (network: Network, n: number, random: () => number) => Array.from({ length: n }, (_, i) => carriedBy(network, random, i))

describe('comparison of two networks', () => {
  test('A beside itself never shows a difference', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.nat(), (n, seed) => {
        const records = many({ ...plain, refuses: 0.1 }, n, randomFrom(seed))
        const comparison = compareSessions(records, records, { seed })
        expect(comparison.outcome).toBe('no difference shown')
        for (const one of comparison.measures) expect(one.outcome).toBe('no difference shown')
        expect(comparison.sentences[0]).toMatch(/^No difference shown/)
      }),
      { numRuns: 40 },
    )
  })

  test('two runs over one network show a difference of any measure in at most 5 of 100 comparisons', () => {
    const random = randomFrom(20_260_303)
    const rounds = 200
    let alarms = 0
    for (let round = 0; round < rounds; round++) {
      const comparison = compareSessions(many(plain, 12 + (round % 9), random), many(plain, 15, random), { seed: round })
      if (comparison.measures.some(({ outcome }) => outcome !== 'no difference shown')) alarms++
    }
    // Two standard deviations of the simulation above 5 %.
    expect(alarms / rounds).toBeLessThanOrEqual(0.05 + 2 * Math.sqrt((0.05 * 0.95) / rounds))
  })

  test('a longer and lossier path is found, said with figures, and named as the worse', () => {
    const random = randomFrom(5)
    const comparison = compareSessions(many(plain, 40, random), many({ rttMs: 60, loss: 0.05, mbps: 8 }, 40, random), { seed: 1 })
    expect(comparison.outcome).toBe('better in A')
    expect(comparison.sentences[0]).toMatch(
      /^A serves better, among 40 sessions of A and 40 of B: .*round trip, median .* times as high in B/,
    )
    const rtt = comparison.measures.find(({ measure }) => measure === 'rttP50Ms')
    expect(rtt).toMatchObject({ outcome: 'better in A', effectSize: 'large' })
    expect(rtt?.change?.estimate).toBeGreaterThan(2.4)
    expect(rtt?.change?.estimate).toBeLessThan(3.6)
    expect(comparison.measures.find(({ measure }) => measure === 'zeroWindowMs')).toMatchObject({ outcome: 'no difference shown', p: null })
  })

  test('sides that change places change the outcome, and nothing else', () => {
    const random = randomFrom(6)
    const [one, other] = [many(plain, 25, random), many({ ...plain, rttMs: 40 }, 30, random)]
    const there = compareSessions(one, other, { seed: 1 })
    const back = compareSessions(other, one, { seed: 1 })
    expect([there.outcome, back.outcome]).toEqual(['better in A', 'better in B'])
    there.measures.forEach((measure, i) => {
      expect(back.measures[i]?.effect ?? 0).toBeCloseTo(-(measure.effect ?? 0), 9)
      expect(back.measures[i]?.a).toEqual(measure.b)
    })
  })

  test('a network that refuses a third of its sessions is the worse, though the others went well', () => {
    const random = randomFrom(21)
    const comparison = compareSessions(many(plain, 60, random), many({ ...plain, refuses: 0.4 }, 60, random), { seed: 1 })
    expect(comparison.measures.find(({ measure }) => measure === 'neverOpened')).toMatchObject({ outcome: 'better in A' })
    expect(comparison.outcome).toBe('better in A')
    expect(comparison.sentences.join(' ')).toMatch(/among 60 sessions of A and 60 of B.*never opened 0 % in A and \d\d % in B on average/)
    expect(comparison.unmatched).toEqual({ a: 0, b: 0 })
  })

  test('a handful of sessions is too few to tell, and no sessions at all as well', () => {
    const random = randomFrom(9)
    const few = compareSessions(many(plain, 4, random), many({ ...plain, rttMs: 200 }, 4, random), { seed: 1 })
    expect(few.outcome).toBe('no difference shown')
    expect(few.sentences[0]).toMatch(/too few sessions to tell/)
    expect(compareSessions([], [], { seed: 1 }).sentences[0]).toMatch(/too few/)
  })

  test('a difference of half a percent does not matter, however sure it is', () => {
    const random = randomFrom(10)
    const one = many(plain, 50, random)
    const shifted = one.map((record) => ({ ...record, handshake: { ...record.handshake, rttMs: 100 } }))
    const other = one.map((record) => ({ ...record, handshake: { ...record.handshake, rttMs: 100.5 } }))
    const handshake = compareSessions(shifted, other, { seed: 1 }).measures.find(({ measure }) => measure === 'handshakeMs')
    expect(handshake).toMatchObject({ outcome: 'no difference shown', because: expect.stringContaining('too small to matter') })
  })

  test('the same requests in the same order are compared pair by pair, and fewer of them show the same', () => {
    const random = randomFrom(11)
    const sizes = Array.from({ length: 16 }, (_, i) => Math.round(2000 * 1.7 ** ((i * 7) % 16)))
    const through = (network: Network) => sizes.map((bytes, i) => carriedBy(network, random, i, bytes))
    const comparison = compareSessions(through(plain), through({ ...plain, rttMs: 32 }), { seed: 1 })
    expect(comparison).toMatchObject({ by: 'pairs', outcome: 'better in A', unmatched: { a: 0, b: 0 } })
    expect(comparison.method).toMatch(/Wilcoxon/)
    // Runs of one size have no order to go by.
    const alike = (seed: number) => Array.from({ length: 16 }, (_, i) => carriedBy(plain, randomFrom(seed + i), i, 50_000))
    expect(compareSessions(alike(1), alike(100), { seed: 1 }).by).toBe('purposes')
  })

  test('sessions of another purpose are left out, and counted', () => {
    const random = randomFrom(12)
    const web = many(plain, 10, random)
    const mail = many(plain, 10, random).map((record) => ({ ...record, server: { ...record.server, port: 25 } }))
    const comparison = compareSessions([...web, ...mail], web, { seed: 1 })
    expect(comparison.unmatched).toEqual({ a: 10, b: 0 })
    expect(comparison.sentences.join(' ')).toMatch(/Left out: 10 sessions of A and 0 of B/)
    expect(comparison.purposes.every(({ port }) => port === 443)).toBe(true)
  })

  test('the costs of both are told, of which one figure a side is said to have no interval', () => {
    const random = randomFrom(13)
    const records = many(plain, 10, random)
    const resources = { a: { cpuMs: 1400, memoryBytes: 52e6 }, b: { cpuMs: 900, memoryBytes: 71e6 } }
    const { costs, sentences } = compareSessions(records, records, { seed: 1, resources })
    expect(costs.a.wireBytesPerGoodByte).toBeGreaterThan(1)
    expect(costs.a.cpuMsPerMegabyte).toBeCloseTo((1400 * 1e6) / costs.a.goodBytes, 6)
    expect(sentences.join(' ')).toMatch(/CPU: A 1\.4 s .*B 900 ms.*memory: A 52 MB, B 71 MB.*no interval/)
  })

  test('every measure has its place, its bounds and its words', () => {
    const names = measures.map(({ measure }) => measure)
    expect(new Set(names).size).toBe(names.length)
    for (const record of Object.values(samples())) {
      for (const measure of measures) {
        const value = measure.of(record)
        if (value === null) continue
        expect(Number.isFinite(value), measure.measure).toBe(true)
        expect(measure.say(value)).toMatch(/\d/)
        if (measure.as === 'ratio') expect(value).toBeGreaterThan(0)
      }
    }
  })

  test('five thousand sessions a side are compared within seconds, and more are drawn from', () => {
    const random = randomFrom(14)
    const some = many(plain, 200, random)
    const records = Array.from({ length: 6000 }, (_, i) => some[i % some.length] ?? carriedBy(plain, random, i))
    const comparison = compareSessions(records, records.toReversed(), { seed: 1 })
    expect(comparison.outcome).toBe('no difference shown')
    expect(comparison.sentences.at(-1)).toMatch(/drawn at random/)
  })
})
