/** Comparisons, arithmetic, and what makes texts of texts. */
import { argument, dynamicNode, folded, type Operator, pure, pureTwo } from '../node.ts'
import { checkedText, spend, type State } from '../state.ts'
import { isAtMost, isLess, joinedText, looselyEqual, numberOf, textOf } from '../values.ts'

type Holds = (a: unknown, b: unknown) => boolean

/** Two arguments, and most often the second one is written down. */
function equality(holds: Holds): Operator {
  return (args, compiler) => {
    const nodes = args.map(compiler.compile)
    const [a, b] = [argument(nodes, 0), argument(nodes, 1)]
    const { run } = a
    if (b.constant && !a.constant) {
      const { value } = b
      return dynamicNode((data, state) => holds(run(data, state), value), a.traits)
    }
    return folded([a, b], (data, state) => holds(run(data, state), b.run(data, state)))
  }
}

/** `a < b`, and `a < b < c`: is b between the two? */
function order(holds: Holds): Operator {
  const two = pureTwo(holds)
  const between: Operator = (args, compiler) => {
    const nodes = args.slice(0, 3).map(compiler.compile)
    const [a, b, c] = [argument(nodes, 0).run, argument(nodes, 1).run, argument(nodes, 2).run]
    return folded(nodes, (data, state) => {
      const middle = b(data, state)
      return holds(a(data, state), middle) && holds(middle, c(data, state))
    })
  }
  return (args, compiler) => (args.length > 2 ? between : two)(args, compiler)
}

/** JsonLogic reads the arguments of sums and products as texts that begin with a number. */
const leadingNumber = (value: unknown) => (typeof value === 'number' ? value : Number.parseFloat(textOf(value)))

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

/** Is the first in the second: an element of a list, or a part of a text? A list that is written down is looked up. */
const within: Operator = (args, compiler) => {
  const nodes = args.map(compiler.compile)
  const [item, among] = [argument(nodes, 0), argument(nodes, 1)]
  const { run } = item
  if (among.constant && !item.constant) {
    const { value } = among
    if (Array.isArray(value) && value.length >= setFrom) {
      const members = new Set<unknown>(value)
      return dynamicNode((data, state) => members.has(run(data, state)), item.traits)
    }
    if (Array.isArray(value)) return dynamicNode((data, state) => value.includes(run(data, state)), item.traits)
  }
  return folded([item, among], (data, state) => contains(run(data, state), among.run(data, state), state))
}

/** `start` and `length` as in JsonLogic: from the end when negative. */
function partOf(values: readonly unknown[]): string {
  const text = textOf(values[0])
  const start = numberOf(values[1] ?? 0) || 0
  const from = start < 0 ? Math.max(0, text.length + start) : start
  if (values.length < 3) return text.slice(from)
  const length = numberOf(values[2]) || 0
  const rest = text.slice(from)
  return length < 0 ? rest.slice(0, Math.max(0, rest.length + length)) : rest.slice(0, length)
}

/** flagd: exactly two texts, else nothing. */
function affix(holds: (text: string, part: string) => boolean): Operator {
  const two = pureTwo((a, b) => (typeof a === 'string' && typeof b === 'string' ? holds(a, b) : null))
  const none = pure(() => null)
  return (args, compiler) => (args.length === 2 ? two : none)(args, compiler)
}

export const compareOperators: readonly (readonly [string, Operator])[] = [
  ['==', equality(looselyEqual)],
  ['!=', equality((a, b) => !looselyEqual(a, b))],
  ['===', equality((a, b) => a === b)],
  ['!==', equality((a, b) => a !== b)],
  ['<', order(isLess)],
  ['<=', order(isAtMost)],
  ['>', order((a, b) => isLess(b, a))],
  ['>=', order((a, b) => isAtMost(b, a))],
  ['max', pure((values) => Math.max(...values.map(numberOf)))],
  ['min', pure((values) => Math.min(...values.map(numberOf)))],
  ['+', pure((values) => values.reduce<number>((sum, value) => sum + leadingNumber(value), 0))],
  ['*', pure((values) => values.reduce<number>((product, value) => product * leadingNumber(value), 1))],
  ['-', pure((values) => (values.length < 2 ? -numberOf(values[0] ?? null) : numberOf(values[0]) - numberOf(values[1])))],
  ['/', pureTwo((a, b) => numberOf(a) / numberOf(b))],
  ['%', pureTwo((a, b) => numberOf(a) % numberOf(b))],
  ['in', within],
  ['cat', pure((values) => values.reduce<string>((text, value) => checkedText(text + joinedText(value)), ''))],
  ['substr', pure(partOf)],
  ['starts_with', affix((text, part) => text.startsWith(part))],
  ['ends_with', affix((text, part) => text.endsWith(part))],
]
