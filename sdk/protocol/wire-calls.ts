/** What travels about calls: the table, trends, changes, costs of flags, budgets. Times as in wire.ts; durations of calls in µs (`Us`). */
import { z } from 'zod'

const at = z.number().int()
const count = z.number().int().nonnegative()

/** Real, CPU and DB time, statements, transactions: what every call is measured by. */
export const callMeasures = ['real', 'cpu', 'db', 'statements', 'transactions'] as const
export type CallMeasure = (typeof callMeasures)[number]
/** What the table can be ranked by; `mix` is the share of real, CPU and DB time, a third each. */
export const callRanks = ['mix', 'cpu', 'real', 'db', 'statements', 'transactions', 'count', 'errors', 'name'] as const
export const trendMeasures = [...callMeasures, 'count', 'errors'] as const
/** By what a method's page divides its calls. */
export const callDivisions = ['release', 'lane', 'variant', 'audience', 'account', 'host', 'status'] as const

const names = z
  .string()
  .transform((text) => text.split(',').filter((it) => it !== ''))
  .pipe(z.array(z.string().max(200)).max(50))

/**
 * Which calls: the query of every page and command. Lists are parted by commas; a `!` before a name leaves it out
 * (`audience=!robot,!staff`). `from` and `to`: ms since the epoch; by default the last 24 hours. `day` (YYYY-MM-DD, UTC)
 * says both.
 */
export const callFilter = z.object({
  environment: z.string().optional(),
  from: z.coerce.number().int().optional(),
  to: z.coerce.number().int().optional(),
  day: z.iso.date().optional(),
  service: names.optional(),
  audience: names.optional(),
  account: names.optional(),
  release: names.optional(),
  lane: names.optional(),
  host: names.optional(),
  /** `flag=variant`. */
  variant: names.optional(),
  /** `without`: real time less the time of calls to other services. */
  external: z.enum(['with', 'without']).default('with'),
})
export type CallFilter = z.output<typeof callFilter>
export const callFilterShape = callFilter.shape

/** One measure over some calls; times in µs. Quantiles are null where only sums are kept (ranges older than raw rows, under filters that day rollups do not know). */
export const figuresWire = z.object({
  /** Calls that the measure stands on: all, except for CPU, which not every call has. */
  n: count,
  mean: z.number(),
  p50: z.number().nullable(),
  p95: z.number().nullable(),
  p99: z.number().nullable(),
  max: z.number(),
  total: z.number(),
  /** Of the total of all methods, 0 to 1. */
  share: z.number(),
})
export type FiguresWire = z.infer<typeof figuresWire>

/** After less before, with its interval of 99 %. `shown`: the interval leaves zero out after correction for the number of methods. */
export const differenceWire = z.object({
  before: z.number(),
  after: z.number(),
  difference: z.number(),
  low: z.number(),
  high: z.number(),
  /** difference / before; null when before is 0. */
  relative: z.number().nullable(),
  p: z.number(),
  q: z.number(),
  shown: z.boolean(),
  /** Too few calls on a side (less than 30) to say anything. */
  few: z.boolean(),
})
export type DifferenceWire = z.infer<typeof differenceWire>
export const differencesWire = z.object({
  real: differenceWire,
  cpu: differenceWire,
  db: differenceWire,
  statements: differenceWire,
  transactions: differenceWire,
})

export const callRowWire = z.object({
  service: z.string(),
  method: z.string(),
  count,
  errors: count,
  /** The stated blend, 0 to 1. */
  mix: z.number(),
  real: figuresWire,
  cpu: figuresWire,
  db: figuresWire,
  statements: figuresWire,
  transactions: figuresWire,
  /** Of calls to other services, part of real time. */
  external: z.object({ mean: z.number(), count: z.number() }),
  /** The most frequent equal statement within one call, when some call ran one at least 5 times. */
  repeats: z.object({ max: count, statement: z.string() }).nullable(),
  /** The measure that is ranked by, evenly over the range, or what of it is after the first call of all: null where no call was. */
  spark: z.array(z.number().nullable()),
  /** Where in `spark` (position) a shown change was found. */
  changedAt: z.number().nullable(),
  /** CPU is an estimate by regression (services that report none). */
  cpuEstimated: z.boolean(),
  compared: differencesWire.nullable(),
})
export type CallRowWire = z.infer<typeof callRowWire>

export const callTableWire = z.object({
  from: at,
  to: at,
  environment: z.string(),
  /** Which table answered: `raw`, `hour`, `day`. */
  grain: z.enum(['raw', 'hour', 'day']),
  rank: z.enum(callRanks),
  rows: z.array(callRowWire),
  /** Of all methods, also when `rows` was cut by its limit. */
  total: z.object({ methods: count, count, errors: count, realUs: z.number(), cpuUs: z.number(), dbUs: z.number() }),
  /** What is compared with, in words, when something is. */
  comparedWith: z.string().nullable(),
  /** What a reader must know: sampled CPU, dropped calls, methods beyond the bound, quantiles that are missing. */
  notes: z.array(z.string()),
  tookMs: z.number(),
})
export type CallTableWire = z.infer<typeof callTableWire>

export const callFacetsWire = z.object({
  /** Null: no call was ever recorded in this environment. */
  firstAt: at.nullable(),
  lastAt: at.nullable(),
  environments: z.array(z.string()),
  services: z.array(z.string()),
  audiences: z.array(z.string()),
  releases: z.array(z.string()),
  lanes: z.array(z.string()),
  hosts: z.array(z.string()),
  variants: z.array(z.string()),
  /** Of each service: CPU time of its processes, and the part that no call accounts for. */
  processes: z.array(
    z.object({ service: z.string(), cpuMs: z.number(), unattributedMs: z.number(), mode: z.string(), dropped: count, overflowed: count }),
  ),
  store: z.object({ state: z.enum(['asleep', 'starting', 'ready', 'down']), because: z.string().nullable(), waiting: count }),
})
export type CallFacetsWire = z.infer<typeof callFacetsWire>

