/**
 * `fractional: [bucketBy?, [variant, weight?], …]`, flagd's share: which variant a unit gets, by a hash and not by
 * chance. Source: flagd `core/pkg/evaluator/fractional.go` (version 2) and the decision record of version 3.
 */
import { bucketOfHash, hashOfValue, weightMax } from '../bucket.ts'
import { beginningOf, murmur3, murmur3After } from '../murmur3.ts'
import {
  type Compiler,
  differsByFlag,
  dynamicNode,
  type HashOf,
  listNode,
  type Node,
  type Operator,
  readsTargetingKey,
  type Run,
  traitsOf,
  valuesOf,
} from '../node.ts'
import { type State, targetingKeyNumber } from '../state.ts'
import type { JsonLogic } from '../types.ts'
import { joinedText, plainOf } from '../values.ts'
import { checkedText } from '../work.ts'

export const fractional: Operator = (args, compiler) => {
  const by = args.length > 0 && !Array.isArray(args[0]) ? bucketedBy(args[0] as JsonLogic, compiler) : undefined
  const entries = (by === undefined ? args : args.slice(1)).map((entry) => compiledEntry(entry, compiler))
  const traits = traitsOf(entries.map(({ node }) => node)) | (by?.node.traits ?? 0) | differsByFlag | readsTargetingKey
  const written = entries.map((entry) => entry.written)
  if (written.length > 0 && written.every((entry) => entry !== undefined)) return writtenShare(by?.hashOf ?? unitHash, written, traits)
  const runs = entries.map(({ node }) => node.run)
  return dynamicNode((data, state) => {
    const first = by?.node.run(data, state)
    const values = valuesOf(runs, data, state)
    // Where the first argument turns out to be a list, it is an entry.
    if (by === undefined || Array.isArray(first)) return shareOf(hashOfUnit(state), by === undefined ? values : [first, ...values])
    return shareOf(by.hashOf(data, state), values)
  }, traits)
}

/** `written`: its weight does not come from the context. */
type Entry = { readonly node: Node; readonly written?: { readonly variant: Node; readonly weight: number } | undefined }

function compiledEntry(entry: JsonLogic, compiler: Compiler): Entry {
  if (!Array.isArray(entry)) return { node: compiler.compile(entry) }
  const nodes = (entry as readonly JsonLogic[]).map(compiler.compile)
  const node = listNode(nodes)
  const [variant, weight] = nodes
  if (variant === undefined || nodes.length > 2 || (variant.constant && !isVariant(variant.value))) return { node }
  if (weight !== undefined && !weight.constant) return { node }
  const count = weight === undefined ? 1 : weightOf(weight.value)
  return { node, written: count === undefined ? undefined : { variant, weight: count } }
}

/** The usual share: the sums are made once. */
function writtenShare(hashOf: HashOf, written: readonly { readonly variant: Node; readonly weight: number }[], traits: number): Node {
  let total = 0
  const entries = written.map(({ variant, weight }) => ({ variant, end: (total += weight) }))
  if (total === 0 || total > weightMax) return dynamicNode(() => null, traits)
  const run: Run = (data, state) => {
    const hash = hashOf(data, state)
    if (hash === undefined) return null
    const bucket = bucketOfHash(hash, total)
    const entry = entries.find(({ end }) => bucket < end)
    return entry === undefined ? null : variantOf(entry.variant.run(data, state))
  }
  return { ...dynamicNode(run, traits), share: { hashOf, total, entries } }
}

type Bucketed = { readonly node: Node; readonly hashOf: HashOf }

function bucketedBy(by: JsonLogic, compiler: Compiler): Bucketed {
  const { node, hashOf } = salted(by, compiler) ?? byValue(compiler.compile(by))
  if ((node.traits & readsTargetingKey) === 0 || compiler.options.missingKey !== 'error') return { node, hashOf }
  // Without this all who have no key would be one unit, named by the salt alone.
  return { node, hashOf: (data, state) => (targetingKeyOf(state) === undefined ? missed(state) : hashOf(data, state)) }
}

const byValue = (node: Node): Bucketed => ({ node, hashOf: (data, state) => hashOfBy(node.run(data, state), state) })

/** `{"cat": [salt, attribute]}`, what nearly every share with a salt hashes: the salt is hashed once. */
function salted(by: JsonLogic, compiler: Compiler): Bucketed | undefined {
  const parts = typeof by === 'object' && by !== null && 'cat' in by ? by.cat : undefined
  if (!Array.isArray(parts) || parts.length !== 2 || typeof parts[0] !== 'string') return undefined
  const salt: string = parts[0]
  const { run: unit, traits } = compiler.compile(parts[1] as JsonLogic)
  const beginning = beginningOf(salt)
  const run: Run = (data, state) => checkedText(salt + joinedText(unit(data, state)))
  const hashOf: HashOf = (data, state) =>
    state.about.bucketing === 3 ? hashOfValue(run(data, state)) : murmur3After(beginning, joinedText(unit(data, state)))
  return { node: dynamicNode(run, traits), hashOf }
}

/** Version 2 hashes texts, 3 hashes every value that is no list; null is as if it were not there. */
function hashOfBy(by: unknown, state: State): number | undefined {
  if (typeof by === 'string' && state.about.bucketing === 2) return murmur3(by)
  if (by === null || by === undefined) return hashOfUnit(state)
  return state.about.bucketing === 2 || Array.isArray(by) ? undefined : hashOfValue(by)
}

const unitHash: HashOf = (_data, state) => hashOfUnit(state)

/** Of who has the targeting key, in the whole context also where the share stands in the rule of a `map`. */
function hashOfUnit(state: State): number | undefined {
  const targetingKey = targetingKeyOf(state)
  if (targetingKey === undefined) return missed(state)
  const { flagKey, bucketing, beginning } = state.about
  return bucketing === 3 ? hashOfValue([flagKey, targetingKey]) : murmur3After(beginning, targetingKey)
}

function missed(state: State): undefined {
  state.keyMissed = true
  return undefined
}

function targetingKeyOf(state: State): string | undefined {
  const key = state.attribute(targetingKeyNumber)
  return typeof key === 'string' && key !== '' ? key : undefined
}

/** A share whose entries or weights come from the context: all of it is looked at now. */
function shareOf(hash: number | undefined, entries: readonly unknown[]): unknown {
  if (hash === undefined) return null
  let total = 0
  const weights: number[] = []
  for (const entry of entries) {
    if (!Array.isArray(entry) || entry.length < 1 || entry.length > 2 || !isVariant(plainOf(entry[0]))) return null
    const weight = entry.length === 2 ? weightOf(entry[1]) : 1
    if (weight === undefined) return null
    weights.push(weight)
    total += weight
  }
  if (total === 0 || total > weightMax) return null
  const bucket = bucketOfHash(hash, total)
  let end = 0
  const nth = weights.findIndex((weight) => bucket < (end += weight))
  return plainOf((entries[nth] as readonly unknown[])[0])
}

/** Undefined where it is none: one weight that is no whole number makes the whole share say nothing. */
function weightOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value > weightMax) return undefined
  return Math.max(0, value)
}

const isVariant = (value: unknown) => value === null || typeof value !== 'object'

const variantOf = (value: unknown) => (isVariant(value) ? value : null)
