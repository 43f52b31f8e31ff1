/** From verdicts to changes as they are told: their names, figures and sentences. Pure. */
import { sha256 } from '@belay/base/node'
import type { CallChangeWire, CallMeasure, DifferenceWire, FlagCostWire } from '@belay/protocol'
import { callMeasures } from '@belay/protocol'
import type { Deployed } from './arrivals.ts'
import type { Pair } from './flags.ts'
import type { Arrival, Found } from './store.ts'
import type { Trend } from './trends.ts'
import type { Judged } from './verdict.ts'
import { sayChange, sayFigure, sayRelative } from './words.ts'

/** The same change has the same name whoever finds it, and however often. */
const idOf = (...parts: readonly (string | number)[]): string => sha256(parts.join('\0')).slice(0, 16)
/** JSON knows no infinity: what was nothing before grew by no factor. */
const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

function told(it: Omit<Found, 'says' | 'dearer'>, drifts = false): Found {
  return { ...it, dearer: it.after > it.before, says: sayChange(it, drifts) }
}

const figuresOf = ({ it }: Pick<Judged, 'it'>) => ({
  before: it.before.mean,
  after: it.after.mean,
  low: finite(it.low) ?? it.difference,
  high: finite(it.high) ?? it.difference,
  relative: finite(it.relative),
  p: it.p,
  n: { before: it.before.n, after: it.after.n },
})

export const releaseSource = (it: Arrival): string => `release/${it.environment}/${it.service}/${it.release}@${it.at}`
export function releaseChange(arrival: Arrival, one: Judged, statement: string | null): Found {
  const { environment, at, release } = arrival
  const { service, method, measure } = one
  return told({
    id: idOf(releaseSource(arrival), method, measure),
    kind: 'release',
    environment,
    service,
    method,
    measure,
    at,
    ...figuresOf(one),
    cause: `release:${release}`,
    statement,
  })
}

export const flagSource = (it: Pair): string => `flag/${it.environment}/${it.flag}=${it.variant}/${it.against}`
export function flagChange(pair: Pair, one: Judged, statement: string | null): Found {
  const { service, method, measure } = one
  return told({
    id: idOf(flagSource(pair), service, method, measure),
    kind: 'flag',
    environment: pair.environment,
    service,
    method,
    measure,
    at: pair.firstAt,
    ...figuresOf(one),
    cause: `flag:${pair.flag}`,
    statement,
  })
}

/** What may explain a trend's change: a release that came, a flag that was changed. */
export type Move = { readonly at: number; readonly cause: string; readonly environment: string | null }
export const moveOf = ({ at, release, environment }: Deployed): Move => ({ at, cause: `release:${release}`, environment })
const dayMs = 86_400_000

/** The nearest within 24 hours of the new level's first day; a release rather than a flag when both are as near. */
export function causeOf(moves: readonly Move[], environment: string, at: number): string | null {
  const near = moves.filter((it) => (it.environment === null || it.environment === environment) && Math.abs(it.at - at) <= dayMs)
  return (
    near.reduce<Move | undefined>(
      (best, it) => (best === undefined || Math.abs(it.at - at) < Math.abs(best.at - at) ? it : best),
      undefined,
    )?.cause ?? null
  )
}

export const trendSource = (environment: string): string => `trend/${environment}`
/**
 * A trend's change, unless it is one that is known: found at a release or a flag at that time, or on another night, when
 * its day was seen a little earlier or later.
 */
export function trendChange(trend: Trend, environment: string, cause: string | null, known: readonly CallChangeWire[]): Found | undefined {
  const { service, method, measure, point, at, calls } = trend
  const difference = point.after - point.before
  const same = known.filter(
    (it) =>
      it.environment === environment &&
      it.service === service &&
      it.method === method &&
      it.measure === measure &&
      it.dearer === difference > 0 &&
      Math.abs(it.at - at) <= 3 * dayMs,
  )
  if (same.some(({ kind }) => kind !== 'trend')) return undefined
  return told(
    {
      id: same[0]?.id ?? idOf(trendSource(environment), service, method, measure, at),
      kind: 'trend',
      environment,
      service,
      method,
      measure,
      at,
      before: point.before,
      after: point.after,
      low: point.low,
      high: point.high,
      relative: finite(point.before === 0 ? Number.POSITIVE_INFINITY : difference / point.before),
      p: point.p,
      n: calls,
      cause: trend.drifts ? null : cause,
      statement: null,
    },
    trend.drifts,
  )
}

// ── costs of flags ──────────────────────────────────────────────────────────────────────────────────────────
/** The surest come first; nobody reads beyond. */
const rowsMax = 200

export function flagCost(pair: Pair, judged: readonly Judged[], tests: number, range: { from: number; to: number }): FlagCostWire {
  const byMethod = Map.groupBy(
    judged.filter(({ few }) => !few),
    ({ service, method }) => `${service}\0${method}`,
  )
  const rows = [...byMethod.values()].map((some) => {
    const { service, method } = some[0] as Judged
    const all = judged.filter((it) => it.service === service && it.method === method)
    const differences = Object.fromEntries(all.map((one) => [one.measure, differenceOf(one)])) as Record<CallMeasure, DifferenceWire>
    const { before, after } = (all[0] as Judged).it
    return { service, method, count: { before: before.n, after: after.n }, differences }
  })
  const surest = (row: (typeof rows)[number]) => Math.min(...callMeasures.map((measure) => row.differences[measure].p))
  rows.sort((a, b) => surest(a) - surest(b))
  const { flag, variant, against, environment } = pair
  return {
    flag,
    variant,
    against,
    environment,
    from: Math.max(range.from, pair.firstAt),
    to: range.to,
    rows: rows.slice(0, rowsMax),
    tests,
    says: sayCost(pair, rows),
  }
}

function differenceOf({ it, q, shown, few }: Judged): DifferenceWire {
  const { before, after, low, high, relative, p } = figuresOf({ it })
  return { before, after, difference: it.difference, low, high, relative, p, q, shown, few }
}

function sayCost({ flag, variant, against }: Pair, rows: FlagCostWire['rows']): string {
  const shown = rows.flatMap(({ method, differences }) =>
    callMeasures.flatMap((measure) => (differences[measure].shown ? [{ method, measure, it: differences[measure] }] : [])),
  )
  const name = `${flag}: ${variant}`
  if (rows.length === 0) return `${name} and ${against} were met together by too few calls to say what ${variant} costs.`
  if (shown.length === 0) return `${name} costs what ${against} costs, as far as ${rows.length} method${rows.length === 1 ? '' : 's'} show.`
  const growth = ({ it }: (typeof shown)[number]) => Math.abs(it.relative ?? Number.POSITIVE_INFINITY)
  const { method, measure, it } = shown.reduce((most, one) => (growth(one) > growth(most) ? one : most))
  const methods = new Set(shown.map((one) => one.method)).size
  const unit =
    measure === 'statements' || measure === 'transactions' ? ` ${measure}` : { real: '', cpu: ' of CPU', db: ' in the database' }[measure]
  return `${name} changes what ${methods} method${methods === 1 ? ' costs' : 's cost'}, most of all ${method}: ${sayFigure(measure, it.after)} instead of ${sayFigure(measure, it.before)}${unit} (${sayRelative(it.relative)}), against ${against}.`
}
