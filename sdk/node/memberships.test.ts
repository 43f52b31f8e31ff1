import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '@belay/testkit'
import { describe, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import { handClock, listeningLogger, onOff, serverKey, startTestServer } from './fixtures.ts'
import { createBelayProvider } from './index.ts'
import { type Answered, createMemberships, rememberedMax } from './memberships.ts'

const soon = { withinMs: 3_000 }
const inBeta = { if: [{ in_segment: ['beta', { var: 'targetingKey' }] }, 'on', 'off'] }
const flags = { a: onOff('off', { targeting: inBeta }) }

async function open() {
  const server = await startTestServer({ flags })
  server.lists.set('beta', new Set(['ann']))
  const provider = createBelayProvider({ url: server.url, key: serverKey, logger: listeningLogger() })
  await provider.initialize?.()
  const logger = listeningLogger()
  return {
    server,
    provider,
    of: async (targetingKey: string) => {
      const { value, reason } = await provider.resolveBooleanEvaluation('a', false, { targetingKey }, logger)
      return [value, reason]
    },
    [Symbol.asyncDispose]: async () => {
      await provider.onClose?.()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('a list segment', () => {
  test('is asked for once, together with others, and remembered', async () => {
    await using it = await open()
    expect(await Promise.all(['ann', 'bob', 'cyd', 'ann'].map(it.of))).toEqual([
      [true, 'TARGETING_MATCH'],
      [false, 'TARGETING_MATCH'],
      [false, 'TARGETING_MATCH'],
      [true, 'TARGETING_MATCH'],
    ])
    await it.of('ann')
    expect(it.server.memberQuestions).toEqual([['ann', 'bob', 'cyd']])
  })

  test('is asked for again when its members changed, and only then', async () => {
    await using it = await open()
    await it.of('bob')
    await eventually(() => it.server.streams.size === 1, soon)
    it.server.publish({ set: { other: onOff('on') } }, ['another-list'])
    it.server.lists.get('beta')?.add('bob')
    await sleep(50)
    expect(await it.of('bob')).toEqual([false, 'TARGETING_MATCH'])
    it.server.publish({}, ['beta'])
    await eventually(async () => (await it.of('bob'))[0], soon)
    expect(it.server.memberQuestions).toHaveLength(2)
  })

  test('is known ahead for keys that were asked for ahead', async () => {
    await using it = await open()
    await it.provider.know(Array.from({ length: 1_500 }, (_, nth) => `user-${nth}`))
    expect(new Set(it.server.memberQuestions.map((keys) => keys.length))).toEqual(new Set([1_000, 500]))
    await it.of('user-7')
    expect(it.server.memberQuestions).toHaveLength(2)
  })

  test('counts as not entered when the server does not answer in time, and the answer says so', async () => {
    await using it = await open()
    it.server.misbehave['/api/sdk/membership'] = { hang: true }
    const startMs = performance.now()
    expect(await it.of('ann')).toEqual([false, 'STALE'])
    expect(performance.now() - startMs).toBeGreaterThan(240)
    expect(performance.now() - startMs).toBeLessThan(1_000)
  })

  test('makes nobody wait while the server is known to be away', async () => {
    await using it = await open()
    expect(await it.of('ann')).toEqual([true, 'TARGETING_MATCH'])
    await it.server.stop()
    expect(await it.of('bob')).toEqual([false, 'STALE'])
    const startMs = performance.now()
    for (let nth = 0; nth < 100; nth++) expect(await it.of(`user-${nth}`)).toEqual([false, 'STALE'])
    expect(performance.now() - startMs).toBeLessThan(500)
    // What was known stays.
    expect(await it.of('ann')).toEqual([true, 'TARGETING_MATCH'])
  })
})

describe('what is remembered', () => {
  const answered = async (keys: string[]): Promise<Answered> => ({
    revision: 1,
    members: Object.fromEntries(keys.map((key) => [key, ['beta']])),
  })

  test('is bounded, and keeps who was asked for last', async () => {
    const memberships = createMemberships(answered, systemClock, listeningLogger())
    const everybody = Array.from({ length: 3 * rememberedMax }, (_, nth) => `user-${nth}`)
    for (let from = 0; from < everybody.length; from += 10_000) {
      await memberships.learn(everybody.slice(from, from + 10_000))
      expect(memberships.inSegment('beta', 'user-0')).toBe(true)
    }
    const remembered = everybody.filter((key) => memberships.inSegment('beta', key) !== undefined).length
    expect(remembered).toBeLessThanOrEqual(2 * rememberedMax)
    expect(remembered).toBeGreaterThanOrEqual(rememberedMax)
  })

  test('an answer that was given before a change does not count after it', async () => {
    let release = () => {}
    const memberships = createMemberships(
      async (keys) => {
        const answer = await answered(keys)
        await new Promise<void>((resolve) => {
          release = resolve
        })
        return answer
      },
      systemClock,
      listeningLogger(),
    )
    const learning = memberships.learn(['ann'])
    await sleep(20)
    memberships.outdate(['beta'], 2)
    release()
    await learning
    memberships.missed.clear()
    expect(memberships.inSegment('beta', 'ann')).toBe(true)
    expect([...memberships.missed]).toEqual(['ann'])
    memberships.missed.clear()
    expect(memberships.inSegment('other', 'ann')).toBe(false)
    expect(memberships.missed.size).toBe(0)
  })

  test('an answer of a server that lags behind counts, and is asked for once more a moment later', async () => {
    const clock = handClock()
    const answers: Answered[] = [
      { revision: 1, members: { ann: [] } },
      { revision: 2, members: { ann: ['beta'] } },
    ]
    let asked = 0
    const memberships = createMemberships(async () => answers[asked++] as Answered, clock, listeningLogger())
    memberships.outdate(['beta'], 2)
    const learning = memberships.learn(['ann'])
    await clock.tick(2)
    await learning
    expect(memberships.inSegment('beta', 'ann')).toBe(false)
    expect(memberships.missed.size).toBe(0)
    await clock.tick(1_000)
    expect(memberships.inSegment('beta', 'ann')).toBe(true)
    await clock.tick(60_000)
    expect(asked).toBe(2)
  })

  test('a key with a name that objects have is a key like others', async () => {
    const memberships = createMemberships(async () => ({ revision: 1, members: {} }), systemClock, listeningLogger())
    await memberships.learn(['__proto__', 'constructor'])
    expect(memberships.inSegment('beta', '__proto__')).toBe(false)
    expect(memberships.inSegment('beta', 'constructor')).toBe(false)
  })
})
