/**
 * `fractional: [bucketBy?, [variant, weight?], …]`, flagd's share: which variant a unit gets, by a hash and not by
 * chance. Source: flagd `core/pkg/evaluator/fractional.go` (version 2) and the decision record of version 3.
 */
import { type BucketingVersion, bucketOfHash, hashOfValue, weightMax } from '../bucket.ts'
import { murmur3Joined } from '../murmur3.ts'
import {
  type Compiler,
  differsByFlag,
  dynamicNode,
  listNode,
  type Node,
  type Operator,
  readsTargetingKey,
  type Run,
  traitsOf,
  valuesOf,
} from '../node.ts'
import { checkedText, type State } from '../state.ts'
import type { JsonLogic } from '../types.ts'
import { joinedText, plainOf } from '../values.ts'

export const fractional: Operator = (args, compiler) => {
  const by = args.length > 0 && !Array.isArray(args[0]) ? bucketedBy(args[0] as JsonLogic, compiler) : undefined
  const entries = (by === undefined ? args : args.slice(1)).map((entry) => compiledEntry(entry, compiler))
  const traits = traitsOf(entries.map(({ node }) => node)) | (by?.node.traits ?? 0) | differsByFlag | readsTargetingKey
  const written = entries.map((entry) => entry.written)
  if (written.every((entry) => entry !== undefined)) return dynamicNode(writtenShare(by?.hashOf ?? unitHash, written), traits)
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
type Entry = { readonly node: Node; readonly written?: { readonly variant: Run; readonly weight: number } | undefined }

function compiledEntry(entry: JsonLogic, compiler: Compiler): Entry {
  if (!Array.isArray(entry)) return { node: compiler.compile(entry) }
  const nodes = (entry as readonly JsonLogic[]).map(compiler.compile)
  const node = listNode(nodes)
  const [variant, weight] = nodes
  if (variant === undefined || nodes.length > 2 || (variant.constant && !isVariant(variant.value))) return { node }
  if (weight !== undefined && !weight.constant) return { node }
  const count = weight === undefined ? 1 : weightOf(weight.value)
  return { node, written: count === undefined ? undefined : { variant: variant.run, weight: count } }
}

/** The usual share: the sums are made once. */
function writtenShare(hashOf: HashOf, entries: readonly { readonly variant: Run; readonly weight: number }[]): Run {
  const total = entries.reduce((sum, entry) => sum + entry.weight, 0)
  if (total === 0 || total > weightMax) return () => null
  let sum = 0
  const ends = entries.map((entry) => (sum += entry.weight))
  const variants = entries.map((entry) => entry.variant)
  return (data, state) => {
    const hash = hashOf(data, state)
    if (hash === undefined) return null
    const bucket = bucketOfHash(hash, total)
    let nth = 0
    while ((ends[nth] as number) <= bucket) nth++
    return variantOf((variants[nth] as Run)(data, state))
  }
}

/** Undefined: nothing to hash. */
type HashOf = (data: unknown, state: State) => number | undefined

type Bucketed = { readonly node: Node; readonly hashOf: HashOf }

function bucketedBy(by: JsonLogic, compiler: Compiler): Bucketed {
  const { node, hashOf } = joined(by, compiler) ?? byValue(compiler.compile(by))
  if ((node.traits & readsTargetingKey) === 0 || compiler.options.missingKey !== 'error') return { node, hashOf }
  // Without this all who have no key would be one unit, named by the salt alone.
  return { node, hashOf: (data, state) => (targetingKeyOf(state) === undefined ? missed(state) : hashOf(data, state)) }
}

const byValue = (node: Node): Bucketed => ({ node, hashOf: (data, state) => hashOfBy(node.run(data, state), state) })

/** `{"cat": [salt, attribute]}`, what nearly every share with a salt hashes: the two are not joined first. */
function joined(by: JsonLogic, compiler: Compiler): Bucketed | undefined {
  const parts = typeof by === 'object' && by !== null && 'cat' in by ? by.cat : undefined
  if (!Array.isArray(parts) || parts.length !== 2) return undefined
  const nodes = (parts as readonly JsonLogic[]).map(compiler.compile) as [Node, Node]
  const [first, second] = [nodes[0].run, nodes[1].run]
  const run: Run = (data, state) => checkedText(joinedText(first(data, state)) + joinedText(second(data, state)))
  const hashOf: HashOf = (data, state) =>
    state.bucketing === 3 ? hashOfValue(run(data, state)) : murmur3Joined(joinedText(first(data, state)), joinedText(second(data, state)))
  return { node: dynamicNode(run, traitsOf(nodes)), hashOf }
}

/** Version 2 hashes texts, 3 hashes every value that is no list; null is as if it were not there. */
function hashOfBy(by: unknown, state: State): number | undefined {
  if (typeof by === 'string' && state.bucketing === 2) return murmur3Joined(by, '')
  if (by === null || by === undefined) return hashOfUnit(state)
  return state.bucketing === 2 || Array.isArray(by) ? undefined : hashOfValue(by)
}

const unitHash: HashOf = (_data, state) => hashOfUnit(state)

function hashOfUnit(state: State): number | undefined {
  const targetingKey = targetingKeyOf(state)
  if (targetingKey === undefined) return missed(state)
  return hashOfKeys[state.bucketing](state.flagKey, targetingKey)
}

const hashOfKeys: Readonly<Record<BucketingVersion, (flagKey: string, targetingKey: string) => number>> = {
  2: murmur3Joined,
  3: (flagKey, targetingKey) => hashOfValue([flagKey, targetingKey]),
}

function missed(state: State): undefined {
  state.keyMissed = true
  return undefined
}

/** Of the context itself, also where the share stands in the rule of a `map`. */
function targetingKeyOf({ context }: State): string | undefined {
  const key = Object.hasOwn(context, 'targetingKey') ? context.targetingKey : undefined
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
