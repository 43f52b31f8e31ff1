/**
 * Like with like, in the database: calls are compared within strata, and what comes out are the few sums of `StrataSums`
 * per method and measure, however many calls and strata there are. The same sums as `stratum` of @belay/stats makes; a
 * test holds the two together.
 */
import { type Columns, join, raw, type Sql, sql } from '@belay/columns'
import { type CallMeasure, callMeasures } from '@belay/protocol'
import type { StrataSums } from '@belay/stats'
import { columnsOf, type MethodSums } from './verdict.ts'

export type Sides = {
  readonly table: 'calls_hour' | 'calls_hour_variant'
  readonly environment: string
  readonly where: Sql
  /** Of which side a row is: true of what is after, or of the variant; rows of neither are left out by `where`. */
  readonly isAfter: Sql
  /** What rows must share, besides method and audience. */
  readonly strata: readonly Sql[]
}

const stems = callMeasures.map((measure) => columnsOf[measure].stem)

export async function compareSides(
  columns: Pick<Columns, 'query'>,
  { table, environment, where, isAfter, strata }: Sides,
): Promise<MethodSums[]> {
  const side = (name: string, prefix: 'b' | 'a') =>
    sql`toFloat64(sumIf(${raw(name)}, ${prefix === 'a' ? isAfter : sql`NOT (${isAfter})`})) AS ${raw(`${prefix}_${name}`)}`
  const names = ['n', 'cpu_n', ...stems.flatMap((stem) => [`${stem}_sum`, `${stem}_sq`])]
  const inner = sql`SELECT service, method, ${join(
    names.flatMap((name) => [side(name, 'b'), side(name, 'a')]),
    ', ',
  )} FROM ${raw(table)} WHERE environment = ${environment} AND ${where}
    GROUP BY ${join([raw('service'), raw('method'), raw('audience'), ...strata], ', ')}`
  const outer = join(callMeasures.flatMap(sumsOf), ', ')
  const rows = await columns.query<Record<string, string | number>>(
    sql`SELECT service, method, ${outer} FROM (${inner}) GROUP BY service, method ORDER BY service, method LIMIT ${methodsMax}`,
    { timeoutMs },
  )
  return rows.map((row) => ({
    service: String(row['service']),
    method: String(row['method']),
    sums: Object.fromEntries(callMeasures.map((measure) => [measure, readSums(row, measure)])) as Record<CallMeasure, StrataSums>,
  }))
}

/** Recorders name 2,000 methods of a service at most. */
const methodsMax = 20_000
/** Nobody waits for it; what takes longer would be in the way of who does. */
const timeoutMs = 20_000

const parts = ['nBefore', 'nAfter', 'weight', 'before', 'after', 'variance', 'spread'] as const

function sumsOf(measure: CallMeasure): Sql[] {
  const { stem, count } = columnsOf[measure]
  const [nb, na] = [`b_${count}`, `a_${count}`]
  const both = `${nb} >= 2 AND ${na} >= 2`
  const weight = `(${nb} * ${na} / (${nb} + ${na}))`
  const error = (n: string, side: 'a' | 'b') =>
    `(greatest(0, ${side}_${stem}_sq - ${side}_${stem}_sum * ${side}_${stem}_sum / ${n}) / (${n} - 1) / ${n})`
  const [eb, ea] = [error(nb, 'b'), error(na, 'a')]
  const values: Readonly<Record<(typeof parts)[number], string>> = {
    nBefore: nb,
    nAfter: na,
    weight,
    before: `${weight} * b_${stem}_sum / ${nb}`,
    after: `${weight} * a_${stem}_sum / ${na}`,
    variance: `pow(${weight}, 2) * (${eb} + ${ea})`,
    spread: `pow(${weight}, 4) * (pow(${eb}, 2) / (${nb} - 1) + pow(${ea}, 2) / (${na} - 1))`,
  }
  return parts.map((part) => raw(`sumIf(${values[part]}, ${both}) AS ${measure}_${part}`))
}
const readSums = (row: Record<string, string | number>, measure: CallMeasure): StrataSums =>
  Object.fromEntries(parts.map((part) => [part, Number(row[`${measure}_${part}`])])) as StrataSums