/** A release that came, a ring that was reached, a flag that was changed: what may explain a change. */
export const markWire = z.object({
  at,
  kind: z.enum(['deployment', 'flag', 'ring', 'change']),
  /** `v2`, `inline-comments`. */
  name: z.string(),
  says: z.string(),
  subject: z.string(),
})
export type MarkWire = z.infer<typeof markWire>

export const trendWire = z.object({
  measure: z.enum(trendMeasures),
  grain: z.enum(['minute', 'hour', 'day']),
  points: z.array(
    z.object({
      at,
      n: count,
      mean: z.number().nullable(),
      p50: z.number().nullable(),
      p95: z.number().nullable(),
      max: z.number().nullable(),
    }),
  ),
  marks: z.array(markWire),
})
export type TrendWire = z.infer<typeof trendWire>

export const divisionWire = z.object({
  by: z.enum(callDivisions),
  rows: z.array(
    z.object({
      name: z.string(),
      count,
      errors: count,
      realUs: z.number(),
      p95Us: z.number().nullable(),
      cpuUs: z.number(),
      dbUs: z.number(),
      statements: z.number(),
      transactions: z.number(),
    }),
  ),
  /** How many there are in all; `rows` has the largest. */
  total: count,
})

export const exemplarWire = z.object({
  trace: z.string(),
  span: z.string(),
  at,
  why: z.string(),
  release: z.string(),
  lane: z.string(),
  host: z.string(),
  audience: z.string(),
  account: z.string(),
  variants: z.array(z.string()),
  status: count,
  failed: z.boolean(),
  realUs: z.number(),
  cpuUs: z.number().nullable(),
  dbUs: z.number(),
  statements: count,
  transactions: count,
  events: z.array(
    z.object({ kind: z.string(), atUs: z.number(), tookUs: z.number(), text: z.string(), system: z.string(), failed: z.boolean() }),
  ),
  cut: count,
})
export type ExemplarWire = z.infer<typeof exemplarWire>

export const callMethodWire = z.object({
  row: callRowWire,
  from: at,
  to: at,
  environment: z.string(),
  /** Real time: how many calls took up to `upToUs`, buckets growing by a fixed factor. */
  distribution: z.array(z.object({ upToUs: z.number(), count })),
  divisions: z.array(divisionWire),
  /** Statements that were repeated within calls, the worst first. */
  repeated: z.array(z.object({ statement: z.string(), calls: count, max: count })),
  budget: z
    .object({
      real: z.number().nullable(),
      cpu: z.number().nullable(),
      db: z.number().nullable(),
      statements: z.number().nullable(),
      transactions: z.number().nullable(),
    })
    .nullable(),
  notes: z.array(z.string()),
})
export type CallMethodWire = z.infer<typeof callMethodWire>

/** A change of cost that was found: at a release by comparison, in a trend by change-point detection, between a flag's variants. */
export const callChangeWire = z.object({
  id: z.string(),
  foundAt: at,
  kind: z.enum(['release', 'trend', 'flag']),
  environment: z.string(),
  service: z.string(),
  method: z.string(),
  measure: z.enum(callMeasures),
  /** When the cost moved: the deployment's beginning, the day, the first time both variants were seen. */
  at,
  /** In µs, or statements and transactions per call. */
  before: z.number(),
  after: z.number(),
  low: z.number(),
  high: z.number(),
  relative: z.number().nullable(),
  p: z.number(),
  n: z.object({ before: count, after: count }),
  /** `release:v2`, `flag:inline-comments`; null when nothing was near in time. */
  cause: z.string().nullable(),
  /** The statement that is repeated since, when that is the reason. */
  statement: z.string().nullable(),
  /** One sentence for people. */
  says: z.string(),
  dearer: z.boolean(),
})
export type CallChangeWire = z.infer<typeof callChangeWire>

/** What a flag's variant costs against its default, over the time in which both were seen. */
export const flagCostWire = z.object({
  flag: z.string(),
  variant: z.string(),
  against: z.string(),
  environment: z.string(),
  from: at,
  to: at,
  /** Only methods with enough calls on both sides; the surest first. */
  rows: z.array(
    z.object({ service: z.string(), method: z.string(), count: z.object({ before: count, after: count }), differences: differencesWire }),
  ),
  /** Differences that were tested together: methods times measures. */
  tests: count,
  says: z.string(),
})
export type FlagCostWire = z.infer<typeof flagCostWire>

export const budgetVerdictWire = z.object({
  environment: z.string(),
  release: z.string().nullable(),
  ok: z.boolean(),
  says: z.string(),
  lines: z.array(
    z.object({
      method: z.string(),
      measure: z.enum(callMeasures),
      limit: z.number().nullable(),
      got: z.number(),
      n: count,
      state: z.enum(['within', 'over', 'dearer', 'few']),
      says: z.string(),
    }),
  ),
})
export type BudgetVerdictWire = z.infer<typeof budgetVerdictWire>

export const logFormats = ['nginx', 'haproxy'] as const
export const callImportWire = z.object({
  lines: count,
  calls: count,
  /** Lines that could not be read, with the first few and why. */
  refused: count,
  examples: z.array(z.object({ line: z.number().int(), because: z.string() })),
  /** Imported once before: nothing was counted twice. */
  again: z.boolean(),
  says: z.string(),
})
export type CallImportWire = z.infer<typeof callImportWire>
