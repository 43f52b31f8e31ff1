/** Calls for tests: what a method costs, told in few words, with noise that is the same every time. */
import { type Random, seededRandom } from '@belay/base'
import type { Columns } from '@belay/columns'

export type Sample = {
  readonly at: number
  readonly release: string
  readonly method?: string
  readonly service?: string
  readonly environment?: string
  readonly audience?: string
  readonly variants?: readonly string[]
  /** Mean real time in µs; log-normal around it, with a spread of 0.6. */
  readonly realUs?: number
  readonly statements?: number
  readonly repeated?: string
}

export function normalFrom(random: Random): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
/** So that the mean is `mean`. */
export const logNormal = (normal: () => number, mean: number, sigma = 0.6): number => mean * Math.exp(sigma * normal() - sigma ** 2 / 2)

const normal = normalFrom(seededRandom(4))

export function row(it: Sample): Record<string, unknown> {
  const real = Math.round(logNormal(normal, it.realUs ?? 20_000))
  const statements = it.statements ?? 2
  return {
    ts: new Date(it.at).toISOString().slice(0, -1).replace('T', ' '),
    service: it.service ?? 'api',
    environment: it.environment ?? 'production',
    release: it.release,
    lane: 'stable',
    host: 'h',
    method: it.method ?? 'Members.get',
    audience: it.audience ?? 'everyone',
    account: '',
    variants: it.variants ?? [],
    status: 200,
    failed: 0,
    n: 1,
    real_us: real,
    cpu_us: Math.round(real / 5),
    cpu_n: 1,
    dbt_us: Math.round(real / 2),
    dbw_us: Math.round(real / 2),
    ext_us: 0,
    ext: 0,
    loop_us: 0,
    stc: statements,
    txc: 1,
    rows: 1,
    rep: it.repeated === undefined ? 1 : statements - 1,
    repeated: it.repeated ?? '',
    in_bytes: 0,
    out_bytes: 0,
    trace: '',
    span: 0,
    origin: 'recorder',
    marks: 0,
  }
}

let token = 0
export const insertCalls = (columns: Columns, samples: readonly Sample[]): Promise<void> =>
  columns.insertRows({ table: 'calls', rows: samples.map(row), token: `sample-${++token}` })

/** `count` calls, evenly over a span of time. */
export function spread(count: number, from: number, to: number, of: (at: number, nth: number) => Omit<Sample, 'at'>): Sample[] {
  return Array.from({ length: count }, (_, nth) => {
    const at = Math.floor(from + ((to - from) * (nth + 0.5)) / count)
    return { at, ...of(at, nth) }
  })
}
