/** What makes a value of values: arithmetic, texts. */
import { type Operator, pure, pureTwo } from '../node.ts'
import { joinedText, numberOf, textOf } from '../values.ts'
import { checkedText } from '../work.ts'

/** JsonLogic reads the arguments of sums and products as texts that begin with a number. */
const leadingNumber = (value: unknown) => (typeof value === 'number' ? value : Number.parseFloat(textOf(value)))

/** `[text, start, length?]`, both counted from the end when negative. */
function partOf(values: readonly unknown[]): string {
  const text = textOf(values[0])
  const start = numberOf(values[1] ?? 0) || 0
  const rest = text.slice(start < 0 ? Math.max(0, text.length + start) : start)
  if (values.length < 3) return rest
  const length = numberOf(values[2]) || 0
  return rest.slice(0, length < 0 ? Math.max(0, rest.length + length) : length)
}

export const makingOperators: readonly (readonly [string, Operator])[] = [
  ['max', pure((values) => Math.max(...values.map(numberOf)))],
  ['min', pure((values) => Math.min(...values.map(numberOf)))],
  ['+', pure((values) => values.reduce<number>((sum, value) => sum + leadingNumber(value), 0))],
  ['*', pure((values) => values.reduce<number>((product, value) => product * leadingNumber(value), 1))],
  ['-', pure((values) => (values.length < 2 ? -numberOf(values[0] ?? null) : numberOf(values[0]) - numberOf(values[1])))],
  ['/', pureTwo((a, b) => numberOf(a) / numberOf(b))],
  ['%', pureTwo((a, b) => numberOf(a) % numberOf(b))],
  ['cat', pure((values) => values.reduce<string>((text, value) => checkedText(text + joinedText(value)), ''))],
  ['substr', pure(partOf)],
]
