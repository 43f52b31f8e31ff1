import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CarriedCall, type CarryingTurn, judgeCall, matchSession, matchTurns, type SessionFacts, toleranceMs } from './model.ts'

const t0 = 1_790_000_000_000
const [peer, local] = ['10.0.0.2:5000', '10.0.0.1:80']
const call = (it: Partial<CarriedCall> = {}): CarriedCall => ({
  ...{ at: t0, service: 'api', method: 'GET /items', release: 'v1', host: 'h', status: 200, failed: false, realMs: 10, dbMs: 0 },
  ...{ externalMs: 0, trace: '', span: '', peer, local },
  ...it,
})
const turn = (it: Partial<CarryingTurn> = {}): CarryingTurn => ({
  ...{ session: 'capture1.0', peer, local, atMs: t0 - 0.4, startedMs: 0, requestMs: 0, serverMs: 10, responseMs: 0, ackMs: 0 },
  ...{ requestBytes: 300, responseBytes: 2_000, lost: 0 },
  ...it,
})
const session = (it: Partial<SessionFacts> = {}): SessionFacts => ({
  ...{ id: 'capture1.0', peer, local, startedMs: t0 - 100, endedMs: t0 + 60_000, point: 'server', rttMs: 40 },
  ...{ applicationMs: 0, receiverMs: 0, networkMs: 100, initialBytes: 14_480 },
  ...it,
})
const sessions = (...them: SessionFacts[]) => new Map(them.map((it) => [it.id, it]))
const judge = (c: Partial<CarriedCall>, t: Partial<CarryingTurn>, s: Partial<SessionFacts> = {}) => judgeCall(call(c), session(s), turn(t))

describe('a call finds its turn', () => {
  test('on a connection that is kept alive, among hundreds, whatever the order in which they come', () => {
    const gaps = fc.array(fc.record({ pause: fc.integer({ min: 2, max: 400 }), server: fc.integer({ min: 1, max: 300 }) }), {
      minLength: 1,
      maxLength: 200,
    })
    fc.assert(
      fc.property(gaps, fc.double({ min: 0, max: 0.999, noNaN: true }), (them, off) => {
        let at = t0 + off
        const turns: CarryingTurn[] = []
        const calls: CarriedCall[] = []
        for (const { pause, server } of them) {
          at += pause
          turns.push(turn({ atMs: at, serverMs: server }))
          calls.push(call({ at: Math.floor(at + 0.1), realMs: server - 0.2 }))
          at += server
        }
        const found = matchTurns(calls, turns.toReversed(), sessions(session()))
        expect(found).toEqual(turns)
      }),
    )
  })
  test('by the peer, also where the near end is not known or its address was translated on the way', () => {
    const find = (it: Partial<CarriedCall>) => matchTurns([call(it)], [turn()], sessions(session()))[0]?.session
    expect(find({})).toBe('capture1.0')
    expect(find({ local: '' })).toBe('capture1.0')
    expect(find({ local: '127.0.0.1:20000' })).toBe('capture1.0')
    expect(find({ peer: '10.0.0.2:5001' })).toBeUndefined()
    expect(find({ peer: '' })).toBeUndefined()
  })
  test('to the tolerance, and not beyond', () => {
    const find = (at: number) => matchTurns([call({ at })], [turn({ atMs: t0, serverMs: 10 })], sessions(session()))[0]
    expect(find(t0 - 1 - toleranceMs)).toBeDefined()
    expect(find(t0 - 2 - toleranceMs)).toBeUndefined()
    expect(find(t0 + 10 + toleranceMs)).toBeDefined()
    expect(find(t0 + 11 + toleranceMs)).toBeUndefined()
  })
  test('nearest to the server, when several captures saw it', () => {
    const captures = (['client', 'between', 'server', 'unknown'] as const).map((point) => session({ id: `capture-${point}.0`, point }))
    const turns = captures.map(({ id }) => turn({ session: id }))
    expect(matchTurns([call()], turns, sessions(...captures))[0]?.session).toBe('capture-server.0')
    expect(matchSession(call(), captures)?.id).toBe('capture-server.0')
  })
  test('also when its clock is a millisecond late and the question before was answered a moment ago', () => {
    const before = turn({ atMs: t0 - 301, serverMs: 300, session: 'capture1.0' })
    const own = turn({ atMs: t0 + 1.5, serverMs: 0.3, responseMs: 3_000, session: 'capture1.0' })
    const seenTwice = [before, own].flatMap((it) => [it, { ...it, session: 'capture2.7' }])
    const both = sessions(session(), session({ id: 'capture2.7' }))
    const found = matchTurns([call({ at: t0, realMs: 2_000 }), call({ at: t0 - 301, realMs: 299 })], seenTwice, both)
    expect(found.map((it) => it?.serverMs)).toEqual([0.3, 300])
    expect(matchTurns([call({ at: t0, realMs: 2_000 })], seenTwice, both)[0]?.serverMs).toBe(0.3)
  })
  test('and shares it with no other call', () => {
    const found = matchTurns([call({ at: t0 + 8 }), call()], [turn()], sessions(session()))
    expect(found.map((it) => it !== undefined)).toEqual([false, true])
  })
})

