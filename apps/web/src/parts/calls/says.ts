/** The sentences of the pages of calls. Pure. */
import { sayCount } from '@belay/base'
import type { CallChangeWire, CallMethodWire, CallTableWire } from '@belay/protocol'
import { pathOfSubject } from '../../paths.ts'
import { measureWords, sayFigure, sayMany, sayRelative, sayShare } from './figures.ts'
import { sayRange } from './asked.ts'
import { type CallsFilter } from './search.ts'

/** `release:v2` as "v2", `flag:inline-comments` as "inline-comments", each with its page. */
export function readCause(cause: string): { readonly kind: string; readonly name: string; readonly path: string | undefined } {
  const colon = cause.indexOf(':')
  return colon < 1
    ? { kind: '', name: cause, path: undefined }
    : { kind: cause.slice(0, colon), name: cause.slice(colon + 1), path: pathOfSubject(cause) }
}

const sayWith = (cause: string | null): string => {
  if (cause === null) return ''
  const { kind, name } = readCause(cause)
  return ` with ${kind === 'flag' ? `the flag ${name}` : name}`
}

/** From here on "times as much" is easier to grasp than percents. */
const timesFrom = 1.5

/** "got 23% dearer", "takes 3 times as long", "runs 9 times as many statements", "needs 12% less CPU time". */
export function sayHow({ measure, relative, dearer }: Pick<CallChangeWire, 'measure' | 'relative' | 'dearer'>): string {
  const { says } = measureWords[measure]
  const isCount = measure === 'statements' || measure === 'transactions'
  const [verb, more, less, asMuch] = isCount ? ['runs', 'more', 'fewer', 'as many'] : ['takes', 'more', 'less', 'as much']
  if (relative !== null && relative >= timesFrom) {
    const times = (relative + 1).toFixed(relative < 9 ? 1 : 0).replace(/\.0$/, '')
    return measure === 'real' ? `takes ${times} times as long` : `${verb} ${times} times ${asMuch} ${says}`
  }
  const size = relative === null ? '' : `${sayShare(Math.abs(relative))} `
  return measure === 'real' ? `got ${size}${dearer ? 'dearer' : 'cheaper'}` : `${verb} ${size}${dearer ? more : less} ${says}`
}

/** "Activities.getItemStream got 23% dearer with v4". */
export const sayChange = (it: CallChangeWire): string => `${it.method} ${sayHow(it)}${sayWith(it.cause)}`

/** The one that a person should hear of first: what got dearer before what got cheaper, the largest. */
export function foremost(changes: readonly CallChangeWire[]): CallChangeWire | undefined {
  const size = (it: CallChangeWire) => (it.dearer ? 1e6 : 0) + Math.min(Math.abs(it.relative ?? 1), 1e5)
  return changes.reduce<CallChangeWire | undefined>((best, it) => (best === undefined || size(it) > size(best) ? it : best), undefined)
}

/** The first line of the table: what there is, and what changed. */
export function sayTable(it: CallTableWire, filter: CallsFilter, changes: readonly CallChangeWire[]): string {
  const what = `${sayMany(it.total.count)} ${it.total.count === 1 ? 'call' : 'calls'} of ${sayCount(it.total.methods, 'method')}, ${sayRange(filter)}`
  const first = foremost(changes)
  return first === undefined ? what : `${what}; ${sayChange(first)}`
}

/** The first line of a method: what a call costs, and since when. */
export function sayMethod(it: CallMethodWire, changes: readonly CallChangeWire[]): string {
  const { row } = it
  if (row.count === 0) return `${row.method} was not called`
  const what = `${row.method} takes ${sayFigure('real', row.real.mean)}${row.statements.mean >= 0.5 ? ` and ${sayCount(Math.round(row.statements.mean), 'statement')}` : ''} a call`
  const first = foremost(changes)
  return first === undefined ? what : `${what}; it ${sayHow(first)}${sayWith(first.cause)}`
}

/** "36 ms → 44 ms", "3 → 27". */
export const sayFromTo = (it: Pick<CallChangeWire, 'measure' | 'before' | 'after'>): string =>
  `${sayFigure(it.measure, it.before)} → ${sayFigure(it.measure, it.after)}`

/** The interval of a change, in percent of what it was where there was something. */
export function sayInterval(it: Pick<CallChangeWire, 'before' | 'low' | 'high' | 'measure'>): string {
  return it.before > 0
    ? `${sayRelative(it.low / it.before)} to ${sayRelative(it.high / it.before)}`
    : `${sayFigure(it.measure, it.low)} to ${sayFigure(it.measure, it.high)}`
}
