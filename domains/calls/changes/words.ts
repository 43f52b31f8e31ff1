/** Sentences about changes of cost. Pure. */
import type { CallChangeWire, CallMeasure } from '@belay/protocol'
import { sayCount } from '@belay/base'

/** Three significant digits: 12.3 ms, 845 µs, 1.2 s. */
export function sayMicros(us: number): string {
  const digits = (value: number) => Number(value.toPrecision(3)).toString()
  if (Math.abs(us) < 1_000) return `${digits(us)} µs`
  return Math.abs(us) < 1_000_000 ? `${digits(us / 1_000)} ms` : `${digits(us / 1_000_000)} s`
}
/** Means of counts: whole where they nearly are, as most are. */
const sayMean = (mean: number): string => Number(mean.toFixed(Math.abs(mean - Math.round(mean)) < 0.05 ? 0 : mean < 1 ? 2 : 1)).toString()

const singular = (figure: string, word: string) => (figure === '1' ? word : `${word}s`)
const acts: Readonly<Record<CallMeasure, (now: string) => string>> = {
  real: (now) => `takes ${now}`,
  cpu: (now) => `takes ${now} of CPU`,
  db: (now) => `spends ${now} in the database`,
  statements: (now) => `runs ${now} ${singular(now, 'statement')}`,
  transactions: (now) => `makes ${now} ${singular(now, 'transaction')}`,
}
export const sayFigure = (measure: CallMeasure, value: number): string =>
  measure === 'statements' || measure === 'transactions' ? sayMean(value) : sayMicros(value)

export const sayRelative = (relative: number | null): string => {
  if (relative === null) return 'none before'
  const percent = relative * 100
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent) < 10 ? Math.abs(percent).toFixed(1) : Math.round(Math.abs(percent)).toLocaleString('en')} %`
}

type Told = Pick<CallChangeWire, 'kind' | 'method' | 'measure' | 'before' | 'after' | 'relative' | 'cause' | 'at' | 'statement'>

/** "Members.get runs 12 statements instead of 2 since v2 (+500 %)." */
export function sayChange(it: Told, drifts = false): string {
  const repeated = it.statement === null ? '' : `; repeated within a call: ${short(it.statement)}`
  return `${sayCost(it)} ${drifts ? `after some days of drifting, around ${dayOf(it.at)}` : sayCause(it)} (${sayRelative(it.relative)})${repeated}`
}
const sayCost = (it: Told): string =>
  `${it.method} ${acts[it.measure](sayFigure(it.measure, it.after))} instead of ${sayFigure(it.measure, it.before)}`

const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
function sayCause({ kind, cause, at }: Told): string {
  const day = dayOf(at)
  const name = cause?.slice(cause.indexOf(':') + 1)
  if (name === undefined) return `since ${day}`
  if (kind === 'release') return `since ${name}`
  if (kind === 'flag') return `where the flag ${name} is met`
  return cause?.startsWith('flag:') ? `since ${day}, near a change of the flag ${name}` : `since ${day}, near release ${name}`
}
/** A table and a condition are in the beginning. */
const short = (statement: string): string => {
  const line = statement.replaceAll(/\s+/g, ' ').trim()
  return line.length <= 120 ? line : `${line.slice(0, 119).toWellFormed()}…`
}

/** The week in one sentence. The dearest by its share of growth, methods and not measures counted. */
export function sayDigest(changes: readonly CallChangeWire[]): string {
  const methodsOf = (all: readonly CallChangeWire[]) =>
    new Set(all.map(({ environment, service, method }) => `${environment}/${service}/${method}`)).size
  const [dearer, cheaper] = [changes.filter((it) => it.dearer), changes.filter((it) => !it.dearer)]
  if (changes.length === 0) return 'Nothing got dearer or cheaper this week, as far as calls show.'
  const growth = (it: CallChangeWire) => it.relative ?? Number.POSITIVE_INFINITY
  const worst = dearer.reduce<CallChangeWire | undefined>(
    (most, it) => (most === undefined || growth(it) > growth(most) ? it : most),
    undefined,
  )
  const parts: string[] = []
  if (worst !== undefined)
    parts.push(
      `${sayCount(methodsOf(dearer), 'method')} got dearer this week${methodsOf(dearer) > 1 ? ', most of all' : ':'} ${sayChange({ ...worst, statement: null })}`,
    )
  if (cheaper.length > 0) parts.push(`${sayCount(methodsOf(cheaper), 'method')} got cheaper${worst === undefined ? ' this week' : ''}`)
  return `${parts.join('; ')}.`
}
