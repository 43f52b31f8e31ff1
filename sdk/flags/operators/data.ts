/** `var`, `missing` and `missing_some`: reading from the context. */
import {
  argument,
  type Compiler,
  differsByFlag,
  dynamicNode,
  type Node,
  nothing,
  type Operator,
  readsTargetingKey,
  type Run,
  traitsOf,
  valuesOf,
} from '../node.ts'
import { spend, type State } from '../state.ts'
import { memberOf, numberOf, plainOf, textOf } from '../values.ts'

/** What flagd adds to every context; a member of the context with this name is not seen. */
const injected = '$flagd'

const read: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const [path, otherwise] = [argument(nodes, 0), argument(nodes, 1)]
  if (!path.constant) {
    const { run } = path
    const inElement = compiler.inElement
    const byPath: Run = (data, state) => readPath(data, state, partsOf(run(data, state)), inElement)
    return dynamicNode(withDefault(byPath, otherwise), traitsOf(nodes) | differsByFlag | readsTargetingKey)
  }
  const parts = partsOf(path.value)
  return dynamicNode(withDefault(reader(parts, compiler), otherwise), traitsOf(nodes) | traitsOfPath(parts, compiler))
}

/** An empty path is the whole. */
const partsOf = (path: unknown): readonly string[] => (path === null || path === '' ? [] : textOf(path).split('.'))

function traitsOfPath(parts: readonly string[], compiler: Compiler): number {
  if (compiler.inElement) return 0
  if (parts[0] === injected) return differsByFlag
  return parts[0] === 'targetingKey' ? readsTargetingKey : 0
}

/** Undefined where there is nothing. */
function reader(parts: readonly string[], compiler: Compiler): Run {
  const inElement = compiler.inElement
  if (!inElement && parts[0] === injected) return (data, state) => readPath(data, state, parts, false)
  const [name] = parts
  if (name === undefined) return plainOf
  if (parts.length === 1) return (data) => memberOf(data, name)
  return (data, state) => readPath(data, state, parts, inElement)
}

function withDefault(run: Run, otherwise: Node): Run {
  if (otherwise === nothing) {
    return (data, state) => {
      const value = run(data, state)
      return typeof value === 'string' ? value : plainOf(value)
    }
  }
  return (data, state) => {
    const value = run(data, state)
    return value === undefined ? otherwise.run(data, state) : plainOf(value)
  }
}

function readPath(data: unknown, state: State, parts: readonly string[], inElement: boolean): unknown {
  if (parts.length === 0) return data
  if (!inElement && parts[0] === injected) return readInjected(state, parts)
  let value = data
  for (const part of parts) {
    value = memberOf(value, part)
    if (value === undefined) return undefined
  }
  return value
}

function readInjected(state: State, parts: readonly string[]): unknown {
  const timestamp = Math.floor(state.nowMs / 1_000)
  if (parts.length === 1) return { flagKey: state.flagKey, timestamp }
  if (parts.length > 2) return undefined
  return parts[1] === 'flagKey' ? state.flagKey : parts[1] === 'timestamp' ? timestamp : undefined
}

/** Which of the paths lead to nothing, to null or to an empty text. A list as the first argument is the list of paths. */
const missing: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const runs = nodes.map((node) => node.run)
  const inElement = compiler.inElement
  return dynamicNode((data, state) => {
    const values = valuesOf(runs, data, state)
    return missingOf(data, state, Array.isArray(values[0]) ? values[0] : values, inElement)
  }, traitsOf(nodes) | differsByFlag)
}

/** `[count, paths]`: nothing when at least so many are there, else those that are missing. */
const missingSome: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const [count, paths] = [argument(nodes, 0).run, argument(nodes, 1).run]
  const inElement = compiler.inElement
  return dynamicNode((data, state) => {
    const asked = paths(data, state)
    if (!Array.isArray(asked)) return []
    const gone = missingOf(data, state, asked, inElement)
    return asked.length - gone.length >= numberOf(count(data, state)) ? [] : gone
  }, traitsOf(nodes) | differsByFlag)
}

function missingOf(data: unknown, state: State, paths: readonly unknown[], inElement: boolean): unknown[] {
  spend(state, paths.length)
  return paths.filter((path) => {
    const value = readPath(data, state, partsOf(path), inElement)
    return value === undefined || value === null || value === ''
  })
}

export const dataOperators: readonly (readonly [string, Operator])[] = [
  ['var', read],
  ['missing', missing],
  ['missing_some', missingSome],
]
