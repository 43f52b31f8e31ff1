/** `if`, `and`, `or`, `!`: they run no more of their arguments than they need. */
import { constantNode, dynamicNode, type Node, nothing, type Operator, pureOne, type Run, traitsOf } from '../node.ts'
import { isTruthy } from '../values.ts'

/** `[test, then, test, then, …, else]`: the first whose test is true. Also `?:`. */
const choose: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const tests: Run[] = []
  const outcomes: Run[] = []
  const kept: Node[] = []
  let otherwise = nothing
  for (let nth = 0; nth < nodes.length; nth += 2) {
    const [test, outcome] = [nodes[nth] as Node, nodes[nth + 1]]
    // The last one without a partner is the else; a test that is always true makes its outcome one.
    if (outcome === undefined || (test.constant && isTruthy(test.value))) {
      otherwise = outcome ?? test
      break
    }
    if (test.constant) continue
    tests.push(test.run)
    outcomes.push(outcome.run)
    kept.push(test, outcome)
  }
  if (tests.length === 0) return otherwise
  return dynamicNode(chosen(tests, outcomes, otherwise.run), traitsOf([...kept, otherwise]))
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
    const last = nodes.at(-1)
    if (last === undefined) return nothing
    const asked = nodes.filter((node, nth) => nth === nodes.length - 1 || !node.constant)
    if (asked.length === 1) return last
    const runs = asked.slice(0, -1).map((node) => node.run)
    const { run: finally_ } = last
    const count = runs.length
    return dynamicNode((data, state) => {
      for (let nth = 0; nth < count; nth++) {
        const value = (runs[nth] as Run)(data, state)
        if (isTruthy(value) === truth) return value
      }
      return finally_(data, state)
    }, traitsOf(asked))
  }
}

/** Its first argument, and tells nobody. */
const log: Operator = (args, compiler) => (args.length === 0 ? constantNode(null) : compiler.compile(args[0] as (typeof args)[number]))

export const logicOperators: readonly (readonly [string, Operator])[] = [
  ['if', choose],
  ['?:', choose],
  ['or', firstThatIs(true)],
  ['and', firstThatIs(false)],
  ['!', pureOne((value) => !isTruthy(value))],
  ['!!', pureOne(isTruthy)],
  ['log', log],
]
