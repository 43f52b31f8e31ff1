/**
 * A deployment as bars on hosts: what was measured, what runs, what is ahead. Pure; times are milliseconds since the
 * deployment began.
 */
import type { DeploymentWire, PlanWire } from '@belay/protocol'
import { hasEnded } from '../../words.ts'

type Item = PlanWire['items'][number]
type Run = DeploymentWire['runs'][number]
export type BarState = Run['state'] | 'ahead'

export type Bar = {
  readonly key: string
  readonly index: number
  readonly direction: Run['direction']
  readonly attempt: number
  readonly step: string
  readonly host: string
  /** Items of one wave on the same host run side by side, each in its own lane. */
  readonly lane: number
  readonly state: BarState
  readonly startMs: number
  /** For a running bar the present; for one ahead the projection. */
  readonly endMs: number
  /** The rehearsal's time; null when there was none. */
  readonly expectedMs: number | null
  /** Done, and since brought back. */
  readonly reversed: boolean
  readonly because: string | null
}
export type HostRow = { readonly host: string; readonly lanes: number }
export type Chart = {
  readonly rows: readonly HostRow[]
  readonly bars: readonly Bar[]
  /** The end of the time axis: the last measured or projected moment, never less than the rehearsal's whole. */
  readonly spanMs: number
  /** The present on the axis, while something runs. */
  readonly nowMs: number | undefined
}

/** An item that was never timed is drawn this long until something like it has been measured. */
const unknownMs = 5_000

export const barKey = (it: { index: number; direction: Run['direction']; attempt: number }): string =>
  `${it.index}-${it.direction}-${it.attempt}`

/** Hosts in the order in which the plan first touches them, with as many lanes as ever run side by side there. */
function rowsOf(items: readonly Item[]): { rows: HostRow[]; laneOf: Map<number, number> } {
  const lanes = new Map<string, number>()
  const laneOf = new Map<number, number>()
  const taken = new Map<string, number>()
  for (const item of items) {
    const slot = `${item.wave} ${item.host}`
    const lane = taken.get(slot) ?? 0
    taken.set(slot, lane + 1)
    laneOf.set(item.index, lane)
    lanes.set(item.host, Math.max(lanes.get(item.host) ?? 1, lane + 1))
  }
  return { rows: [...lanes].map(([host, count]) => ({ host, lanes: count })), laneOf }
}

/** What a step takes here when the rehearsal cannot say: the mean of its like that are done in this deployment. */
function guessMs(item: Item, items: readonly Item[], runs: readonly Run[]): number {
  const like = runs.filter(
    (run) => run.direction === 'do' && run.state === 'done' && run.endedAt !== null && items[run.index]?.step === item.step,
  )
  if (like.length === 0) return unknownMs
  return like.reduce((sum, run) => sum + ((run.endedAt ?? run.startedAt) - run.startedAt), 0) / like.length
}

/** The bars of a deployment at the moment `nowAt` (milliseconds since the epoch). */
export function chartOf(
  deployment: Pick<DeploymentWire, 'plan' | 'runs' | 'state' | 'startedAt' | 'createdAt' | 'endedAt'>,
  nowAt: number,
): Chart {
  const { plan, runs, state } = deployment
  const originAt = deployment.startedAt ?? deployment.createdAt
  const { rows, laneOf } = rowsOf(plan.items)
  const itemOf = new Map(plan.items.map((item) => [item.index, item]))
  const moving = state === 'running' || state === 'undoing'
  // Before the start nothing has run and the projection begins at zero, not at the moment of looking.
  const nowMs = deployment.startedAt === null ? 0 : Math.max(0, nowAt - originAt)
  const undone = new Set(runs.filter((run) => run.direction === 'undo' && run.state === 'done').map((run) => run.index))

  const bars: Bar[] = []
  for (const run of runs) {
    const item = itemOf.get(run.index)
    if (item === undefined) continue
    const startMs = Math.max(0, run.startedAt - originAt)
    const open = run.endedAt === null
    bars.push({
      key: barKey(run),
      index: run.index,
      direction: run.direction,
      attempt: run.attempt,
      step: item.step,
      host: item.host,
      lane: laneOf.get(item.index) ?? 0,
      // A run without an end in a deployment that stands still was cut off; it does not grow.
      state: open && !moving && run.state === 'running' ? 'interrupted' : run.state,
      startMs,
      endMs: Math.max(startMs, open ? (moving ? nowMs : startMs) : (run.endedAt ?? 0) - originAt),
      expectedMs: run.direction === 'do' ? item.expectedMs : null,
      reversed: run.direction === 'do' && run.state === 'done' && undone.has(run.index),
      because: run.because,
    })
  }
  // Once it has turned round nothing more is done, whatever it then waits for.
  const goesOn = !hasEnded(state) && state !== 'undoing' && runs.every((run) => run.direction === 'do')
  if (goesOn) bars.push(...aheadOf(plan.items, runs, bars, laneOf, nowMs))
  const lastMs = bars.reduce((latest, bar) => Math.max(latest, bar.endMs, bar.startMs + (bar.expectedMs ?? 0)), 0)
  // While it can still go as rehearsed the axis keeps the rehearsal's whole, so that nothing is rescaled on the way.
  const spanMs = Math.max(lastMs, moving ? nowMs : 0, goesOn ? (plan.expectedMs ?? 0) : 0, 1)
  return { rows, bars, spanMs, nowMs: moving && deployment.startedAt !== null ? nowMs : undefined }
}

