/**
 * Unleash's own client specification, which its SDKs are tested with, against what we make of its features. A flag that
 * was carried over exactly gives Unleash's answer in every case; one that was carried over approximately in every case
 * that does not hang on a hash: those are the cases in which no choice of salt changes our answer, and somebody is
 * there to be hashed (Unleash then takes the session, or chance).
 */
import { readFileSync } from 'node:fs'

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { served } from '../fixtures.ts'
import { readImport } from '../read.ts'

type Context = { userId?: string; currentTime?: string; properties?: Record<string, unknown> } & Record<string, unknown>
type Case = { description: string; context: Context; toggleName: string }
type Spec = {
  name: string
  state: Record<string, unknown>
  tests?: (Case & { expectedResult: boolean })[]
  variantTests?: (Case & {
    expectedResult: { name: string; enabled: boolean; feature_enabled: boolean; payload?: { type: string; value: string } }
  })[]
}

const folder = dirname(fileURLToPath(import.meta.resolve('@unleash/client-specification/package.json')))
const load = (name: string) => JSON.parse(readFileSync(join(folder, 'specifications', name), 'utf8')) as unknown
const specs = (load('index.json') as string[]).map((name) => load(name) as Spec)
/** With so many salts a share of 1% goes unnoticed once in 400 million flags. */
const salts = Array.from({ length: 200 }, (_, index) => `${index}/`)

/** As a service of Unleash's would hand it to us. */
function contextOf({ userId, currentTime: _, properties, ...fields }: Context) {
  return { ...properties, ...fields, ...(userId === undefined ? {} : { targetingKey: userId }) }
}

describe("Unleash's client specification", () => {
  const counts = { exactly: 0, approximately: 0, hashed: 0, not: 0, absent: 0 }
  const flagCounts = { exactly: 0, approximately: 0, not: 0 }
  const streams: string[] = []

  for (const spec of specs) {
    if (spec.state.events !== undefined) {
      streams.push(spec.name)
      test(`${spec.name} is a stream of changes, which is refused`, () => {
        expect(() => readImport('unleash', JSON.stringify(spec.state))).toThrow('is a stream of changes')
      })
      continue
    }
    test(`${spec.name} is answered as Unleash does`, () => {
      const read = readImport('unleash', JSON.stringify(spec.state))
      const carried = new Map(read.flags.map((flag) => [flag.key, flag.carried]))
      for (const flag of read.flags) flagCounts[flag.carried] += 1
      const set = served(read)
      expect(set.problems).toEqual([])
      const sets = [...carried.values()].includes('approximately') ? salts.map((salt) => served(read, 'production', salt)) : []

      const check = (it: Case, wanted: unknown, answer: (from: ReturnType<typeof served>) => unknown) => {
        const how = carried.get(it.toggleName)
        if (how === undefined || how === 'not') {
          counts[how ?? 'absent'] += 1
          return
        }
        const ours = answer(set)
        if (
          how === 'approximately' &&
          (isKeyless(it, set) || sets.some((other) => JSON.stringify(answer(other)) !== JSON.stringify(ours)))
        ) {
          counts.hashed += 1
          return
        }
        counts[how] += 1
        expect(ours, `${it.toggleName} (${how}): ${it.description}`).toEqual(wanted)
      }
      const evaluate = (it: Case, from: ReturnType<typeof served>) =>
        from.evaluate(
          it.toggleName,
          contextOf(it.context),
          it.context.currentTime === undefined ? Date.now() : Date.parse(it.context.currentTime),
        )

      const isKeyless = (it: Case, from: ReturnType<typeof served>) => evaluate(it, from).errorCode === 'TARGETING_KEY_MISSING'

      for (const it of spec.tests ?? [])
        check(it, it.expectedResult, (from) => {
          const { variant, value } = evaluate(it, from)
          return variant !== undefined && value !== false
        })
      for (const it of spec.variantTests ?? []) {
        const { name, enabled, payload } = it.expectedResult
        const text = enabled ? (payload?.value ?? name) : null
        check(it, enabled ? { name, text } : null, (from) => {
          const { variant, value } = evaluate(it, from)
          return variant === undefined || typeof value === 'boolean'
            ? null
            : { name: variant, text: typeof value === 'string' ? value : JSON.stringify(value) }
        })
      }
    })
  }

  test('what is carried over, and what is not: regular expressions, some dependencies, names with other letters', () => {
    process.stdout.write(`Unleash's specification: ${JSON.stringify({ flags: flagCounts, cases: counts, streams: streams.length })}\n`)
    expect(flagCounts).toEqual({ exactly: 106, approximately: 20, not: 27 })
    expect(counts).toEqual({ exactly: 174, approximately: 14, hashed: 34, not: 50, absent: 3 })
  })
})
