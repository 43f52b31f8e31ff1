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
import { type State, valueAt } from '../state.ts'
import { numberOf, textOf } from '../values.ts'
import { spend } from '../work.ts'

/** What flagd adds to every context; a member of the context with this name is not seen. */
const injected = '$flagd'

const read: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const [path, otherwise] = [argument(nodes, 0), argument(nodes, 1)]
  if (!path.constant) {
    const { run } = path
    const byPath: Run = (data, state) => readPath(data, state, partsOf(run(data, state)), compiler.inElement)
    return dynamicNode(orElse(byPath, otherwise), traitsOf(nodes) | differsByFlag | readsTargetingKey)
  }
  const parts = partsOf(path.value)
  const attribute = isOfContext(parts, compiler) ? compiler.attributes.numberOf(parts) : undefined
  if (attribute === undefined) {
    const byPath: Run = (data, state) => readPath(data, state, parts, compiler.inElement)
    return dynamicNode(orElse(byPath, otherwise), traitsOf(nodes) | traitsOfPath(parts, compiler))
  }
  const traits = traitsOf(nodes) | traitsOfPath(parts, compiler)
  const byNumber: Run = (_data, state) => state.attribute(attribute)
  return { ...dynamicNode(orElse(byNumber, otherwise), traits), ...(otherwise === nothing ? { attribute } : {}) }
}

/** An empty path is the whole. */
const partsOf = (path: unknown): readonly string[] => (path === null || path === '' ? [] : textOf(path).split('.'))

const isOfContext = (parts: readonly string[], compiler: Compiler) => !compiler.inElement && parts.length > 0 && parts[0] !== injected

function traitsOfPath(parts: readonly string[], compiler: Compiler): number {
  if (compiler.inElement) return 0
  if (parts[0] === injected) return differsByFlag
  return parts[0] === 'targetingKey' ? readsTargetingKey : 0
}

/** Null, or what is written down, where there is nothing. */
function orElse(run: Run, otherwise: Node): Run {
  if (otherwise === nothing) {
    return (data, state) => {
      const value = run(data, state)
      return value === undefined ? null : value
    }
  }
  return (data, state) => {
    const value = run(data, state)
    return value === undefined ? otherwise.run(data, state) : value
  }
}

function readPath(data: unknown, state: State, parts: readonly string[], inElement: boolean): unknown {
  return !inElement && parts[0] === injected ? readInjected(state, parts) : valueAt(data, parts)
}

function readInjected(state: State, parts: readonly string[]): unknown {
  const timestamp = Math.floor(state.nowMs / 1_000)
  if (parts.length === 1) return { flagKey: state.about.flagKey, timestamp }
  if (parts.length > 2) return undefined
  return parts[1] === 'flagKey' ? state.about.flagKey : parts[1] === 'timestamp' ? timestamp : undefined
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
