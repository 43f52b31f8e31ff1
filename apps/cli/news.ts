/** What changed between two looks at a deployment, as lines for people. Pure. */
import type { DeploymentWire, OutputWire, PlanWire } from '@belay/protocol'
import { sayDuration } from '@belay/base'

export type Run = DeploymentWire['runs'][number]
export type Item = PlanWire['items'][number]
export type Direction = Run['direction']
export type News =
  | { readonly kind: 'wave'; readonly at: number; readonly text: string }
  | { readonly kind: 'item'; readonly at: number; readonly text: string; readonly run: Run; readonly item: Item }
  | { readonly kind: 'state'; readonly at: number; readonly text: string }

/** The latest attempt at one item in one direction. */
export function runOf(deployment: DeploymentWire, index: number, direction: Direction): Run | undefined {
  return deployment.runs.filter((run) => run.index === index && run.direction === direction).sort((a, b) => b.attempt - a.attempt)[0]
}

export const runEnded = (run: Run | undefined): boolean => run !== undefined && run.state !== 'running'

/** Waves in order, each with its items. */
export function wavesOf({ items }: Pick<PlanWire, 'items'>): readonly (readonly Item[])[] {
  const waves = new Map<number, Item[]>()
  for (const item of items) waves.set(item.wave, [...(waves.get(item.wave) ?? []), item])
  return [...waves.entries()].sort(([a], [b]) => a - b).map(([, them]) => them)
}

/** `restart web on web1, web2`; a wave usually holds one step, but need not. */
export function sayWave(items: readonly Item[]): string {
  const steps = Map.groupBy(items, (item) => `${item.step}${sayServices(item)}`)
  return [...steps].map(([step, them]) => `${step} on ${shorten(them.map(({ host }) => host))}`).join('; ')
}

/** `restart web on web1`; `migrate on db1` where the step is a command. */
export const sayItem = (item: Item): string => `${item.step}${sayServices(item)} on ${item.host}`

/** Two steps of one name differ by their services; a command works on none in particular. */
function sayServices({ does, services }: Item): string {
  return does === 'run' || services.length === 0 ? '' : ` ${shorten(services)}`
}

/** Named in one line; beyond this the count says more. */
const namedMax = 6
function shorten(names: readonly string[]): string {
  return names.length <= namedMax ? names.join(', ') : `${names.slice(0, namedMax - 1).join(', ')} and ${names.length - namedMax + 1} more`
}

/** `1.2 s`, with what the rehearsal took beside it, which knows the way forwards only. */
export function sayTook(run: Run, item: Item): string {
  const took = run.endedAt === null ? '' : sayDuration(run.endedAt - run.startedAt)
  return item.expectedMs === null || run.direction === 'undo' ? took : `${took} (expected ${sayDuration(item.expectedMs)})`
}

export function newsBetween(before: DeploymentWire | undefined, after: DeploymentWire): readonly News[] {
  const waves = wavesOf(after.plan)
  const begun = (deployment: DeploymentWire | undefined, wave: readonly Item[]): boolean =>
    deployment !== undefined && wave.some(({ index }) => runOf(deployment, index, 'do') !== undefined)
  const news: News[] = waves.flatMap((wave, number): News[] => {
    if (begun(before, wave) || !begun(after, wave)) return []
    const at = Math.min(...wave.flatMap(({ index }) => runOf(after, index, 'do')?.startedAt ?? []))
    return [{ kind: 'wave', at, text: `${number + 1}/${waves.length} ${sayWave(wave)}` }]
  })
  for (const run of after.runs) {
    const item = after.plan.items[run.index]
    const earlier = before?.runs.find((it) => it.index === run.index && it.direction === run.direction && it.attempt === run.attempt)
    if (item === undefined || earlier?.state === run.state || run.state === 'running') continue
    news.push({ kind: 'item', at: run.endedAt ?? run.startedAt, run, item, text: sayRun(run, item) })
  }
  // That it is under way can be seen from its steps.
  const telling = after.state !== 'running' || after.because !== null
  if (telling && (before?.state !== after.state || before.because !== after.because)) {
    const at = after.endedAt ?? Math.max(after.createdAt, ...after.runs.map((run) => run.endedAt ?? run.startedAt))
    news.push({ kind: 'state', at, text: after.because === null ? after.state : `${after.state}: ${after.because}` })
  }
  // What happened at the same moment keeps its order: a wave, its items, then what follows from them.
  return news.sort((a, b) => a.at - b.at)
}

function sayRun(run: Run, item: Item): string {
  const what = `${run.direction === 'undo' ? 'undo ' : ''}${sayItem(item)}`
  const again = run.attempt > 1 ? `, attempt ${run.attempt}` : ''
  switch (run.state) {
    case 'failed':
      return `${what} FAILED after ${sayTook(run, item)}${again}: ${run.because ?? 'no reason was given'}`
    case 'interrupted':
      return `${what} was interrupted${again}: ${run.because ?? 'nobody knows whether it ran to its end'}`
    case 'skipped':
      return `${what} skipped${run.because === null ? '' : `: ${run.because}`}`
    default:
      return `${what} done in ${sayTook(run, item)}${again}`
  }
}

/** Enough to see why a step failed; the whole of it is on the page and in `belay deployment show ID --output`. */
const tailLines = 20
const keptCharactersMax = 64 * 1024

/** The end of each item's output, as it came in. */
export class OutputTails {
  readonly #texts = new Map<string, string>()

  add({ index, direction, text }: OutputWire): void {
    const key = `${direction}:${index}`
    this.#texts.set(key, `${this.#texts.get(key) ?? ''}${text}`.slice(-keptCharactersMax))
  }

  last(index: number, direction: Direction): readonly string[] {
    const text = (this.#texts.get(`${direction}:${index}`) ?? '').trimEnd()
    return text === '' ? [] : text.split('\n').slice(-tailLines)
  }
}
