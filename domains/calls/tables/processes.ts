/** What recorders say of their processes. */
import { sayCount } from '@belay/base'
import { sql } from '@belay/columns'
import type { CallFacetsWire } from '@belay/protocol'
import type { Ground } from './ground.ts'
import { type Range, type Selection, within } from './selection.ts'

type Process = CallFacetsWire['processes'][number]
const servicesMax = 1_000

export async function readProcesses({ columns }: Pick<Ground, 'columns'>, environment: string, range: Range): Promise<Process[]> {
  return (
    await columns.query<Process>(
      sql`SELECT toString(c.service) AS service, toFloat64(sum(c.cpu_ms)) AS cpuMs, toFloat64(sum(c.cpu_ms - c.attributed_ms)) AS unattributedMs,
      toString(argMax(c.mode, c.ts)) AS mode, toFloat64(sum(c.dropped)) AS dropped, toFloat64(sum(c.overflowed)) AS overflowed
      FROM call_processes AS c WHERE c.environment = ${environment} AND ${within('call_processes', range)}
      GROUP BY c.service ORDER BY service LIMIT ${servicesMax}`,
    )
  ).map((it) => ({ ...it, unattributedMs: Math.max(0, it.unattributedMs) }))
}

/** What a reader of figures must know of how they were recorded. */
export async function processNotes(ground: Pick<Ground, 'columns'>, { environment, names }: Selection, range: Range): Promise<string[]> {
  const only = names.service?.only ?? []
  const not = names.service?.not ?? []
  const processes = (await readProcesses(ground, environment, range)).filter(
    ({ service }) => (only.length === 0 || only.includes(service)) && !not.includes(service),
  )
  const named = (them: readonly Process[]) => them.map(({ service }) => service).join(', ')
  const notes: string[] = []
  const sampled = processes.filter(({ mode }) => mode === 'sampled')
  if (sampled.length > 0) notes.push(`CPU time of ${named(sampled)} is measured in one second of ten.`)
  const off = processes.filter(({ mode }) => mode === 'off')
  if (off.length > 0) notes.push(`CPU time of ${named(off)} is not measured: it is turned off there.`)
  const dropped = processes.reduce((sum, it) => sum + it.dropped, 0)
  if (dropped > 0) notes.push(`${sayCount(dropped, 'call')} found no room in a recorder and ${dropped === 1 ? 'is' : 'are'} missing.`)
  return notes
}
