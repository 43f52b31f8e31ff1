/** Is a rule sound, and small enough to be run by everybody? Looked at before it is compiled. */
import { operators } from './operators/all.ts'
import type { DefinitionProblem } from './types.ts'

/** `{"$ref": name}` stands for the evaluator of that name, as if its rule were written here. */
export const reference = '$ref'

/**
 * Operators and lists inside each other. People write about ten; what a tool writes as else inside else is a flat `if`
 * of any length. Low enough that no stack is ever at stake.
 */
export const depthMax = 64

/**
 * Operators, their arguments and the elements of lists, evaluators that are referred to included; a list of plain
 * values counts as one. The largest rules that people keep have hundreds, and so many run in about a millisecond.
 */
export const partsMax = 20_000

/** A person mends the first ones and asks again. */
const problemsMax = 20

/** A rule on its own, as it was looked at. */
export type Checked = {
  readonly problems: readonly DefinitionProblem[]
  /** The levels and the parts it has, without what it refers to. */
  readonly depth: number
  readonly parts: number
  readonly references: readonly Reference[]
}

export type Reference = { readonly name: string; readonly depth: number; readonly path: string }

/**
 * What is wrong with a rule on its own: its size, its depth, operators that do not exist, numbers of arguments that no
 * operator takes. Evaluators that it refers to are taken to exist. `path` is a JSON Pointer (RFC 6901) into the rule.
 */
export function checkRule(rule: unknown): DefinitionProblem[] {
  return [...examine(rule, true).problems]
}

/**
 * What keeps a rule from being compiled. Numbers of arguments are none of it: JsonLogic takes any, and documents that
 * others wrote have always been evaluated so.
 */
export function checkForCompiling(rule: unknown): Checked {
  return examine(rule, false)
}

function examine(rule: unknown, strictly: boolean): Checked {
  const problems: DefinitionProblem[] = []
  const references: Reference[] = []
  const path: (string | number)[] = []
  let deepest = 0
  let parts = 0

  const report = (message: string) => {
    if (problems.length < problemsMax) problems.push({ key: null, path: pointer(path), message })
  }
  /** False: it makes no sense to go on. */
  const look = (value: unknown, depth: number): boolean => {
    parts++
    if (parts > partsMax) {
      report(`The rule has more than ${partsMax} parts.`)
      return false
    }
    if (typeof value !== 'object' || value === null) {
      if (value === undefined || typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint')
        report(`A rule is JSON; this is ${typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`}.`)
      return true
    }
    if (depth > depthMax) {
      report(`The rule is nested deeper than ${depthMax} levels.`)
      return false
    }
    deepest = Math.max(deepest, depth)
    return Array.isArray(value) ? lookAtList(value, depth) : lookAtOperator(value, depth)
  }
  const lookAtList = (items: readonly unknown[], depth: number): boolean => {
    if (items.every(isPlain)) return true
    return items.every((item, nth) => inside(nth, item, depth + 1))
  }
  const inside = (step: string | number, value: unknown, depth: number): boolean => {
    path.push(step)
    const goOn = look(value, depth)
    path.pop()
    return goOn
  }
  const lookAtOperator = (value: object, depth: number): boolean => {
    const names = Object.keys(value)
    const [name] = names
    if (name === undefined || names.length > 1) {
      report(
        name === undefined
          ? 'An object in a rule is one operator with its arguments; this one is empty.'
          : `An object in a rule is one operator with its arguments; this one has ${names.length} members.`,
      )
      return true
    }
    const args: unknown = (value as Record<string, unknown>)[name]
    path.push(name)
    const goOn = lookAtArguments(name, args, depth)
    path.pop()
    return goOn
  }
  const lookAtArguments = (name: string, args: unknown, depth: number): boolean => {
    if (name === reference) {
      if (typeof args === 'string') references.push({ name: args, depth, path: pointer(path) })
      else report(`${reference} takes the name of an evaluator.`)
      return true
    }
    if (!operators.has(name)) {
      report(`There is no operator ${quoted(name)}.`)
      return true
    }
    const count = Array.isArray(args) ? args.length : 1
    if (strictly) {
      const complaint = aboutCount(name, count)
      if (complaint !== undefined) report(complaint)
    }
    if (!Array.isArray(args)) return look(args, depth + 1)
    return args.every((arg: unknown, nth) => inside(nth, arg, depth + 1))
  }

  look(rule, 1)
  return { problems, depth: deepest, parts, references }
}

/** Neither an operator nor a list. */
export const isPlain = (item: unknown) => item === null || typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean'

/** At least and at most so many arguments; where the second is missing, any number. */
const counts: ReadonlyMap<string, readonly [atLeast: number, atMost?: number]> = new Map([
  ['if', [1]],
  ['?:', [3, 3]],
  ['or', [1]],
  ['and', [1]],
  ['!', [1, 1]],
  ['!!', [1, 1]],
  ['log', [1, 1]],
  ['==', [2, 2]],
  ['!=', [2, 2]],
  ['===', [2, 2]],
  ['!==', [2, 2]],
  ['<', [2, 3]],
  ['<=', [2, 3]],
  ['>', [2, 3]],
  ['>=', [2, 3]],
  ['max', [1]],
  ['min', [1]],
  ['+', [1]],
  ['*', [1]],
  ['-', [1, 2]],
  ['/', [2, 2]],
  ['%', [2, 2]],
  ['in', [2, 2]],
  ['cat', [1]],
  ['substr', [2, 3]],
  ['starts_with', [2, 2]],
  ['ends_with', [2, 2]],
  ['var', [0, 2]],
  ['missing', [1]],
  ['missing_some', [2, 2]],
  ['map', [2, 2]],
  ['filter', [2, 2]],
  ['all', [2, 2]],
  ['none', [2, 2]],
  ['some', [2, 2]],
  ['reduce', [3, 3]],
  ['merge', [1]],
  ['sem_ver', [3, 3]],
  ['in_segment', [2, 2]],
  ['fractional', [1]],
])

function aboutCount(name: string, count: number): string | undefined {
  const [atLeast, atMost] = counts.get(name) ?? [0]
  if (count >= atLeast && (atMost === undefined || count <= atMost)) return undefined
  const takes = atMost === undefined ? `at least ${atLeast}` : atLeast === atMost ? `${atLeast}` : `${atLeast} to ${atMost}`
  return `${quoted(name)} takes ${takes} argument${takes.endsWith('1') ? '' : 's'}; here it has ${count}.`
}

/** A JSON object. */
export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a person wrote, in a sentence: cut, for it may be anything. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/** A JSON Pointer, RFC 6901. */
export function pointer(steps: readonly (string | number)[]): string {
  return steps.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
