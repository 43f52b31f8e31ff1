/**
 * Shows a deployment while it runs. In a terminal: waves as tasks, hosts as subtasks, with the rehearsal's time
 * beside. Elsewhere: a line for each thing that happens. Both read the same stream of events.
 */
import type { DeploymentWire } from '@belay/protocol'
import { styleText } from 'node:util'
import { sayDuration } from '@belay/base'
import type { Listr, ListrTask, ListrTaskWrapper, DefaultRenderer, SimpleRenderer } from 'listr2'
import type { Context } from './context.ts'
import { followDeployment, hasEnded, needsPerson } from './follow.ts'
import { type Direction, type Item, newsBetween, OutputTails, runEnded, runOf, sayItem, sayTook, sayWave, wavesOf } from './news.ts'
import { fail } from './problems.ts'
import { sayClock } from './terminal.ts'

export type ShowOptions = {
  /** Every line of every step, not only of those that fail. */
  readonly output?: boolean
  /** Emit each event as a line of JSON instead of one document at the end. */
  readonly lines?: boolean
  /** Prefix for plain lines, where several deployments follow each other. */
  readonly prefix?: string
}

/** Follows a deployment and shows it until it ends or needs a person. */
export async function showDeployment(context: Context, id: string, options: ShowOptions = {}): Promise<DeploymentWire> {
  try {
    return context.look.terminal && !options.output ? await showTasks(context, id) : await showLines(context, id, options)
  } catch (error) {
    if (!context.signal.aborted) throw error
    throw fail('interrupted', {
      because: `Deployment ${id} goes on without you.\nFollow it: belay deployment show ${id} --follow\nStop it:   belay abort ${id}`,
    })
  }
}

async function showLines(context: Context, id: string, options: ShowOptions): Promise<DeploymentWire> {
  const tails = new OutputTails()
  const prefix = options.prefix ?? ''
  const tell = (text: string): void => (options.lines ? undefined : context.tell(`${prefix}${text}`))
  const sayConnection = (state: 'lost' | 'back'): void =>
    context.note(state === 'lost' ? 'The server is away; trying again.' : 'The server is back.')
  let last: DeploymentWire | undefined
  for await (const followed of followDeployment(context.connect, id, { signal: context.signal, onConnection: sayConnection })) {
    if (followed.kind === 'output') {
      const { output } = followed
      tails.add(output)
      if (options.lines) context.event({ event: 'output', output }, () => undefined)
      else if (options.output)
        for (const line of output.text.trimEnd().split('\n')) tell(`          ${hostOf(last, output.index)} | ${line}`)
      continue
    }
    const { deployment } = followed
    if (options.lines) context.event({ event: 'deployment', deployment }, () => undefined)
    for (const news of newsBetween(last, deployment)) {
      tell(`${sayClock(news.at)}  ${news.kind === 'item' ? `  ${news.text}` : news.text}`)
      if (news.kind === 'item' && news.run.state === 'failed' && !options.output) {
        for (const line of tails.last(news.run.index, news.run.direction)) tell(`              | ${line}`)
      }
    }
    last = deployment
    if (hasEnded(deployment) || needsPerson(deployment)) return deployment
  }
  return ended(last, id)
}

const hostOf = (deployment: DeploymentWire | undefined, index: number): string => deployment?.plan.items[index]?.host ?? `item ${index}`

function ended(last: DeploymentWire | undefined, id: string): DeploymentWire {
  if (last === undefined) throw fail('stream-ended', { what: `deployment ${id}` })
  return last
}

async function showTasks(context: Context, id: string): Promise<DeploymentWire> {
  const watch = watchDeployment(context, id)
  const first = await watch.until(() => true)
  if (needsPerson(first)) return first
  const tasks = await newTasks(first.plan.items.length)
  tasks.add(doTasks(watch, context, first))
  await tasks.run()
  let now = watch.now()
  if (now.runs.some(({ direction }) => direction === 'undo') || now.state === 'undoing') {
    context.tell(context.paint('yellow', 'Undoing, last first:'))
    const undo = await newTasks(now.plan.items.length)
    undo.add(undoTasks(watch, context, now))
    await undo.run()
  }
  now = await watch.until((it) => hasEnded(it) || needsPerson(it))
  printFailures(context, watch, now)
  return now
}

