/** Calls of a method that were kept with all that they did. */
import { sql } from '@belay/columns'
import type { ExemplarWire } from '@belay/protocol'
import type { Ground } from './ground.ts'
import { type MethodFilter, ofMethod } from './method.ts'
import { conditions } from './selection.ts'

type Row = Omit<ExemplarWire, 'events' | 'failed' | 'cpuUs'> & {
  readonly failed: number
  readonly cpuUs: number
  readonly cpuN: number
  readonly events: string
}

/** The slowest first. */
export async function readExemplars(ground: Ground, ask: MethodFilter & { readonly limit: number }): Promise<ExemplarWire[]> {
  const { selection, range } = await ofMethod(ground, ask)
  const rows = await ground.columns.query<Row>(
    sql`SELECT c.trace AS trace, c.span AS span, toFloat64(toUnixTimestamp64Milli(c.ts)) AS at, toString(c.why) AS why,
      toString(c.release) AS release, toString(c.lane) AS lane, toString(c.host) AS host, toString(c.audience) AS audience, c.account AS account,
      c.variants AS variants, c.status AS status, c.failed AS failed, c.real_us AS realUs, c.cpu_us AS cpuUs, c.cpu_n AS cpuN, c.dbt_us AS dbUs,
      c.stc AS statements, c.txc AS transactions, c.events AS events, c.cut AS cut
      FROM call_exemplars AS c WHERE ${conditions(selection, 'calls', range)} ORDER BY c.real_us DESC, c.ts DESC LIMIT ${ask.limit}`,
  )
  return rows.map(({ events, failed, cpuUs, cpuN, ...row }) => ({
    ...row,
    failed: failed === 1,
    cpuUs: cpuN === 1 ? cpuUs : null,
    events: JSON.parse(events) as ExemplarWire['events'],
  }))
}
