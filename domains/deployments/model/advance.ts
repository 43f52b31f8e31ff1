/**
 * What a deployment does next. Pure: the plan, what was tried so far and which way it goes, in; one move, out. The
 * driver asks after everything that happens, so a deployment that was cut off anywhere goes on from what is recorded.
 */
import { sayCount } from '@belay/base'
import type { Plan, PlanItem } from './plan.ts'

export type Direction = 'do' | 'undo'
/** `again`: a person asked that it be run once more. */
export type RunState = 'running' | 'done' | 'failed' | 'interrupted' | 'again'
export type ItemRun = {
  readonly index: number
  readonly direction: Direction
  readonly state: RunState
  readonly attempt: number
  readonly because: string | null
}
/** The way that a deployment goes, and why it turned round. */
export type Course = { readonly direction: Direction; readonly because: string | null; readonly aborted: boolean }
export type EndState = 'passed' | 'undone' | 'failed' | 'held' | 'waiting' | 'aborted'
export type NextMove =
  | { readonly kind: 'run'; readonly direction: Direction; readonly items: readonly { readonly index: number; readonly attempt: number }[] }
  /** Wait for what runs. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'turn'; readonly because: string }
  | { readonly kind: 'end'; readonly state: EndState; readonly because: string | null }

export function advance(plan: Plan, runs: readonly ItemRun[], course: Course): NextMove {
  const latest = new Map<string, ItemRun>()
  for (const run of runs) latest.set(`${run.direction} ${run.index}`, run)
  const runOf = (direction: Direction, index: number) => latest.get(`${direction} ${index}`)
  return course.direction === 'do' ? forward(plan, runOf, course) : backward(plan, runOf, course)
}

type RunOf = (direction: Direction, index: number) => ItemRun | undefined

function forward(plan: Plan, runOf: RunOf, course: Course): NextMove {
  for (const wave of wavesOf(plan)) {
    const states = wave.map((item) => ({ item, run: runOf('do', item.index) }))
    if (states.some(({ run }) => run?.state === 'running')) return { kind: 'watch' }
    const failed = states.find(({ run }) => run?.state === 'failed')
    if (failed !== undefined) return afterFailure(plan, runOf, failed.item, failed.run?.because ?? 'it failed', course)
    const doubt = states.filter(({ run }) => run?.state === 'interrupted')
    const stuck = doubt.find(({ item }) => !item.rerun)
    if (stuck !== undefined)
      return {
        kind: 'end',
        state: 'waiting',
        because: stuck.run?.because ?? `nobody knows how ${stuck.item.step} on ${stuck.item.host} ended`,
      }
    if (course.aborted) return { kind: 'turn', because: course.because ?? 'aborted' }
    const due = states.filter(({ run }) => isDue(run))
    if (due.length > 0)
      return { kind: 'run', direction: 'do', items: due.map(({ item, run }) => ({ index: item.index, attempt: (run?.attempt ?? 0) + 1 })) }
  }
  // An abort that came while the last wave ran was promised all the same.
  return course.aborted ? { kind: 'turn', because: course.because ?? 'aborted' } : { kind: 'end', state: 'passed', because: null }
}

function afterFailure(plan: Plan, runOf: RunOf, item: PlanItem, why: string, course: Course): NextMove {
  const because = `${item.step} failed on ${item.host}: ${why}`
  if (item.onFailure === 'hold' && !course.aborted)
    return { kind: 'end', state: 'held', because: `${because}. The step says onFailure: hold` }
  const oneWay = plan.items.find((it) => it.changesDatabase && it.undo === null && runOf('do', it.index)?.state === 'done')
  if (oneWay !== undefined) {
    return {
      kind: 'end',
      state: 'held',
      because: `${because}. Not undone: ${oneWay.step} changed a database on ${oneWay.host} and has no undo`,
    }
  }
  return { kind: 'turn', because }
}

function backward(plan: Plan, runOf: RunOf, course: Course): NextMove {
  for (const wave of wavesOf(plan).reverse()) {
    const touched = wave.filter((item) => needsUndo(item, runOf('do', item.index)))
    const states = touched.map((item) => ({ item, run: runOf('undo', item.index) }))
    if (states.some(({ run }) => run?.state === 'running')) return { kind: 'watch' }
    const failed = states.find(({ run }) => run?.state === 'failed')
    if (failed !== undefined) {
      return {
        kind: 'end',
        state: 'failed',
        because: `${course.because ?? 'it was to be undone'}; then the undo of ${failed.item.step} failed on ${failed.item.host}: ${failed.run?.because ?? 'it failed'}`,
      }
    }
    const stuck = states.find(({ item, run }) => run?.state === 'interrupted' && !item.rerun)
    if (stuck !== undefined)
      return {
        kind: 'end',
        state: 'waiting',
        because: stuck.run?.because ?? `nobody knows how the undo of ${stuck.item.step} on ${stuck.item.host} ended`,
      }
    const due = states.filter(({ run }) => isDue(run))
    if (due.length > 0)
      return {
        kind: 'run',
        direction: 'undo',
        items: due.map(({ item, run }) => ({ index: item.index, attempt: (run?.attempt ?? 0) + 1 })),
      }
  }
  const undone = plan.items.filter((item) => runOf('undo', item.index)?.state === 'done')
  const hosts = new Set(undone.map((item) => item.host)).size
  const brought =
    undone.length === 0 ? 'nothing had been switched' : `${sayCount(undone.length, 'item')} on ${sayCount(hosts, 'host')} brought back`
  return {
    kind: 'end',
    state: course.aborted ? 'aborted' : 'undone',
    because: course.because === null ? brought : `${course.because}. ${capital(brought)}`,
  }
}

/**
 * What began on a host is brought back. A command that failed is the exception: a command that fails must leave things
 * as it found them (as a migration in a transaction does), so its undo is not run over what it never did.
 */
function needsUndo(item: PlanItem, run: ItemRun | undefined): boolean {
  if (run === undefined || item.undo === null) return false
  return run.state === 'done' || item.does !== 'run' || run.state === 'interrupted'
}

const isDue = (run: ItemRun | undefined) => run === undefined || run.state === 'interrupted' || run.state === 'again'

/** The plan's items by wave, in order. */
function wavesOf(plan: Plan): PlanItem[][] {
  const waves: PlanItem[][] = []
  for (const item of plan.items) {
    const wave = waves[item.wave] ?? []
    wave.push(item)
    waves[item.wave] = wave
  }
  return waves.filter((wave) => wave !== undefined)
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

export type Offer = 'approve' | 'abort' | 'rerun' | 'continue' | 'undo' | 'rollback'
/** What a person may do in which state; page and CLI show exactly these. */
export const offersIn: Readonly<Record<string, readonly Offer[]>> = {
  'waiting-approval': ['approve', 'abort'],
  running: ['abort'],
  undoing: [],
  // Somebody looked, and says what is true: run it again, it did end well, or bring all back.
  waiting: ['rerun', 'continue', 'undo'],
  held: ['rerun', 'continue', 'undo'],
  // The undo itself failed: it can be tried again, or the item be taken as brought back by hand.
  failed: ['rerun', 'continue'],
  passed: ['rollback'],
  undone: [],
  aborted: [],
}
/** While one of these is in an environment, no other deployment may begin there. */
export const activeStates = ['running', 'undoing', 'waiting', 'held', 'failed'] as const