type Task = ListrTask<object, typeof DefaultRenderer, typeof SimpleRenderer>
type Shown = ListrTaskWrapper<object, typeof DefaultRenderer, typeof SimpleRenderer>

/** More hosts than this in one list and the finished waves are folded, so that the running one stays in view. */
const itemsUnfoldedMax = 24

export async function newTasks(itemCount: number): Promise<Listr<object, 'default', 'simple'>> {
  const { Listr, ListrDefaultRendererLogLevels } = await import('listr2')
  return new Listr([], {
    concurrent: false,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: {
      collapseSubtasks: itemCount > itemsUnfoldedMax,
      collapseSkips: false,
      collapseErrors: false,
      showErrorMessage: false,
      suffixSkips: false,
      // A step that was not needed is no warning.
      icon: { [ListrDefaultRendererLogLevels.SKIPPED_WITHOUT_COLLAPSE]: '○' },
      color: { [ListrDefaultRendererLogLevels.SKIPPED_WITHOUT_COLLAPSE]: (text?: string) => styleText('dim', text ?? '') },
    },
  })
}

/** One task a wave; a wave of one host is one line. */
export function doTasks(watch: Watch, context: Context, { plan }: DeploymentWire): Task[] {
  const waves = wavesOf(plan)
  return waves.map((wave, number) => {
    const only = wave.length === 1 ? wave[0] : undefined
    if (only !== undefined) return itemTask(watch, context, only, 'do', sayItem(only))
    const expectedMs = Math.max(...wave.map((item) => item.expectedMs ?? 0))
    const expected = expectedMs > 0 ? context.paint('dim', `  expected ${sayDuration(expectedMs)}`) : ''
    return {
      title: `${sayWave(wave)}${expected}`,
      task: leftTo(context, sayWave(wave), async (_, task) => {
        await watch.until((it) => wave.some(({ index }) => runOf(it, index, 'do') !== undefined) || stopped(it))
        if (!wave.some(({ index }) => runOf(watch.now(), index, 'do') !== undefined))
          return skipAs(task, context.paint('dim', `${sayWave(wave)}  not reached`))
        const title = [...new Set(wave.map(({ step }) => step))].join(', ')
        task.title = `${title} ${context.paint('dim', `${number + 1}/${waves.length}`)}`
        return task.newListr(
          wave.map((item) => itemTask(watch, context, item, 'do', item.host)),
          { concurrent: true, exitOnError: false },
        )
      }),
    }
  })
}

function undoTasks(watch: Watch, context: Context, deployment: DeploymentWire): Task[] {
  const touched = deployment.plan.items.filter(
    ({ index }) => runOf(deployment, index, 'do') !== undefined || runOf(deployment, index, 'undo') !== undefined,
  )
  const backwards = wavesOf({ items: touched }).toReversed()
  return backwards.flatMap((wave) => wave.toReversed().map((item) => itemTask(watch, context, item, 'undo', `undo ${sayItem(item)}`)))
}

/** How often the seconds of a running step move. */
const tickMs = 200

