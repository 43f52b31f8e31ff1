/**
 * JsonLogic's values: what is true, and how values of different types meet. As in JsonLogic's reference implementation,
 * except that no method of a value is ever called: a context may hold anything, and a rule must not run its code.
 */
import { TooMuchWork } from './work.ts'

/** JsonLogic's truth: an empty list is false, an object is true, all else as in JavaScript. */
export function isTruthy(value: unknown): boolean {
  return value === true || (Array.isArray(value) ? value.length > 0 : Boolean(value))
}

/**
 * A list with more elements than this, those of lists in it included, has no text: nobody compares or joins so many,
 * and a list that holds itself would have no end.
 */
const textElementsMax = 1_000

/** As `String(value)` has it for JSON. @throws TooMuchWork for a list of more than 1,000 elements. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : textAt(value, { left: textElementsMax })
}

/** As `[value].join()` has it: null is nothing. */
export function joinedText(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : textOf(value)
}

function textAt(value: unknown, elements: { left: number }): string {
  if (!Array.isArray(value)) return typeof value === 'object' && value !== null ? '[object Object]' : String(value)
  elements.left -= value.length + 1
  if (elements.left < 0) throw new TooMuchWork(`a list of more than ${textElementsMax} elements has no text`)
  return value.map((item: unknown) => (item === null || item === undefined ? '' : textAt(item, elements))).join(',')
}

/** As `Number(value)` has it for JSON; what is no number is NaN, which is smaller, larger and equal to nothing. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return Number(scalarOf(value))
}

type Scalar = string | number | boolean | null | undefined

function scalarOf(value: unknown): Scalar {
  return typeof value === 'object' && value !== null ? textOf(value) : (value as Scalar)
}

/** JavaScript's `==`. */
export function looselyEqual(a: unknown, b: unknown): boolean {
  if (typeof a === typeof b || a === null || b === null) return a === b
  // oxlint-disable-next-line eqeqeq -- JsonLogic's `==` is JavaScript's.
  return (scalarOf(a) as unknown) == (scalarOf(b) as unknown)
}

/** JavaScript's `<`: two texts by their code units, everything else as numbers. */
export function isLess(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a < b
  return (scalarOf(a) as number) < (scalarOf(b) as number)
}

/** JavaScript's `<=`. Not the opposite of `>`: neither holds when one of them is no number. */
export function isAtMost(a: unknown, b: unknown): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a <= b
  return (scalarOf(a) as number) <= (scalarOf(b) as number)
}

/**
 * What a rule sees of something in a context, which comes from a program and not from JSON: a date is the text that
 * JSON would make of it (so that a rule says the same here and behind a server), a function is nothing.
 */
export function plainOf(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return value
    case 'object':
      return value instanceof Date ? (Number.isNaN(value.getTime()) ? null : value.toISOString()) : value
    case 'bigint':
      return Number(value)
    default:
      return null
  }
}

/** A member of a value, its own ones only: nothing that it inherits can be reached, `constructor` and `__proto__` included. */
export function memberOf(value: unknown, name: string): unknown {
  if (value === null || value === undefined) return undefined
  return Object.hasOwn(value as object, name) ? (value as Record<string, unknown>)[name] : undefined
}
