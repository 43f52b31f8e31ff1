/** `if`, `and`, `or`, `!`: they run no more of their arguments than they need. */
import { constantNode, dynamicNode, type Compiler, type Node, nothing, type Operator, pureOne, type Run, traitsOf } from '../node.ts'
import type { JsonLogic } from '../types.ts'
import { isTruthy } from '../values.ts'

/** The tests of an `if`, each with what comes of it, as far as they can be reached. */
export type Choice = { readonly branches: readonly { readonly test: Node; readonly outcome: JsonLogic }[]; readonly otherwise: JsonLogic }

/** `[test, then, test, then, …, else]`. Outcomes are left to be compiled, by whom they are for. */
export function choiceOf(args: readonly JsonLogic[], compiler: Compiler): Choice {
  const branches: { test: Node; outcome: JsonLogic }[] = []
  for (let nth = 0; nth < args.length; nth += 2) {
    const [rule, outcome] = [args[nth] as JsonLogic, args[nth + 1]]
    // The last one without a partner is the else; a test that is always true makes its outcome one.
    if (outcome === undefined) return { branches, otherwise: rule }
    const test = compiler.compile(rule)
    if (!test.constant) branches.push({ test, outcome })
    else if (isTruthy(test.value)) return { branches, otherwise: outcome }
  }
  return { branches, otherwise: null }
}

/** The first whose test is true. Also `?:`. */
const choose: Operator = (args, compiler) => {
  const choice = choiceOf(args, compiler)
  const otherwise = compiler.compile(choice.otherwise)
  if (choice.branches.length === 0) return otherwise
  const outcomes = choice.branches.map(({ outcome }) => compiler.compile(outcome))
  const tests = choice.branches.map(({ test }) => test)
  const run = chosen(
    tests.map((node) => node.run),
    outcomes.map((node) => node.run),
    otherwise.run,
  )
  return dynamicNode(run, traitsOf([...tests, ...outcomes, otherwise]))
}

function chosen(tests: readonly Run[], outcomes: readonly Run[], otherwise: Run): Run {
  const [test, outcome] = [tests[0] as Run, outcomes[0] as Run]
  if (tests.length === 1) return (data, state) => (isTruthy(test(data, state)) ? outcome(data, state) : otherwise(data, state))
  const count = tests.length
  return (data, state) => {
    for (let nth = 0; nth < count; nth++) {
      if (isTruthy((tests[nth] as Run)(data, state))) return (outcomes[nth] as Run)(data, state)
    }
    return otherwise(data, state)
  }
}

/** The first argument that is true (`or`) or is not (`and`), else the last one. */
function firstThatIs(truth: boolean): Operator {
  return (args, compiler) => {
    const nodes: Node[] = []
    for (const arg of args) {
      const node = compiler.compile(arg)
      nodes.push(node)
      if (node.constant && isTruthy(node.value) === truth) break
    }
    const last = nodes.pop()
    if (last === undefined) return nothing
    const asked = nodes.filter((node) => !node.constant)
    if (asked.length === 0) return last
    const runs = asked.map((node) => node.run)
    const atLast = last.run
    const count = runs.length
    return dynamicNode(
      (data, state) => {
        for (let nth = 0; nth < count; nth++) {
          const value = (runs[nth] as Run)(data, state)
          if (isTruthy(value) === truth) return value
        }
        return atLast(data, state)
      },
      traitsOf([...asked, last]),
    )
  }
}

/** Its first argument, and tells nobody. */
const log: Operator = (args, compiler) => (args.length === 0 ? constantNode(null) : compiler.compile(args[0] as JsonLogic))

export const choiceOperators: readonly (readonly [string, Operator])[] = [
  ['if', choose],
  ['?:', choose],
  ['or', firstThatIs(true)],
  ['and', firstThatIs(false)],
  ['!', pureOne((value) => !isTruthy(value))],
  ['!!', pureOne(isTruthy)],
  ['log', log],
]
