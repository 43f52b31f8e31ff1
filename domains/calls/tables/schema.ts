/**
 * The tables of calls in the column store: raw rows for weeks, rollups for months and years, filled by views as rows come
 * in, so that every table is as fresh as the last insert. Each page names one environment, so that is what rows are sorted
 * by first.
 */
import type { ColumnMigrations } from '@belay/columns'
import { callColumns, callColumnsAtFirst } from '../row.ts'

/** A raw row takes about 40 bytes; a month of them is what questions about single calls, hosts and accounts reach back to. */
export const rawDays = 30
/** A year and a month, so that a month can be laid beside the same month a year before. */
export const hourDays = 400
export const dayDays = 5 * 365
const setDays = 3

/** What quantile states are kept of, and in which order they come out. */
export const quantileLevels = [0.5, 0.95, 0.99] as const

/**
 * What is measured, by the stem of its rollup columns: `real_sum`, `real_sq` (sum of squares), `real_max`,
 * and of its states of quantiles, `real_q`. `own` is real time without the calls to other services; those may overlap, so it ends at 0.
 */
export const stems = ['real', 'own', 'cpu', 'dbt', 'stc', 'txc'] as const
export type Stem = (typeof stems)[number]

/** Of one raw row. `c.` keeps names apart from rollup columns that are called the same. */
const valueOf: Readonly<Record<Stem, string>> = {
  real: 'c.real_us',
  own: 'if(c.n = 1, greatest(toInt64(c.real_us) - toInt64(c.ext_us), 0), toInt64(c.real_us) - toInt64(c.ext_us))',
  cpu: 'c.cpu_us',
  dbt: 'c.dbt_us',
  stc: 'c.stc',
  txc: 'c.txc',
}
/** Late rows (n = 0) are no calls: they add to sums, never to counts, maxima and quantiles. A call without CPU time is none of CPU's. */
const isOne = (stem: Stem): string => (stem === 'cpu' ? 'c.cpu_n = 1' : 'c.n = 1')
const summed = (stem: Stem, what: string): string => (stem === 'cpu' ? `sumIf(${what}, c.cpu_n = 1)` : `sum(${what})`)
const levels = quantileLevels.join(', ')

type Named = readonly (readonly [name: string, expression: string])[]

/** What raw rows `FROM calls AS c` come to, under the names and with the meaning of the rollups' columns. */
export const rawSums: Named = [
  ['n', 'sum(c.n)'],
  ['errors', 'sumIf(c.n, c.failed = 1)'],
  ['cpu_n', 'sumIf(c.n, c.cpu_n = 1)'],
  ...stems.flatMap((stem) => [
    [`${stem}_sum`, summed(stem, stem === 'own' ? valueOf[stem] : `toUInt64(${valueOf[stem]})`)] as const,
    [`${stem}_sq`, summed(stem, `toFloat64(${valueOf[stem]}) * ${valueOf[stem]}`)] as const,
    [`${stem}_max`, `maxIf(toUInt32(${valueOf[stem]}), ${isOne(stem)})`] as const,
  ]),
  ['ext_sum', 'sum(toUInt64(c.ext_us))'],
  ['ext_n', 'sum(toUInt64(c.ext))'],
]
/**
 * BFloat16 keeps 8 bits of a number and drops the rest: up to 0.8 % too low. Times are put into the middle of 32 steps from
 * one power of two to the next, which is at most 1.6 % off and makes a state a quarter as large; merging entries is what a
 * page waits for.
 */
const inSteps = (value: string): string => {
  const step = `greatest(intDiv(roundToExp2(toUInt32(${value})), 32), 1)`
  return `toUInt32(intDiv(toUInt32(${value}), ${step}) * ${step} + intDiv(${step}, 2))`
}
export const rawQuantiles: Named = stems.map((stem) => {
  const value = stem === 'stc' || stem === 'txc' ? `toUInt32(${valueOf[stem]})` : inSteps(valueOf[stem])
  return [`${stem}_q`, `quantilesBFloat16StateIf(${levels})(${value}, ${isOne(stem)})`]
})
/** The same of rows of a rollup. */
export const rolledSums: Named = rawSums.map(([name]) => [name, `${name.endsWith('_max') ? 'max' : 'sum'}(c.${name})`])
export const rolledQuantiles: Named = stems.map((stem) => [`${stem}_q`, `quantilesBFloat16MergeState(${levels})(c.${stem}_q)`])
/** What a table contributes that has only the other of sums and quantiles. */
export const noQuantiles = `quantilesBFloat16StateIf(${levels})(toUInt32(0), 0)`

