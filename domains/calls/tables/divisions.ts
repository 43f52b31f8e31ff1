/** A method's calls divided by what they have in common: release, lane, variant, audience, account, host, status. */
import { raw, sql } from '@belay/columns'
import { type CallMethodWire, callDivisions } from '@belay/protocol'
import type { Ground } from './ground.ts'
import { planOf, rollupsOf } from './plan.ts'
import { rawDays } from './schema.ts'
import { dayMs, type Range, type Selection, stemsOf } from './selection.ts'
import { countOf, key, type Key, readSums, type SumRow } from './sums.ts'

type Division = CallMethodWire['divisions'][number]
type By = Division['by']

/** What fits beside each other on a page; the rest is counted. */
const rowsMax = 20

const keysOf: Readonly<Record<By, Key>> = {
  release: key('release'),
  lane: key('lane'),
  audience: key('audience'),
  account: key('account'),
  host: key('host'),
  status: key('status'),
  variant: { name: 'variant', of: (table) => raw(table === 'calls' ? 'arrayJoin(c.variants)' : 'c.variant') },
}

/**
 * @param selection with the service and the method.
 * @param recent the range of raw rows that may be read: what only they know is divided over that.
 * @param count of the method's calls in the range.
 */
export async function readDivisions(ground: Ground, selection: Selection, range: Range, recent: Range, count: number): Promise<Division[]> {
  const rowsPerDay = (count * dayMs) / (range.to - range.from)
  const left = [...callDivisions]
  const made = new Map<By, Division>()
  // Others ask the store too; one page must not fill its waiting line.
  const turn = async () => {
    for (let by = left.shift(); by !== undefined; by = left.shift()) {
      const inRaw = rollupsOf(selection, { by }) === null
      made.set(by, await divide(ground, selection, inRaw ? recent : range, by, rowsPerDay))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, turn))
  return callDivisions.map((by) => made.get(by) as Division)
}
const atOnce = 3

async function divide(ground: Ground, selection: Selection, range: Range, by: By, rowsPerDay: number): Promise<Division> {
  const stems = stemsOf(selection)
  const plan = planOf(selection, range, { now: ground.clock.now(), rowsPerDay, by })
  const rows = await readSums(ground.columns, {
    selection,
    parts: plan.parts,
    keys: [keysOf[by]],
    sums: ['n', 'errors', 'cpu_n', ...stems.map((stem) => `${stem}_sum`)],
    quantiles: plan.quantiles ? [selection.real] : [],
    order: sql`n DESC, ${raw(by)}`,
    limit: rowsMax,
    countGroups: true,
  })
  const mean = (row: SumRow, stem: (typeof stems)[number]) => {
    const n = row.sum(countOf(stem))
    return n === 0 ? 0 : Math.max(0, row.sum(`${stem}_sum`)) / n
  }
  return {
    by,
    rows: rows.map((row) => ({
      name: row.keys[0] as string,
      count: row.sum('n'),
      errors: row.sum('errors'),
      realUs: mean(row, selection.real),
      p95Us: row.quantiles(selection.real)?.[1] ?? null,
      cpuUs: mean(row, 'cpu'),
      dbUs: mean(row, 'dbt'),
      statements: mean(row, 'stc'),
      transactions: mean(row, 'txc'),
    })),
    total: rows[0]?.sum('groups') ?? 0,
  }
}

/** Raw rows of one method that one page reads; below a second. */
const recentRowsMax = 20_000_000

/** The end of a range of which raw rows are there, and few enough to be read one by one. */
export function recentOf(range: Range, count: number, now: number): Range {
  const span = range.to - range.from
  const wanted = count > recentRowsMax ? (span * recentRowsMax) / count : span
  return { from: Math.round(Math.min(range.to, Math.max(range.from, range.to - wanted, now - rawDays * dayMs))), to: range.to }
}
