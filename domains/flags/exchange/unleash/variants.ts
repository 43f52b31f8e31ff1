/** Unleash's variants: a name, a weight and perhaps a payload, on the feature and on strategies. */
import type { JsonWire } from '@belay/protocol'
import { type Bag, isBag, isPoisoned, isText, listOf, own, whyUnsafe } from '../json.ts'
import type { Weighted } from '../steps.ts'
import type { Feature } from './document.ts'

export type Variant = {
  readonly name: string
  readonly weight: number
  readonly stickiness: string | undefined
  readonly payload: { readonly type: string; readonly value: string } | undefined
  readonly overrides: readonly { readonly field: string; readonly values: readonly string[] }[]
}

/** What the feature's variants are called and worth here. */
export type Values = {
  /** No variants at all: on and off. */
  readonly plain: boolean
  readonly variants: Readonly<Record<string, JsonWire>>
  /** Our name of theirs; names are theirs, unless two with different payloads share one. */
  name(variant: Variant): string
  /** Ours of this name of theirs. */
  called(name: string): readonly string[]
  readonly notes: readonly string[]
}

/** Those that somebody can get; undefined where none is. */
export function drawable(raw: readonly unknown[] | undefined): readonly Variant[] | undefined {
  const variants = (raw ?? []).filter(isBag).map(variantOf)
  return variants.some(({ weight }) => weight > 0) ? variants : undefined
}

function variantOf(raw: Bag): Variant {
  const [name, weight, stickiness, payload] = [own(raw, 'name'), own(raw, 'weight'), own(raw, 'stickiness'), own(raw, 'payload')]
  const value = isBag(payload) ? own(payload, 'value') : undefined
  const type = isBag(payload) ? own(payload, 'type') : undefined
  return {
    name: isText(name) ? name : '',
    weight: typeof weight === 'number' && weight > 0 ? Math.min(100_000, Math.round(weight)) : 0,
    stickiness: isText(stickiness) && stickiness !== '' ? stickiness : undefined,
    payload:
      value === undefined ? undefined : { type: isText(type) ? type : 'string', value: isText(value) ? value : JSON.stringify(value) },
    overrides: listOf(own(raw, 'overrides'))
      .filter(isBag)
      .map((it) => ({ field: String(own(it, 'contextName')), values: listOf(own(it, 'values')).filter(isText) })),
  }
}

export const weighted = (variants: readonly Variant[], values: Values): Weighted[] =>
  variants.map((variant) => ({ variant: values.name(variant), weight: variant.weight }))

/** @returns why not, where a name cannot be one here. */
export function valuesOf(feature: Feature): Values | { cannot: string } {
  const lists = [
    feature.variants,
    ...[...feature.standings.values()].flatMap((it) => [it.variants, ...it.strategies.map((strategy) => strategy.variants)]),
  ]
  const all = lists.flatMap((list) => drawable(list) ?? [])
  const odd = all.find(({ name }) => name === '' || name.length > 90 || isPoisoned(name))
  if (odd) return { cannot: `${JSON.stringify(odd.name)} cannot be the name of a variant` }
  const kind = kindOf(all)
  const names = new Map<string, string>()
  const variants: [string, JsonWire][] = []
  for (const variant of all) {
    if (names.has(idOf(variant))) continue
    const others =
      all.findIndex((it) => it.name === variant.name) === all.indexOf(variant)
        ? 0
        : [...names.keys()].filter((it) => it.startsWith(`${JSON.stringify(variant.name)} `)).length
    const name = others === 0 ? variant.name : `${variant.name}-${others + 1}`
    names.set(idOf(variant), name)
    variants.push([name, valueOf(variant, kind)])
  }
  const renamed = [...names.values()].filter((name) => !all.some((it) => it.name === name))
  return {
    plain: all.length === 0,
    variants: all.length === 0 ? { on: true, off: false } : Object.fromEntries(variants),
    name: (variant) => names.get(idOf(variant)) as string,
    called: (name) => [...names].filter(([id]) => id.startsWith(`${JSON.stringify(name)} `)).map(([, our]) => our),
    notes: [
      ...(kind === 'mixed' ? ['Its variants have payloads of several types; here a flag has one, so all of them are texts.'] : []),
      ...(all.some(({ payload }) => payload === undefined) ? ['A variant without a payload has its name as its value.'] : []),
      ...(renamed.length > 0 ? [`Variants of one name have different payloads, so some are called ${renamed.join(', ')}.`] : []),
    ],
  }
}

const idOf = ({ name, payload }: Variant) => `${JSON.stringify(name)} ${JSON.stringify([payload?.type, payload?.value])}`

function kindOf(all: readonly Variant[]): 'number' | 'object' | 'text' | 'mixed' {
  const kinds = new Set(
    all.map(({ payload }) =>
      payload?.type === 'number' && isNumber(payload.value)
        ? 'number'
        : payload?.type === 'json' && objectIn(payload.value)
          ? 'object'
          : 'text',
    ),
  )
  const [kind = 'text'] = kinds
  return kinds.size > 1 ? 'mixed' : kind
}

function valueOf({ name, payload }: Variant, kind: ReturnType<typeof kindOf>): JsonWire {
  if (payload === undefined) return name
  if (kind === 'number') return Number(payload.value)
  return kind === 'object' ? (objectIn(payload.value) as JsonWire) : payload.value
}

const isNumber = (text: string) => text.trim() !== '' && Number.isFinite(Number(text))
function objectIn(text: string): object | undefined {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && whyUnsafe(value) === undefined ? value : undefined
  } catch {
    return undefined // Not JSON, though it says so: then it is a text like any other.
  }
}