/** Most accounts have a few calls a day of a method, so a row of theirs stands for few, and costs as much to make: no squares, no `own`. */
const isOfAccounts = ([name]: readonly [string, ...unknown[]]): boolean => !name.endsWith('_sq') && !name.startsWith('own')
/** Quantiles without external calls come of raw rows alone: states are the dearest part of a rollup. */
const isOfDays = ([name]: readonly [string, ...unknown[]]): boolean => name !== 'own_q'

const lowText = (name: string) => `${name} LowCardinality(String)`
/** Counts and sums of whole numbers are small: T64 cuts the bits that none of a block uses. */
const typeOfSum = (name: string): string =>
  name.endsWith('_sq')
    ? 'SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1))'
    : name.endsWith('_max')
      ? 'SimpleAggregateFunction(max, UInt32) CODEC(T64, ZSTD(1))'
      : `SimpleAggregateFunction(sum, ${name === 'own_sum' ? 'Int64' : 'UInt64'}) CODEC(T64, ZSTD(1))`
const sumColumns = (sums: Named) => sums.map(([name]) => `${name} ${typeOfSum(name)}`)
const quantileColumns = rawQuantiles
  .filter(isOfDays)
  .map(([name]) => `${name} AggregateFunction(quantilesBFloat16(${levels}), UInt32) CODEC(ZSTD(1))`)

const rawCodecs: Readonly<Record<string, string>> = {
  ts: 'CODEC(Delta(8), ZSTD(1))',
  ...Object.fromEntries(
    ['real_us', 'cpu_us', 'dbt_us', 'dbw_us', 'ext_us', 'ext', 'loop_us', 'stc', 'txc', 'rows', 'rep', 'in_bytes', 'out_bytes'].map(
      (name) => [name, 'CODEC(T64, ZSTD(1))'],
    ),
  ),
  account: 'CODEC(ZSTD(1))',
  // Chance does not compress.
  trace: 'CODEC(NONE)',
  span: 'CODEC(NONE)',
}
/** Days and hours are those of UTC, wherever the engine runs. */
const rawType = (name: string, type: string) => (name === 'ts' ? "DateTime64(3, 'UTC')" : type)
const columnOf = ([name, type]: (typeof callColumns)[number]) => `${name} ${rawType(name, type)} ${rawCodecs[name] ?? 'CODEC(ZSTD(1))'}`
const rawColumns = callColumns.slice(0, callColumnsAtFirst).map(columnOf)

/** Whole parts are dropped when all of their rows are too old; nothing is rewritten for it. */
const dropWholeParts = { ttl_only_drop_parts: 1 }
const hourColumn = "t DateTime('UTC') CODEC(Delta(4), ZSTD(1))"
const dayColumn = 't Date CODEC(Delta(2), ZSTD(1))'
const keyed = ['service', 'environment', 'method', 'release', 'lane', 'audience'] as const
const hourOfCall = "toStartOfHour(toDateTime(c.ts, 'UTC'))"
const dayOfCall = "toDate(c.ts, 'UTC')"

function select(from: string, keys: Named, values: Named, where = ''): string {
  const all = [...keys, ...values].map(([name, expression]) => `${expression} AS ${name}`)
  return `SELECT ${all.join(', ')} FROM ${from} AS c${where} GROUP BY ${keys.map(([name]) => name).join(', ')}`
}
const same = (...names: string[]): Named => names.map((name) => [name, `c.${name}`])

/** A rollup: rows of equal keys become one when parts are merged. */
const rollup = (it: { name: string; keys: readonly string[]; columns: readonly string[]; days: number; unit?: 'month' | 'day' }) => ({
  name: it.name,
  columns: it.columns.join(', '),
  family: 'AggregatingMergeTree',
  partitionBy: it.unit === 'day' ? 'toDate(t)' : 'toYYYYMM(t)',
  orderBy: it.keys.join(', '),
  ttl: `t + INTERVAL ${it.days} DAY`,
  settings: dropWholeParts,
})

