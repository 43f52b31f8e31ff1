/** `map` and its like: a rule for each element of a list. What they cost is counted, see `stepsMax`. */
import { type Compiler, dynamicNode, type Node, nothing, type Operator, pure, type Run, traitsOf } from '../node.ts'
import type { State } from '../state.ts'
import type { JsonLogic } from '../types.ts'
import { isTruthy } from '../values.ts'
import { spend } from '../work.ts'

/** The list and the rule for each element, with what one run of it costs. */
function parts(args: readonly JsonLogic[], compiler: Compiler): { list: Node; each: Node; cost: number } {
  const [list, rule] = [args[0] ?? null, args[1] ?? null]
  return { list: compiler.compile(list), each: compiler.within().compile(rule), cost: partsOf(rule) }
}

/** How many values there are in it: at least as many steps as a run takes. */
function partsOf(rule: JsonLogic): number {
  if (typeof rule !== 'object' || rule === null) return 1
  return Object.values(rule).reduce<number>((count, part) => count + partsOf(part as JsonLogic), 1)
}

const none: readonly unknown[] = []

function listFrom(run: Run, data: unknown, state: State, cost: number): readonly unknown[] {
  const list = run(data, state)
  if (!Array.isArray(list)) return none
  spend(state, list.length * cost)
  return list
}

function overList(apply: (list: readonly unknown[], each: Run, state: State) => unknown): Operator {
  return (args, compiler) => {
    const { list, each, cost } = parts(args, compiler)
    const [listRun, eachRun] = [list.run, each.run]
    return dynamicNode((data, state) => apply(listFrom(listRun, data, state, cost), eachRun, state), traitsOf([list, each]))
  }
}

const reduce: Operator = (args, compiler) => {
  const { list, each, cost } = parts(args, compiler)
  const initial = args.length > 2 ? compiler.compile(args[2] as JsonLogic) : nothing
  return dynamicNode(
    (data, state) =>
      listFrom(list.run, data, state, cost).reduce(
        (accumulator, current) => each.run({ current, accumulator }, state),
        initial.run(data, state),
      ),
    traitsOf([list, each, initial]),
  )
}

export const listOperators: readonly (readonly [string, Operator])[] = [
  ['map', overList((list, each, state) => list.map((element) => each(element, state)))],
  ['filter', overList((list, each, state) => list.filter((element) => isTruthy(each(element, state))))],
  // Of an empty list nothing is true, as in JsonLogic.
  ['all', overList((list, each, state) => list.length > 0 && list.every((element) => isTruthy(each(element, state))))],
  ['none', overList((list, each, state) => !list.some((element) => isTruthy(each(element, state))))],
  ['some', overList((list, each, state) => list.some((element) => isTruthy(each(element, state))))],
  ['reduce', reduce],
  // One list of all: a value that is no list is an element.
  ['merge', pure((values) => values.flat(1))],
]