describe('what made a call slow', () => {
  test('is the server, when the answer was long in coming', () => {
    const it = judge({ realMs: 400 }, { serverMs: 400, ackMs: 41 })
    expect(it).toMatchObject({ slowBecause: 'server', wholeMs: 440, networkMs: 40 })
    expect(it.because).toBe('Of 440 ms, the service took 400 ms; the network took 40.0 ms and lost nothing.')
  })
  test('is the network, when an answer that the service had given to its kernel was long on its way', () => {
    const it = judge({ realMs: 12 }, { serverMs: 10, responseMs: 900, ackMs: 40, lost: 3, responseBytes: 400_000 })
    expect(it).toMatchObject({ slowBecause: 'network', networkMs: 940 })
    expect(it.because).toBe('Of 950 ms, the network took 940 ms (3 segments lost or sent again, RTT 40.0 ms); the service took 10.0 ms.')
  })
  test('is the network, when the service waited for room in its socket', () => {
    expect(judge({ realMs: 910 }, { serverMs: 10, responseMs: 900, ackMs: 40, responseBytes: 4e6 })).toMatchObject({
      slowBecause: 'network',
    })
  })
  test('is the network, when a long way is all that it did', () => {
    expect(judge({ realMs: 5 }, { serverMs: 5, ackMs: 300 }, { rttMs: 300 })).toMatchObject({ slowBecause: 'network', networkMs: 300 })
  })
  test('is the server, when it wrote a small answer bit by bit', () => {
    expect(judge({ realMs: 810 }, { serverMs: 10, responseMs: 800, responseBytes: 3_000, ackMs: 40 })).toMatchObject({
      slowBecause: 'server',
    })
  })
  test('is the server, when the request waited there before it was taken up', () => {
    const it = judge({ at: t0 + 600, realMs: 20 }, { serverMs: 620 })
    expect(it.slowBecause).toBe('server')
    expect(it.because).toContain('the service took 620 ms, of which 600 ms passed before it took up the request')
  })
  test('is the network, when a capture at the client waited for what the service answered at once', () => {
    expect(judge({ realMs: 10 }, { serverMs: 500, lost: 1 }, { point: 'client' })).toMatchObject({ slowBecause: 'network', networkMs: 490 })
    expect(judge({ realMs: 10 }, { serverMs: 310 }, { point: 'client', rttMs: 300 })).toMatchObject({ slowBecause: 'network' })
    expect(judge({ realMs: 400 }, { serverMs: 440 }, { point: 'client' })).toMatchObject({ slowBecause: 'server' })
  })
  test('is not told, when it was the client that was slow', () => {
    expect(judge({}, { requestMs: 2_000 })).toMatchObject({
      slowBecause: 'unknown',
      because: expect.stringContaining('the client took 2,000 ms itself'),
    })
    const reader = { applicationMs: 0, receiverMs: 900, networkMs: 10 }
    expect(judge({ realMs: 11 }, { responseMs: 900, responseBytes: 4e6 }, reader)).toMatchObject({ slowBecause: 'unknown' })
  })
  test('is not an acknowledgement that the client kept for itself', () => {
    expect(judge({}, { ackMs: 200 }, { rttMs: 1 })).toMatchObject({ slowBecause: 'server', wholeMs: 11 })
  })
  test('is not told, when neither stands out', () => {
    expect(judge({ realMs: 50 }, { serverMs: 50, responseMs: 20, ackMs: 30, responseBytes: 90_000 })).toMatchObject({
      slowBecause: 'unknown',
      because: expect.stringMatching(/neither stands out\.$/),
    })
  })
  test('is not told where nothing is known, and says what is missing', () => {
    expect(judgeCall(call({ peer: '' }), undefined, undefined).because).toMatch(/did not tell the addresses/)
    expect(judgeCall(call(), undefined, undefined).because).toBe(
      'No capture has the connection from 10.0.0.2:5000 to 10.0.0.1:80 at that time.',
    )
    expect(judgeCall(call(), session(), undefined).because).toMatch(/no question and answer in it fits/)
  })
  test('is divided without a rest, and no part of it is below nothing', () => {
    const ms = fc.double({ min: 0, max: 5_000, noNaN: true })
    const point = fc.constantFrom('server', 'client', 'between', 'unknown') as fc.Arbitrary<SessionFacts['point']>
    fc.assert(
      fc.property(
        fc.record({
          requestMs: ms,
          serverMs: ms,
          responseMs: ms,
          ackMs: ms,
          lost: fc.nat(3),
          requestBytes: fc.nat(1e6),
          responseBytes: fc.nat(1e6),
        }),
        fc.record({ point, rttMs: fc.option(ms), applicationMs: ms, receiverMs: ms, networkMs: ms }),
        ms,
        (t, s, realMs) => {
          const it = judge({ realMs }, t, s)
          expect(it.networkMs).toBeGreaterThanOrEqual(-1e-6)
          expect(it.networkMs).toBeLessThanOrEqual((it.wholeMs as number) + 1e-6)
        },
      ),
    )
  })
})
