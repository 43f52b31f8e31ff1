/** Sums, maxima and quantiles of calls by any keys, from whatever parts a plan is made of. */
import { type Columns, join, raw, type Sql, sql } from '@belay/columns'
import type { Moments } from '@belay/stats'
import type { Part } from './plan.ts'
import { noQuantiles, quantileLevels, rawQuantiles, rawSums, rolledQuantiles, rolledSums, type Stem } from './schema.ts'
import { conditions, type Selection, type Table } from './selection.ts'

/** A column to group by, as each table has it. Null: this table does not know it. */
export type Key = { readonly name: string; readonly of: (table: Table) => Sql }
export const key = (name: string): Key => ({ name, of: () => raw(`c.${name}`) })

export type SumRow = {
  readonly keys: readonly string[]
  /** By the names of `rawSums`; 0 for what was not asked for. */
  readonly sum: (name: string) => number
  /** p50, p95, p99 of each stem; undefined when not asked for, or when nothing was there. */
  readonly quantiles: (stem: Stem) => readonly [number, number, number] | undefined
}
export type SumsAsk = {
  readonly selection: Selection
  readonly parts: readonly Part[]
  readonly keys: readonly Key[]
  /** Names of `rawSums`. */
  readonly sums: readonly string[]
  readonly quantiles?: readonly Stem[]
  /** Conditions besides those of the selection, on `c`. */
  readonly where?: (table: Table) => Sql
  /** After the groups are made; over the sums' names. */
  readonly order?: Sql
  readonly limit?: number
  /** Adds the sum `groups`: how many there are, also beyond the limit. */
  readonly countGroups?: boolean
}

const ofRaw = new Map([...rawSums, ...rawQuantiles])
const ofRollup = new Map([...rolledSums, ...rolledQuantiles])
const levels = quantileLevels.join(', ')

/** One query for each group: the parts side by side, summed up once more. Times out and is refused as every query is. */
export async function readSums(columns: Pick<Columns, 'query'>, ask: SumsAsk): Promise<SumRow[]> {
  if (ask.parts.length === 0) return []
  const quantiles = ask.quantiles ?? []
  const groups = ask.keys.map(({ name }) => raw(name))
  const values = [
    ...ask.keys.map(({ name }) => sql`toString(u.${raw(name)}) AS ${raw(name)}`),
    ...ask.sums.map((name) => sql`toFloat64(${outer(name)}) AS ${raw(name)}`),
    ...quantiles.map(
      (stem) => sql`arrayMap(it -> toFloat64(it), quantilesBFloat16Merge(${raw(levels)})(u.${raw(`${stem}_q`)})) AS ${raw(`${stem}_q`)}`,
    ),
  ]
  if (ask.countGroups) values.push(sql`toFloat64(count() OVER ()) AS groups`)
  const query = sql`SELECT ${join(values, ', ')} FROM (${unionOf(ask)}) AS u${
    groups.length === 0
      ? raw('')
      : sql` GROUP BY ${join(
          ask.keys.map(({ name }) => sql`u.${raw(name)}`),
          ', ',
        )}`
  }${ask.order === undefined ? raw('') : sql` ORDER BY ${ask.order}`}${ask.limit === undefined ? raw('') : sql` LIMIT ${ask.limit}`}`
  const rows = await columns.query<Record<string, string | number | null | (number | null)[]>>(query)
  return rows.map((row) => ({
    keys: ask.keys.map(({ name }) => String(row[name])),
    sum: (name) => Number(row[name] ?? 0),
    quantiles(stem) {
      const them = row[`${stem}_q`]
      if (!Array.isArray(them) || them.some((it) => it === null || !Number.isFinite(it))) return undefined
      return them as unknown as readonly [number, number, number]
    },
  }))
}

/** The same columns of each part: the keys, the sums, states of quantiles. */
export function unionOf({ selection, parts, keys, sums, quantiles = [], where }: SumsAsk): Sql {
  const one = (part: Part): Sql => {
    const expressions = part.table === 'calls' ? ofRaw : ofRollup
    const summed = (name: string) => raw(part.gives === 'quantiles' ? '0' : (expressions.get(name) as string))
    const state = (name: string) => raw(part.gives === 'sums' ? noQuantiles : (expressions.get(name) as string))
    const values = [
      ...keys.map((it) => sql`${it.of(part.table)} AS ${raw(it.name)}`),
      ...sums.map((name) => sql`${summed(name)} AS ${raw(name)}`),
      ...quantiles.map((stem) => sql`${state(`${stem}_q`)} AS ${raw(`${stem}_q`)}`),
    ]
    const groups =
      keys.length === 0
        ? raw('')
        : sql` GROUP BY ${join(
            keys.map(({ name }) => raw(name)),
            ', ',
          )}`
    const also = where === undefined ? raw('') : sql` AND ${where(part.table)}`
    return sql`SELECT ${join(values, ', ')} FROM ${raw(part.table)} AS c WHERE ${conditions(selection, part.table, part)}${also}${groups}`
  }
  // Who asks for no quantiles needs no table that has nothing else.
  return join(parts.filter((part) => part.gives !== 'quantiles' || quantiles.length > 0).map(one), ' UNION ALL ')
}

const outer = (name: string): Sql => raw(name.endsWith('_max') ? `max(u.${name})` : `sum(u.${name})`)

/** How many calls a measure stands on. */
export const countOf = (stem: Stem): string => (stem === 'cpu' ? 'cpu_n' : 'n')

/** What a test of means needs of a measure; ask for `STEM_sum`, `STEM_sq`, `n` and `cpu_n`. */
export const momentsOf = (row: SumRow | undefined, stem: Stem): Moments => ({
  n: row?.sum(countOf(stem)) ?? 0,
  sum: row?.sum(`${stem}_sum`) ?? 0,
  sumSquares: row?.sum(`${stem}_sq`) ?? 0,
})
export const momentSums = (stems: readonly Stem[]): string[] => ['n', 'cpu_n', ...stems.flatMap((stem) => [`${stem}_sum`, `${stem}_sq`])]