export const callMigrations: ColumnMigrations = {
  room: 'calls',
  steps: [
    {
      name: '001-calls',
      up: (it) => [
        ...it.table({
          name: 'calls',
          columns: rawColumns.join(', '),
          family: 'MergeTree',
          partitionBy: 'toDate(ts)',
          orderBy: 'environment, service, method, ts',
          ttl: `toDateTime(ts) + INTERVAL ${rawDays} DAY`,
          settings: dropWholeParts,
        }),
        // All rollups of sums are made of this one, which groups raw rows once: most of what an insert costs is that.
        // It lives no longer than something may have to be put right by hand.
        ...it.table(
          rollup({
            name: 'calls_hour_set',
            keys: ['environment', 'service', 'method', 'release', 'lane', 'audience', 'failed', 'variants', 't'],
            columns: [...keyed.map(lowText), 'failed UInt8', 'variants Array(LowCardinality(String))', hourColumn, ...sumColumns(rawSums)],
            days: setDays,
            unit: 'day',
          }),
        ),
        ...it.view({
          name: 'calls_to_hour_set',
          from: 'calls',
          to: 'calls_hour_set',
          select: select('calls', [...same(...keyed, 'failed', 'variants'), ['t', hourOfCall]], rawSums),
        }),
        ...it.table(
          rollup({
            name: 'calls_hour',
            keys: ['environment', 'service', 'method', 'release', 'lane', 'audience', 'failed', 't'],
            columns: [...keyed.map(lowText), 'failed UInt8', hourColumn, ...sumColumns(rawSums)],
            days: hourDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_hour',
          from: 'calls_hour_set',
          to: 'calls_hour',
          select: select('calls_hour_set', same(...keyed, 'failed', 't'), rolledSums),
        }),
        ...it.table(
          rollup({
            name: 'calls_day',
            keys: ['environment', 'service', 'method', 'release', 'lane', 'audience', 'failed', 't'],
            columns: [...keyed.map(lowText), 'failed UInt8', dayColumn, ...sumColumns(rawSums)],
            days: dayDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_day',
          from: 'calls_hour',
          to: 'calls_day',
          select: select('calls_hour', [...same(...keyed, 'failed'), ['t', "toDate(c.t, 'UTC')"]], rolledSums),
        }),
        // A call that met three flags is in three rows: sums over several variants count it as often.
        ...it.table(
          rollup({
            name: 'calls_hour_variant',
            keys: ['environment', 'service', 'method', 'variant', 'release', 'audience', 't'],
            columns: [
              ...['service', 'environment', 'method', 'variant', 'release', 'audience'].map(lowText),
              hourColumn,
              ...sumColumns(rawSums),
            ],
            days: hourDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_hour_variant',
          from: 'calls_hour_set',
          to: 'calls_hour_variant',
          select: select(
            'calls_hour_set',
            [...same('service', 'environment', 'method', 'release', 'audience', 't'), ['variant', 'arrayJoin(c.variants)']],
            rolledSums,
          ),
        }),
        // States of quantiles are a hundred times as large as sums, and merging them is what a page waits for: they have
        // fewer keys, and one table without the audience for the commonest question.
        ...it.table(
          rollup({
            name: 'calls_day_audience_q',
            keys: ['environment', 'service', 'method', 'audience', 't'],
            columns: [...['service', 'environment', 'method', 'audience'].map(lowText), dayColumn, ...quantileColumns],
            days: dayDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_day_audience_q',
          from: 'calls',
          to: 'calls_day_audience_q',
          select: select(
            'calls',
            [...same('service', 'environment', 'method', 'audience'), ['t', dayOfCall]],
            rawQuantiles.filter(isOfDays),
          ),
        }),
        ...it.table(
          rollup({
            name: 'calls_day_q',
            keys: ['environment', 'service', 'method', 't'],
            columns: [...['service', 'environment', 'method'].map(lowText), dayColumn, ...quantileColumns],
            days: dayDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_day_q',
          from: 'calls_day_audience_q',
          to: 'calls_day_q',
          select: select('calls_day_audience_q', same('service', 'environment', 'method', 't'), rolledQuantiles.filter(isOfDays)),
        }),
        ...it.table(
          rollup({
            name: 'calls_day_account',
            keys: ['environment', 'service', 'method', 'account', 'audience', 't'],
            columns: [
              ...['service', 'environment', 'method', 'audience'].map(lowText),
              'account String CODEC(ZSTD(1))',
              dayColumn,
              ...sumColumns(rawSums.filter(isOfAccounts)),
            ],
            days: hourDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_day_account',
          from: 'calls',
          to: 'calls_day_account',
          select: select(
            'calls',
            [...same('service', 'environment', 'method', 'audience', 'account'), ['t', dayOfCall]],
            rawSums.filter(isOfAccounts),
            " WHERE c.account != ''",
          ),
        }),
        // Statements that were repeated within a call: how many calls did so, and how often the worst of them.
        ...it.table(
          rollup({
            name: 'calls_hour_repeat',
            keys: ['environment', 'service', 'method', 'repeated', 'release', 'lane', 'audience', 't'],
            columns: [
              ...[...keyed, 'repeated'].map(lowText),
              hourColumn,
              'n SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))',
              'rep_max SimpleAggregateFunction(max, UInt16) CODEC(T64, ZSTD(1))',
            ],
            days: hourDays,
          }),
        ),
        ...it.view({
          name: 'calls_to_hour_repeat',
          from: 'calls',
          to: 'calls_hour_repeat',
          select: select(
            'calls',
            [...same(...keyed, 'repeated'), ['t', hourOfCall]],
            [
              ['n', 'sum(c.n)'],
              ['rep_max', 'max(c.rep)'],
            ],
            " WHERE c.rep > 1 AND c.repeated != ''",
          ),
        }),
        ...it.table({
          name: 'call_exemplars',
          columns: [
            "ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))",
            ...['service', 'environment', 'release', 'lane', 'host', 'method', 'audience'].map(lowText),
            'account String CODEC(ZSTD(1))',
            'variants Array(LowCardinality(String))',
            'status UInt16',
            'failed UInt8',
            lowText('why'),
            ...['real_us', 'cpu_us', 'dbt_us', 'ext_us'].map((name) => `${name} UInt32`),
            'cpu_n UInt8',
            'stc UInt16',
            'txc UInt16',
            'trace String CODEC(ZSTD(1))',
            'span String CODEC(ZSTD(1))',
            'events String CODEC(ZSTD(3))',
            'cut UInt32',
          ].join(', '),
          family: 'MergeTree',
          partitionBy: 'toDate(ts)',
          orderBy: 'environment, service, method, ts',
          ttl: `toDateTime(ts) + INTERVAL ${rawDays} DAY`,
          settings: dropWholeParts,
        }),
        ...it.table({
          name: 'call_processes',
          columns: [
            "ts DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))",
            ...['service', 'environment', 'release', 'host', 'mode'].map(lowText),
            'interval_ms UInt32 CODEC(T64, ZSTD(1))',
            'cpu_ms Float64 CODEC(ZSTD(1))',
            'attributed_ms Float64 CODEC(ZSTD(1))',
            'dropped UInt64 CODEC(T64, ZSTD(1))',
            'overflowed UInt64 CODEC(T64, ZSTD(1))',
          ].join(', '),
          family: 'MergeTree',
          partitionBy: 'toDate(ts)',
          orderBy: 'environment, service, ts',
          ttl: `toDateTime(ts) + INTERVAL ${rawDays} DAY`,
          settings: dropWholeParts,
        }),
        // CPU time of services that report none, by regression: µs per call, and over how many windows. The newest counts.
        ...it.table({
          name: 'call_cpu_estimates',
          columns: [
            "ts DateTime('UTC') CODEC(Delta(4), ZSTD(1))",
            ...['service', 'environment', 'method'].map(lowText),
            'cpu_us Float64',
            'windows UInt32',
          ].join(', '),
          family: 'MergeTree',
          partitionBy: 'toYYYYMM(ts)',
          orderBy: 'environment, service, method, ts',
          ttl: `ts + INTERVAL ${hourDays} DAY`,
          settings: dropWholeParts,
        }),
      ],
    },
    {
      // The ends of the connection that carried a call: TCP sessions are laid beside it by them.
      name: '002-peers',
      up: (it) => it.addColumns({ table: 'calls', columns: callColumns.slice(callColumnsAtFirst).map(columnOf) }),
    },
  ],
}
