import { compileFlagSet, type FlagDefinition, type Json } from '@belay/flag-evaluator'
import { eventually } from '@belay/testkit'
import { OpenFeature } from '@openfeature/server-sdk'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { handClock, listeningLogger, onOff, serverKey, startTestServer } from './fixtures.ts'
import { createBelayProvider } from './index.ts'

const attribute = fc.constantFrom('plan', 'country', 'age', 'email')
const value = fc.oneof(fc.constantFrom('pro', 'free', 'ch', 'ann@example.test'), fc.integer({ min: 0, max: 9 }), fc.boolean())
const condition = fc.oneof(
  fc.tuple(attribute, value).map(([name, it]): Json => ({ '==': [{ var: name }, it] })),
  attribute.map((name): Json => ({ ends_with: [{ var: name }, '@example.test'] })),
  fc.constant<Json>({ $ref: 'staff' }),
  fc.constant<Json>({ '<': [{ var: '$flagd.timestamp' }, 1_700_000_100] }),
)
const share = fc.integer({ min: 0, max: 100 }).map(
  (it): Json => ({
    fractional: [
      ['on', it],
      ['off', 100 - it],
    ],
  }),
)
const flag: fc.Arbitrary<FlagDefinition> = fc.record(
  {
    state: fc.constantFrom('ENABLED', 'ENABLED', 'DISABLED'),
    variants: fc.constant({ on: true, off: false }),
    defaultVariant: fc.constantFrom('on', 'off', null),
    targeting: fc.tuple(condition, share).map(([asked, split]): Json => ({ if: [asked, 'on', split] })),
  },
  { requiredKeys: ['state', 'variants', 'defaultVariant'] },
)
const context = fc.record({ targetingKey: fc.string(), plan: value, country: value, email: value }, { requiredKeys: [] })

test('the provider answers what the evaluator answers, for any flags and contexts', async () => {
  await using server = await startTestServer()
  const $evaluators = { staff: { in: [{ var: 'plan' }, ['pro', 3]] } }
  const clock = handClock(1_700_000_000_000)
  const provider = createBelayProvider({ url: server.url, key: serverKey, logger: listeningLogger(), clock })
  await OpenFeature.setProviderAndWait('laws', provider)
  const client = OpenFeature.getClient('laws')
  client.setLogger(listeningLogger())
  await eventually(() => server.streams.size === 1, { withinMs: 3_000 })
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.array(flag, { minLength: 1, maxLength: 5 }),
        fc.array(context, { minLength: 1, maxLength: 5 }),
        fc.nat(200_000),
        async (list, contexts, laterMs) => {
          const flags = Object.fromEntries(list.map((it, nth) => [`flag-${nth}`, it]))
          const marker = `round-${server.revision()}`
          server.publish({ set: { ...flags, [marker]: onOff('on') }, evaluators: $evaluators })
          await eventually(() => client.getBooleanValue(marker, false), { withinMs: 3_000, everyMs: 1 })
          const set = compileFlagSet({ flags, $evaluators }, { missingKey: 'error' })
          clock.set(1_700_000_000_000 + laterMs)
          for (const key of Object.keys(flags)) {
            for (const it of contexts) {
              const expected = set.evaluate(key, it, clock.now(), 'boolean')
              const { value, variant, reason, errorCode } = await client.getBooleanDetails(key, true, it)
              // The SDK drops the variant of an error.
              expect({ value, variant, reason, errorCode }).toEqual({
                value: expected.value ?? true,
                variant: expected.variant,
                reason: expected.reason,
                errorCode: expected.errorCode,
              })
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  } finally {
    await OpenFeature.clearProviders()
  }
})

test('a clock that jumps moves rules with a time in them, and neither loses the stream nor asks again', async () => {
  const early = { if: [{ '<': [{ var: '$flagd.timestamp' }, 1_800_000_000] }, 'on', 'off'] }
  await using server = await startTestServer({ flags: { a: onOff('off', { targeting: early }) } })
  const clock = handClock(1_700_000_000_000)
  const logger = listeningLogger()
  const provider = createBelayProvider({ url: server.url, key: serverKey, logger, clock })
  await provider.initialize?.()
  await eventually(() => server.streams.size === 1, { withinMs: 3_000 })
  const a = async () => (await provider.resolveBooleanEvaluation('a', false, {}, logger)).value
  expect(await a()).toBe(true)
  clock.set(1_900_000_000_000)
  expect(await a()).toBe(false)
  clock.set(0)
  expect(await a()).toBe(true)
  expect(server.streams.size).toBe(1)
  expect(server.asked).toEqual(['GET /api/sdk/definitions', 'GET /api/sdk/stream'])
  await provider.onClose?.()
})

test('a stream that is silent for 45 seconds is cut and opened again', async () => {
  await using server = await startTestServer({ flags: { a: onOff('on') } })
  const clock = handClock()
  const provider = createBelayProvider({ url: server.url, key: serverKey, logger: listeningLogger(), clock })
  await provider.initialize?.()
  await eventually(() => server.streams.size === 1, { withinMs: 3_000 })
  await new Promise((resolve) => setTimeout(resolve, 50))
  const streamsAsked = () => server.asked.filter((it) => it.endsWith('/stream')).length
  for (let nth = 0; nth < 8; nth++) await clock.tick(5_000)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(streamsAsked()).toBe(1)
  await eventually(
    async () => {
      await clock.tick(5_000)
      return streamsAsked() === 2
    },
    { withinMs: 3_000 },
  )
  await provider.onClose?.()
})
