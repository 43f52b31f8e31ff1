/** Which calls are meant: the query of a page as conditions of the tables. */
import { join, raw, type Sql, sql } from '@belay/columns'
import type { CallFilter } from '@belay/protocol'
import { tablesProblem } from './problems.ts'
import type { Stem } from './schema.ts'

export const dimensions = ['service', 'method', 'audience', 'account', 'release', 'lane', 'host', 'variant'] as const
export type Dimension = (typeof dimensions)[number]
/** Names that a call must have one of, and names that it must not have. */
export type Names = { readonly only: readonly string[]; readonly not: readonly string[] }
export type Selection = {
  readonly environment: string
  readonly names: Readonly<Partial<Record<Dimension, Names>>>
  /** Real time, or real time without calls to other services. */
  readonly real: 'real' | 'own'
}
export type Range = { readonly from: number; readonly to: number }

export const tables = [
  'calls',
  'calls_hour',
  'calls_day',
  'calls_hour_variant',
  'calls_day_account',
  'calls_day_q',
  'calls_day_audience_q',
] as const
export type Table = (typeof tables)[number]

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** Stems of what is measured, in the order of the protocol: real, cpu, db, statements, transactions. */
export const stemsOf = ({ real }: Selection): readonly Stem[] => [real, 'cpu', 'dbt', 'stc', 'txc']

/** @throws Problem `calls-filter-unclear` for a `!` without a name. */
export function selectionOf(
  filter: Omit<CallFilter, 'service'> & { service?: readonly string[] | undefined },
  environment: string,
): Selection {
  const names: Partial<Record<Dimension, Names>> = {}
  for (const dimension of ['service', 'audience', 'account', 'release', 'lane', 'host', 'variant'] as const) {
    const texts = filter[dimension]
    if (texts === undefined || texts.length === 0) continue
    const not = texts.filter((it) => it.startsWith('!')).map((it) => it.slice(1))
    if (not.includes('')) throw tablesProblem('calls-filter-unclear', { field: dimension, because: 'a name follows !' })
    names[dimension] = { only: texts.filter((it) => !it.startsWith('!')), not }
  }
  return { environment, names, real: filter.external === 'without' ? 'own' : 'real' }
}

export const withOnly = (selection: Selection, dimension: Dimension, name: string): Selection => ({
  ...selection,
  names: { ...selection.names, [dimension]: { only: [name], not: [] } },
})
export const withoutOne = (selection: Selection, dimension: Dimension, name: string): Selection => {
  const had = selection.names[dimension]
  return { ...selection, names: { ...selection.names, [dimension]: { only: had?.only ?? [], not: [...(had?.not ?? []), name] } } }
}

/**
 * The range that a query asks for; by default the 24 hours until now.
 * @throws Problem `calls-range-unclear`
 */
export function rangeOf(asked: { from?: number | undefined; to?: number | undefined; day?: string | undefined }, now: number): Range {
  if (asked.day !== undefined) {
    if (asked.from !== undefined || asked.to !== undefined)
      throw tablesProblem('calls-range-unclear', { because: 'a day says both its ends, so from and to cannot be given with it' })
    const from = Date.parse(asked.day)
    return { from, to: from + dayMs }
  }
  const to = asked.to ?? Math.max(now, asked.from ?? 0)
  const from = asked.from ?? to - dayMs
  if (from < 0 || to > timeMax) throw tablesProblem('calls-range-unclear', { because: 'it lies outside 1970 to 2100' })
  if (from >= to) throw tablesProblem('calls-range-unclear', { because: 'it ends before it begins' })
  return { from, to }
}
/** 2100; DateTime ends at 2106. */
const timeMax = 4_102_444_800_000

const listOf = (texts: readonly string[]): Sql =>
  join(
    texts.map((it) => sql`${it}`),
    ', ',
  )

/** Conditions on `c`, a row of `table`, that the selection and the range make. */
export function conditions(selection: Selection, table: Table, range: Range): Sql {
  const all: Sql[] = [sql`c.environment = ${selection.environment}`, within(table, range)]
  for (const dimension of dimensions) {
    const names = selection.names[dimension]
    if (names === undefined) continue
    if (dimension === 'variant' && table === 'calls') {
      if (names.only.length > 0) all.push(sql`hasAny(c.variants, [${listOf(names.only)}])`)
      if (names.not.length > 0) all.push(sql`NOT hasAny(c.variants, [${listOf(names.not)}])`)
      continue
    }
    const column = raw(`c.${dimension}`)
    if (names.only.length > 0) all.push(sql`${column} IN (${listOf(names.only)})`)
    if (names.not.length > 0) all.push(sql`${column} NOT IN (${listOf(names.not)})`)
  }
  return join(all, ' AND ')
}

/** The rows of a table that belong to a range; rollups' ranges begin and end with their units. */
export function within(table: string, { from, to }: Range): Sql {
  if (table === 'calls' || table === 'call_exemplars' || table === 'call_processes')
    return sql`c.ts >= ${new Date(from)} AND c.ts < ${new Date(to)}`
  if (table.startsWith('calls_day')) return sql`c.t >= toDate(${Math.floor(from / dayMs)}) AND c.t < toDate(${Math.ceil(to / dayMs)})`
  return sql`c.t >= toDateTime(${Math.floor(from / 1_000)}, 'UTC') AND c.t < toDateTime(${Math.ceil(to / 1_000)}, 'UTC')`
}
