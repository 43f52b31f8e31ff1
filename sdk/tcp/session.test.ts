import inspector from 'node:inspector'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { label } from './labels.ts'
import { ACK, FIN, Packet, PSH, RST, SYN } from './packet.ts'
import { Session } from './session.ts'
import { count, identify } from './tally.ts'
import { Pool } from './unacked.ts'

const debug = new inspector.Session()
debug.connect()
afterAll(() => debug.disconnect())

type Value = inspector.Runtime.RemoteObject
type Named = { readonly name: string; readonly value?: Value }

/** What a debugger sees: private fields too, which nothing else can read. */
function ask<T>(method: string, params: object): T {
  let answer: T | undefined
  debug.post(method, params, (error, result) => {
    if (error !== null) throw new Error(JSON.stringify(error))
    answer = result as T
  })
  return answer as T
}

/** Contents of arrays mean nothing beyond what is counted elsewhere. */
const isPart = (value: Value) => value.objectId !== undefined && value.type === 'object'

/** Such parts are of no account while they are empty; others are put by, under a name that says so. */
const mayStay = (name: string, { className }: Value) => name.startsWith('#spare') || className === 'Samples' || className === 'Echoes'

/** What of `used` is not as in `fresh`, or would stay as it is: a part made meanwhile is as a new one of its kind. */
function differences(used: Value, fresh: Value, path: string): string[] {
  const before = new Map(fieldsOf(fresh).map((it) => [it.name, it.value]))
  const renewal = String(call(used, 'function () { return String(this.renew) }').value)
  return fieldsOf(used).flatMap(({ name, value }) => {
    const at = `${path}.${name}`
    const expected = before.get(name)
    if (value?.subtype === 'array') return []
    if (!new RegExp(`this\\.${name}(?: =|\\?*\\.(?:renew|fill)\\()`).test(renewal) && !name.startsWith('#spare'))
      return [`${at} is not renewed`]
    if (value === undefined || !isPart(value))
      return JSON.stringify(value) === JSON.stringify(expected) ? [] : [`${at}: ${value?.description} instead of ${expected?.description}`]
    if (value.subtype === 'typedarray') return call(value, 'function () { return this.every((it) => it === 0) }').value === true ? [] : [at]
    if (expected !== undefined && isPart(expected)) return differences(value, expected, at)
    const inside = differences(value, call(value, 'function () { return new this.constructor() }'), at)
    return mayStay(name, value) ? inside : [at, ...inside]
  })
}

function fieldsOf({ objectId }: Value): Named[] {
  const told = ask<{ result: Named[]; privateProperties?: Named[] }>('Runtime.getProperties', { objectId, ownProperties: true })
  return [...told.result.filter(({ name }) => name !== '__proto__'), ...(told.privateProperties ?? [])]
}

const call = ({ objectId }: Value, functionDeclaration: string): Value =>
  ask<{ result: Value }>('Runtime.callFunctionOn', { objectId, functionDeclaration }).result

function remote(session: Session): Value {
  Object.assign(globalThis, { lookedAt: session })
  return ask<{ result: Value }>('Runtime.evaluate', { expression: 'lookedAt' }).result
}

const near = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -6_000, max: 6_000 }))
const segment = fc.record({
  fromA: fc.boolean(),
  gapNs: fc.oneof(fc.integer({ min: 0, max: 5e6 }), fc.integer({ min: -1e6, max: 9e9 })),
  seq: near,
  ack: near,
  length: fc.constantFrom(0, 0, 1, 700, 1_448, 1_448, 9_000),
  flags: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(ACK, ACK | PSH) }, fc.constantFrom(FIN | ACK, RST, SYN, SYN | ACK, 511)),
  window: fc.constantFrom(500, 500, 500, 0, 65_535),
  stamps: fc.boolean(),
  sacks: fc.constantFrom(0, 0, 0, 1, 3),
  quoted: fc.constantFrom(false, false, false, true),
  ecn: fc.constantFrom(0, 3),
})
type Segment = typeof segment extends fc.Arbitrary<infer T> ? T : never

/** A session of these segments, counted as the analysis does. */
function live(session: Session, segments: readonly Segment[]): void {
  const pool = new Pool()
  const next = [1_000, 5_000] as [number, number]
  let t = 0
  for (const [at, one] of [...opening, ...segments].entries()) {
    const [from, to] = one.fromA ? ([0, 1] as const) : ([1, 0] as const)
    const p = new Packet()
    t += one.gapNs
    Object.assign(p, {
      frame: at + 1,
      wire: one.length + 66,
      ipId: at & 0xffff,
      family: 4,
      windowScale: 7,
      mss: 1_460,
      sackPermitted: true,
    })
    Object.assign(p, { seq: next[from] + one.seq, ack: next[to] + one.ack, length: one.length, flags: one.flags, window: one.window })
    Object.assign(p, { hasTimestamps: one.stamps, tsval: at * 7, tsecr: at * 7 - 7, sacks: one.sacks, quoted: one.quoted, ecn: one.ecn })
    for (let edge = 0; edge < 2 * one.sacks; edge++) p.sack[edge] = p.ack + 700 * (edge + 1)
    if (at === 0) identify(session, p)
    const [mine, theirs] = one.fromA ? [session.a, session.b] : [session.b, session.a]
    session.turns.onTurn ??= () => undefined
    count(session, mine, theirs, p, t, one.fromA, label(session.labels, mine.labels, theirs.labels, pool, p, t))
    next[from] = Math.max(next[from], p.seq + one.length + ((one.flags & (SYN | FIN)) === 0 ? 0 : 1))
  }
  session.turns.end(session)
  session.a.labels.unacked.clear(pool)
  session.b.labels.unacked.clear(pool)
}

const opening: readonly Segment[] = [SYN, SYN | ACK, ACK].map((flags, at) => ({
  ...{ fromA: at !== 1, gapNs: 20e6, seq: 0, ack: 0, length: 0, flags },
  ...{ window: 500, stamps: true, sacks: 0, quoted: false, ecn: 0 },
}))

test('a session that was used and is used again remembers nothing, in no field', () => {
  const session = new Session()
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 250 }), (segments) => {
      live(session, segments)
      // It has lived: otherwise this would say nothing.
      expect(differences(remote(session), remote(new Session()), '').length).toBeGreaterThan(10)
      session.renew()
      expect(differences(remote(session), remote(new Session()), '')).toEqual([])
    }),
    { numRuns: 25 },
  )
})
