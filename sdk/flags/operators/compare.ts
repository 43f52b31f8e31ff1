/** Comparisons: with each other, with what is in a list, with how a text begins or ends. */
import { argument, dynamicNode, folded, type Node, type Operator, type Run } from '../node.ts'
import type { State } from '../state.ts'
import { holds, type Test, type TestKind, testKinds } from '../tests.ts'
import { isAtMost, isLess, looselyEqual, textOf } from '../values.ts'
import { spend } from '../work.ts'

type Compares = (a: unknown, b: unknown, state: State) => unknown

/** Two arguments, null where there is none. */
function two(nodes: readonly Node[], compares: Compares): Node {
  const pair = [argument(nodes, 0), argument(nodes, 1)] as const
  const [{ run: a }, { run: b }] = pair
  return folded(pair, (data, state) => compares(a(data, state), b(data, state), state))
}

/** An attribute of the context against a constant is a test (tests.ts), if there is one for such a constant. */
function testOr(compares: Compares, testOf: (constant: unknown) => readonly [kind: TestKind, against: unknown] | undefined): Operator {
  return (args, compiler) => {
    const nodes = args.map(compiler.compile)
    const [item, constant] = nodes
    if (item?.attribute === undefined || constant?.constant !== true) return two(nodes, compares)
    const found = testOf(constant.value)
    if (found === undefined) return two(nodes, compares)
    const [kind, against] = found
    return testNode({ kind, against, attribute: item.attribute }, item.traits)
  }
}

function testNode(test: Test, traits: number): Node {
  const { kind, attribute, against } = test
  return { ...dynamicNode((_data, state) => holds(kind, state.attribute(attribute), against), traits), test }
}

const isScalar = (value: unknown) => typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

/** `a < b`, and `a < b < c`: is b between the two? */
function order(compares: (a: unknown, b: unknown) => boolean): Operator {
  return (args, compiler) => {
    const nodes = args.map(compiler.compile)
    if (nodes.length < 3) return two(nodes, compares)
    const three = nodes.slice(0, 3)
    const [a, b, c] = three.map((node) => node.run) as [Run, Run, Run]
    return folded(three, (data, state) => {
      const middle = b(data, state)
      return compares(a(data, state), middle) && compares(middle, c(data, state))
    })
  }
}

function contains(item: unknown, among: unknown, state: State): boolean {
  if (Array.isArray(among)) {
    spend(state, among.length >> 3)
    return among.includes(item)
  }
  if (typeof among !== 'string') return false
  spend(state, among.length >> 6)
  return among.includes(textOf(item))
}

/** From this many on a Set is quicker than looking at one after the other. */
const setFrom = 6

/** Of a list that is written down; an attribute that is missing is null, as everywhere. */
function listTest(list: unknown): readonly [TestKind, unknown] | undefined {
  if (!Array.isArray(list) || list.includes(null)) return undefined
  return list.length < setFrom ? [testKinds.isListed, list] : [testKinds.isMember, new Set<unknown>(list)]
}

/** flagd: exactly two texts, else nothing. */
function affix(kind: TestKind, compares: (text: string, part: string) => boolean): Operator {
  const ofTexts: Compares = (a, b) => (typeof a === 'string' && typeof b === 'string' ? compares(a, b) : null)
  const operator = testOr(ofTexts, (part) => (typeof part === 'string' ? [kind, part] : undefined))
  return (args, compiler) => (args.length === 2 ? operator(args, compiler) : folded([], () => null))
}

export const compareOperators: readonly (readonly [string, Operator])[] = [
  ['==', testOr(looselyEqual, (constant) => (typeof constant === 'string' ? [testKinds.isText, constant] : undefined))],
  [
    '===',
    testOr(
      (a, b) => a === b,
      (constant) => (isScalar(constant) ? [testKinds.isExactly, constant] : undefined),
    ),
  ],
  ['!=', (args, compiler) => two(args.map(compiler.compile), (a, b) => !looselyEqual(a, b))],
  ['!==', (args, compiler) => two(args.map(compiler.compile), (a, b) => a !== b)],
  ['<', order(isLess)],
  ['<=', order(isAtMost)],
  ['>', order((a, b) => isLess(b, a))],
  ['>=', order((a, b) => isAtMost(b, a))],
  ['in', testOr(contains, listTest)],
  ['starts_with', affix(testKinds.starts, (text, part) => text.startsWith(part))],
  ['ends_with', affix(testKinds.ends, (text, part) => text.endsWith(part))],
]
