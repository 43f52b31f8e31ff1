/** The values that a feature can have, and what they are called here as variants. */
import { canonicalJson } from '@belay/base'
import type { JsonWire } from '@belay/protocol'
import { type Bag, isBag, isPoisoned, isText, listOf, own } from '../json.ts'

export type Values = {
  readonly variants: Readonly<Record<string, JsonWire>>
  /** Null: none, for it is null or of another type than the others. */
  name(value: unknown): string | null
  /** Values of other types than the feature's. */
  readonly odd: boolean
}

/** As a variant's name here (sdk/protocol). */
const nameCharactersMax = 100

/** @returns undefined where there is no value at all. */
export function valuesOf(feature: Bag): Values | undefined {
  const rules = listOf(own(feature, 'rules')).filter(isBag)
  const named = rules.flatMap((rule) => {
    const variations = listOf(own(rule, 'variations') ?? own(rule, 'contextualVariations'))
    const meta = listOf(own(rule, 'meta'))
    return variations.map((value, index) => ({ value, called: nameIn(meta[index]) }))
  })
  const all = [
    { value: own(feature, 'defaultValue'), called: undefined },
    ...rules.filter((rule) => Object.hasOwn(rule, 'force')).map((rule) => ({ value: rule.force, called: undefined })),
    ...named,
  ].filter(({ value }) => value !== undefined && value !== null)
  const [first] = all
  if (!first) return undefined
  const type = typeof first.value
  const fitting = all.filter(({ value }) => typeof value === type)
  const byText = Map.groupBy(fitting, ({ value }) => canonicalJson(value))
  const names = new Map<string, string>()
  const variants: [string, JsonWire][] = []
  for (const [text, same] of byText) {
    const value = same[0]?.value
    const wanted = nameOf(value, same.find(({ called }) => called !== undefined)?.called, variants.length)
    const name = variants.some(([taken]) => taken === wanted) ? `${wanted.slice(0, nameCharactersMax - 4)}-${variants.length + 1}` : wanted
    names.set(text, name)
    variants.push([name, value as JsonWire])
  }
  // Both, so that somebody can turn it round.
  if (type === 'boolean')
    for (const [name, value] of [
      ['on', true],
      ['off', false],
    ] as const)
      if (!names.has(canonicalJson(value))) variants.push([name, value])
  return {
    variants: Object.fromEntries(variants),
    name: (value) => (value === undefined || value === null ? null : (names.get(canonicalJson(value)) ?? null)),
    odd: fitting.length < all.length,
  }
}

function nameIn(meta: unknown): string | undefined {
  const name = isBag(meta) ? (own(meta, 'name') ?? own(meta, 'key')) : undefined
  return isText(name) && isName(name) ? name : undefined
}

function nameOf(value: unknown, called: string | undefined, index: number): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (typeof value === 'number') return String(value)
  if (isText(value) && isName(value)) return value
  return called ?? `variant-${index + 1}`
}
const isName = (it: string) => it !== '' && it.length <= nameCharactersMax - 10 && !isPoisoned(it) && !/[\r\n]/.test(it)
