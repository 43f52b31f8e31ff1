/** What calls can be filtered by, and how recorders and the column store are. */
import { raw, sql } from '@belay/columns'
import type { CallFacetsWire } from '@belay/protocol'
import { edgeOf } from './edges.ts'
import type { Ground } from './ground.ts'
import { environmentOf, environmentsWithCalls } from './places.ts'
import { readProcesses } from './processes.ts'
import { dayMs, hourMs, type Range, rangeOf, within } from './selection.ts'

/** A list to choose from; whoever has more names types one. */
const namesMax = 500

export type FacetsAsk = {
  readonly environment?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly day?: string | undefined
}

/** Names are those of all hours (days, beyond 400 of them) that the range touches; hosts those of recorders and of raw calls. */
export async function readFacets(ground: Ground, ask: FacetsAsk): Promise<CallFacetsWire> {
  const { columns, clock } = ground
  const environment = await environmentOf(ground, ask.environment)
  const range = rangeOf(ask, clock.now())
  const hours = { from: Math.floor(range.from / hourMs) * hourMs, to: Math.ceil(range.to / hourMs) * hourMs }
  const names = async (column: string, table: string, of: Range = hours): Promise<string[]> =>
    (
      await columns.query<{ name: string }>(
        sql`SELECT DISTINCT toString(c.${raw(column)}) AS name FROM ${raw(table)} AS c
          WHERE c.environment = ${environment} AND ${within(table, of)} AND c.${raw(column)} != '' ORDER BY name LIMIT ${namesMax}`,
      )
    ).map(({ name }) => name)
  const rollup = range.to - range.from > 2 * dayMs ? 'calls_day' : 'calls_hour'
  // Raw rows of a day: hosts that send through OpenTelemetry tell nothing of their processes.
  const lastDay = { from: Math.max(range.from, range.to - dayMs), to: range.to }
  const [first, last, withCalls, known, services, audiences, releases, lanes, hosts, recorders, variants, processes] = await Promise.all([
    edgeOf(columns, environment, 'min'),
    edgeOf(columns, environment, 'max'),
    environmentsWithCalls(ground),
    ground.environments(),
    names('service', rollup),
    names('audience', rollup),
    names('release', rollup),
    names('lane', rollup),
    names('host', 'calls', lastDay),
    names('host', 'call_processes', range),
    names('variant', 'calls_hour_variant'),
    readProcesses(ground, environment, range),
  ])
  const { state, because } = columns.state()
  return {
    firstAt: first,
    lastAt: last,
    environments: [...new Set([...known.map(({ name }) => name), ...withCalls])],
    services,
    audiences,
    releases,
    lanes,
    hosts: [...new Set([...hosts, ...recorders])].sort(),
    variants,
    processes,
    store: { state, because, waiting: ground.intake.state().waitingRows },
  }
}