function itemTask(watch: Watch, context: Context, item: Item, direction: Direction, name: string): Task {
  const { paint } = context
  // The rehearsal's time is that of the way forwards.
  const expected = item.expectedMs === null || direction === 'undo' ? '' : ` / ${sayDuration(item.expectedMs)} expected`
  return {
    title: `${name}${paint('dim', expected.replace(' / ', '  '))}`,
    task: leftTo(context, name, async (_, task) => {
      const begun = await watch.until(
        (it) => runOf(it, item.index, direction) !== undefined || (direction === 'do' ? stopped(it) : hasEnded(it)),
      )
      if (runOf(begun, item.index, direction) === undefined) {
        return skipAs(task, paint('dim', `${name}  ${direction === 'do' ? 'not reached' : 'nothing to undo'}`))
      }
      const ticking = setInterval(() => {
        const run = runOf(watch.now(), item.index, direction)
        if (run !== undefined && !runEnded(run))
          task.title = `${name}  ${sayDuration(Math.max(0, Date.now() - run.startedAt))}${paint('dim', expected)}${watch.isAway() ? paint('yellow', '  the server is away; trying again') : ''}`
      }, tickMs)
      try {
        const now = await watch.until((it) => runEnded(runOf(it, item.index, direction)) || hasEnded(it) || needsPerson(it))
        endTask(task, context, name, item, runOf(now, item.index, direction))
      } finally {
        clearInterval(ticking)
      }
    }),
  }
}

function endTask(task: Shown, { paint }: Context, name: string, item: Item, run: ReturnType<typeof runOf>): void {
  const because = run?.because ? `: ${run.because}` : ''
  if (run?.state === 'done') {
    task.title = `${name}  ${paint('dim', sayTook(run, item))}`
    return
  }
  if (run?.state === 'skipped') return skipAs(task, `${name}${paint('dim', `  skipped${because}`)}`)
  const word = run?.state === 'failed' ? 'failed' : 'nobody knows whether it ran to its end'
  task.title = `${name}  ${paint('red', `${word}${because}`)}`
  throw new Error(word)
}

/** After Ctrl-C a task has not failed; it is only no longer watched. */
export function leftTo(context: Context, name: string, work: NonNullable<Task['task']>): NonNullable<Task['task']> {
  return async (given, task) => {
    try {
      return await work(given, task)
    } catch (error) {
      if (!context.signal.aborted) throw error
      skipAs(task, context.paint('dim', `${name}  left to the server`))
    }
  }
}

/** The title says why; a message of the skip itself would be a second line. */
export function skipAs(task: Shown, title: string): void {
  task.title = title
  task.skip()
}

/** No further step forwards will begin. */
const stopped = (it: DeploymentWire): boolean => it.state !== 'running'

export function printFailures(context: Context, watch: Watch, deployment: DeploymentWire): void {
  for (const run of deployment.runs.filter(({ state }) => state === 'failed')) {
    const item = deployment.plan.items[run.index]
    const lines = watch.tails.last(run.index, run.direction)
    if (item === undefined || lines.length === 0) continue
    context.tell(context.paint('dim', `Output of ${run.direction === 'undo' ? 'undo ' : ''}${sayItem(item)}:`))
    for (const line of lines) context.tell(`  ${context.paint('dim', '|')} ${line}`)
  }
}

/** The deployment as last seen, and a way to wait until it is as wanted. */
export type Watch = {
  now(): DeploymentWire
  /** @throws what following threw: a refusal, a lost connection, an interruption. */
  until(holds: (deployment: DeploymentWire) => boolean): Promise<DeploymentWire>
  readonly tails: OutputTails
  /** The server does not answer just now. */
  isAway(): boolean
}

export function watchDeployment(context: Context, id: string): Watch {
  const tails = new OutputTails()
  let last: DeploymentWire | undefined
  let failure: unknown
  let over = false
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  let away = false
  const onConnection = (state: 'lost' | 'back'): void => {
    away = state === 'lost'
  }
  const follow = async (): Promise<void> => {
    try {
      for await (const followed of followDeployment(context.connect, id, { signal: context.signal, onConnection })) {
        if (followed.kind === 'output') tails.add(followed.output)
        else {
          last = followed.deployment
          changed()
        }
      }
    } catch (error) {
      failure = error
    }
    over = true
    changed()
  }
  void follow()
  return {
    tails,
    isAway: () => away,
    now: () => ended(last, id),
    until: async (holds) => {
      while (true) {
        if (last !== undefined && (holds(last) || hasEnded(last))) return last
        if (failure !== undefined) throw failure
        if (over) return ended(last, id)
        await wake.promise
      }
    },
  }
}