/** The items still to run, projected: a wave begins when the one before has ended, and never in the past. */
function aheadOf(
  items: readonly Item[],
  runs: readonly Run[],
  measured: readonly Bar[],
  laneOf: ReadonlyMap<number, number>,
  nowMs: number,
): Bar[] {
  const last = new Map<number, Bar>()
  for (const bar of measured) if (bar.direction === 'do') last.set(bar.index, bar)
  const waves = new Map<number, Item[]>()
  for (const item of items) waves.set(item.wave, [...(waves.get(item.wave) ?? []), item])

  const ahead: Bar[] = []
  let waveStartMs = 0
  for (const [, wave] of [...waves].sort(([a], [b]) => a - b)) {
    let waveEndMs = waveStartMs
    for (const item of wave) {
      const bar = last.get(item.index)
      const lengthMs = item.expectedMs ?? guessMs(item, items, runs)
      if (bar !== undefined) {
        waveEndMs = Math.max(waveEndMs, bar.state === 'running' ? Math.max(nowMs, bar.startMs + lengthMs) : bar.endMs)
        continue
      }
      const startMs = Math.max(waveStartMs, nowMs)
      ahead.push({
        key: barKey({ index: item.index, direction: 'do', attempt: 0 }),
        index: item.index,
        direction: 'do',
        attempt: 0,
        step: item.step,
        host: item.host,
        lane: laneOf.get(item.index) ?? 0,
        state: 'ahead',
        startMs,
        endMs: startMs + lengthMs,
        expectedMs: item.expectedMs,
        reversed: false,
        because: null,
      })
      waveEndMs = Math.max(waveEndMs, startMs + lengthMs)
    }
    waveStartMs = waveEndMs
  }
  return ahead
}

/** A plan alone, before anything ran, as a chart: what a deployment would look like. */
export const chartOfPlan = (plan: PlanWire): Chart =>
  chartOf({ plan, runs: [], state: 'waiting-approval', startedAt: null, createdAt: 0, endedAt: null }, 0)

/** The bar to show when nobody chose one: what runs, else what failed, else what was last. */
export function mostTelling(bars: readonly Bar[]): Bar | undefined {
  const latest = (state: BarState) =>
    bars
      .filter((bar) => bar.state === state)
      .reduce<Bar | undefined>((best, bar) => (best === undefined || bar.startMs > best.startMs ? bar : best), undefined)
  return latest('running') ?? latest('failed') ?? latest('interrupted') ?? latest('done') ?? latest('skipped')
}

export type Way = 'left' | 'right' | 'up' | 'down'

/** Where an arrow key leads from a bar: along its host in time, or to the bar nearest in time on the next host. */
export function neighbour(chart: Chart, from: Bar, way: Way): Bar | undefined {
  if (way === 'left' || way === 'right') {
    const row = chart.bars.filter((bar) => bar.host === from.host).sort((a, b) => a.startMs - b.startMs || a.lane - b.lane)
    return row[row.findIndex((bar) => bar.key === from.key) + (way === 'right' ? 1 : -1)]
  }
  const hosts = chart.rows.map((row) => row.host)
  const by = way === 'down' ? 1 : -1
  for (let at = hosts.indexOf(from.host) + by; at >= 0 && at < hosts.length; at += by) {
    const row = chart.bars.filter((bar) => bar.host === hosts[at])
    if (row.length > 0)
      return row.reduce((best, bar) => (Math.abs(bar.startMs - from.startMs) < Math.abs(best.startMs - from.startMs) ? bar : best))
  }
  return undefined
}
