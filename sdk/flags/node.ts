/** A rule in its compiled form: closures, made once and run many times. */
import { type Attributes, State } from './state.ts'
import type { Test } from './tests.ts'
import type { FlagSetOptions, JsonLogic } from './types.ts'
import { spend, TooMuchWork } from './work.ts'

/** `data`: what `var` reads from: the context, or the element that a `map` and its like are at. */
export type Run = (data: unknown, state: State) => unknown

export type Node = {
  readonly run: Run
  /** Whether `value` is the outcome for every context. */
  readonly constant: boolean
  readonly value: unknown
  /** A sum of the traits below, those of its arguments included. */
  readonly traits: number
  /** The attribute of the context that it is, by number. */
  readonly attribute?: number
  /** The comparison of an attribute with a constant that it is. */
  readonly test?: Test
  /** The share that it is, where its weights are written down. */
  readonly share?: Share
}

/** Undefined: there is nothing to hash, and the share says nothing. */
export type HashOf = (data: unknown, state: State) => number | undefined

/** A unit gets the variant whose end is the first above its bucket of `total`. */
export type Share = {
  readonly hashOf: HashOf
  readonly total: number
  readonly entries: readonly { readonly end: number; readonly variant: Node }[]
}

/** Reads `targetingKey`, whatever else it reads. */
export const readsTargetingKey = 1
/** Says something else for another flag and the same context: such an evaluator is asked again for each flag. */
export const differsByFlag = 2

/** What operators need of whoever compiles them. */
export type Compiler = {
  readonly options: FlagSetOptions
  readonly attributes: Attributes
  /** In the context that the rule itself is in. */
  compile(rule: JsonLogic): Node
  /** In an element of a list, where `var` reads from the element. */
  within(): Compiler
  readonly inElement: boolean
}

/** Arguments are as written; a single one need not be in a list (`{"!": x}`). */
export type Operator = (args: readonly JsonLogic[], compiler: Compiler) => Node

export function constantNode(value: unknown): Node {
  if (Array.isArray(value)) Object.freeze(value)
  return { run: () => value, constant: true, value, traits: 0 }
}

export const nothing: Node = constantNode(null)

export function dynamicNode(run: Run, traits: number): Node {
  return { run, constant: false, value: undefined, traits }
}

export const traitsOf = (nodes: readonly Node[]): number => nodes.reduce((traits, node) => traits | node.traits, 0)

/** The nth argument, or null where there is none. */
export const argument = (nodes: readonly Node[], nth: number): Node => nodes[nth] ?? nothing

/** An operator that looks at the values of all its arguments and at nothing else. */
export function pure(apply: (values: readonly unknown[], state: State) => unknown): Operator {
  return (args, compiler) => {
    const nodes = args.map(compiler.compile)
    const runs = nodes.map((node) => node.run)
    return folded(nodes, (data, state) => apply(valuesOf(runs, data, state), state))
  }
}

/** The same for one argument, and for two: no list of values is made. */
export function pureOne(apply: (value: unknown) => unknown): Operator {
  return (args, compiler) => {
    const node = argument(args.map(compiler.compile), 0)
    const { run } = node
    return folded([node], (data, state) => apply(run(data, state)))
  }
}

export function pureTwo(apply: (a: unknown, b: unknown, state: State) => unknown): Operator {
  return (args, compiler) => {
    const nodes = args.map(compiler.compile)
    const [{ run: a }, { run: b }] = [argument(nodes, 0), argument(nodes, 1)]
    return folded(nodes, (data, state) => apply(a(data, state), b(data, state), state))
  }
}

/** A list that is written down, each element being a rule. */
export function listNode(nodes: readonly Node[]): Node {
  if (nodes.every((node) => node.constant)) return constantNode(nodes.map((node) => node.value))
  const runs = nodes.map((node) => node.run)
  return dynamicNode((data, state) => valuesOf(runs, data, state), traitsOf(nodes))
}

export function valuesOf(runs: readonly Run[], data: unknown, state: State): unknown[] {
  const values = new Array<unknown>(runs.length)
  for (let nth = 0; nth < runs.length; nth++) {
    const value = (runs[nth] as Run)(data, state)
    // Whatever looks at a list looks at all of it.
    if (Array.isArray(value)) spend(state, value.length)
    values[nth] = value
  }
  return values
}

/** Runs it now when its arguments are constants, since it would say the same every time. */
export function folded(nodes: readonly Node[], run: Run): Node {
  const traits = traitsOf(nodes)
  if (!nodes.every((node) => node.constant)) return dynamicNode(run, traits)
  try {
    return constantNode(run(null, new State()))
  } catch (thrown) {
    // Too large a text, for one: it is said when the flag is asked for, like everything that a context brings about.
    if (thrown instanceof TooMuchWork) return dynamicNode(run, traits)
    throw thrown
  }
}
