/** Shows a rehearsal: its phases, and within each the deployment that the phase runs. */
import { type RehearsalWire, routes } from '@belay/protocol'
import { sayDuration, systemClock } from '@belay/base'
import type { Context } from './context.ts'
import { hasEnded, needsPerson, patiently } from './follow.ts'
import { fail } from './problems.ts'
import { doTasks, leftTo, newTasks, printFailures, showDeployment, skipAs, watchDeployment } from './progress.ts'
import { sayClock } from './terminal.ts'

type Phase = RehearsalWire['phases'][number]

/** A phase takes seconds at least; half a second late is soon enough to see it begin. */
const lookEveryMs = 500

const phaseNames: Readonly<Record<Phase['name'], (it: RehearsalWire) => string>> = {
  baseline: ({ environment }) => `bring ${environment} to production's release`,
  deploy: ({ release }) => `deploy ${release}`,
  tests: () => 'test the deployed release',
  costs: () => 'what its calls cost',
  undo: () => 'the way back',
  'deploy-again': ({ release }) => `deploy ${release} again`,
}

export async function showRehearsal(context: Context, begun: RehearsalWire, options: { output: boolean }): Promise<RehearsalWire> {
  context.tell(
    context.paint(
      'bold',
      `${begun.id}: rehearse ${begun.release} on ${begun.environment}${begun.chaos ? ', killing the controller after every step' : ''}`,
    ),
  )
  try {
    const watch = watchRehearsal(context, begun)
    return context.look.terminal && !options.output ? await showTasks(context, watch) : await showLines(context, watch, options)
  } catch (error) {
    if (!context.signal.aborted) throw error
    throw fail('interrupted', {
      because: `The rehearsal ${begun.id} goes on without you. See how it went: belay release show ${begun.release}`,
    })
  }
}

async function showTasks(context: Context, watch: Watch): Promise<RehearsalWire> {
  const tasks = await newTasks(0)
  tasks.add(
    watch.now().phases.map(({ name }) => ({
      title: phaseNames[name](watch.now()),
      task: leftTo(context, phaseNames[name](watch.now()), async (_, task) => {
        const phase = await watch.until(
          name,
          ({ state, deployment }) =>
            state !== 'pending' && (state !== 'running' || deployment !== null || name === 'tests' || name === 'costs'),
        )
        const title = phaseNames[name](watch.now())
        if (phase.state === 'skipped' || phase.state === 'pending')
          return skipAs(task, `${title}${context.paint('dim', `  ${phase.because ?? 'not reached'}`)}`)
        if (phase.deployment === null) {
          const ended = await watch.until(name, ({ state }) => state !== 'running')
          task.title = `${title}  ${sayPhase(ended, context)}`
          if (ended.state === 'failed') throw new Error(ended.because ?? 'failed')
          return
        }
        const deployment = watchDeployment(context, phase.deployment)
        const first = await deployment.until(() => true)
        return task.newListr(
          [
            ...doTasks(deployment, context, first),
            {
              title: context.paint('dim', 'in all'),
              task: leftTo(context, 'in all', async (__, last) => {
                await deployment.until((it) => hasEnded(it) || needsPerson(it))
                const ended = await watch.until(name, ({ state }) => state !== 'running')
                last.title = `${context.paint('dim', 'in all')}  ${sayPhase(ended, context)}`
                if (ended.state === 'failed') throw new Error(ended.because ?? 'failed')
              }),
            },
          ],
          { exitOnError: false },
        )
      }),
    })),
  )
  await tasks.run()
  const ended = await watch.end()
  for (const phase of ended.phases.filter(({ state }) => state === 'failed')) {
    if (phase.deployment !== null) {
      const deployment = watchDeployment(context, phase.deployment)
      printFailures(context, deployment, await deployment.until((it) => hasEnded(it) || needsPerson(it)))
    }
    printOutput(phase, context)
  }
  return ended
}

async function showLines(context: Context, watch: Watch, options: { output: boolean }): Promise<RehearsalWire> {
  for (const { name } of watch.now().phases) {
    const phase = await watch.until(
      name,
      ({ state, deployment }) =>
        state !== 'pending' && (state !== 'running' || deployment !== null || name === 'tests' || name === 'costs'),
    )
    if (phase.state === 'skipped' || phase.state === 'pending') continue
    context.tell(`${sayClock(phase.startedAt ?? Date.now())}  ${phaseNames[name](watch.now())}`)
    if (phase.deployment !== null) await showDeployment(context, phase.deployment, { output: options.output, prefix: '  ' })
    const ended = await watch.until(name, ({ state }) => state !== 'running')
    if (ended.state === 'failed' || (options.output && (name === 'tests' || name === 'costs'))) printOutput(ended, context)
    context.tell(
      `${sayClock(ended.endedAt ?? Date.now())}  ${ended.state}: ${phaseNames[name](watch.now())}${ended.because === null ? '' : `: ${ended.because}`}`,
    )
  }
  return watch.end()
}

function sayPhase({ state, startedAt, endedAt, because }: Phase, { paint }: Context): string {
  const took = startedAt === null || endedAt === null ? '' : paint('dim', sayDuration(endedAt - startedAt))
  return state === 'failed' ? paint('red', `failed${because === null ? '' : `: ${because}`}`) : took
}

/** Enough to see which test failed; the rest is in the rehearsal itself. */
const tailLines = 40
function printOutput({ output }: Phase, { paint, tell }: Context): void {
  if (output === null || output.trim() === '') return
  for (const line of output.trimEnd().split('\n').slice(-tailLines)) tell(`  ${paint('dim', '|')} ${line}`)
}

type Watch = {
  now(): RehearsalWire
  /** The phase as soon as it is as wanted, or as it was left when the rehearsal ended. */
  until(name: Phase['name'], holds: (phase: Phase) => boolean): Promise<Phase>
  end(): Promise<RehearsalWire>
}

/** Asks again and again, through restarts of the server: rehearsals have no stream of their own. */
function watchRehearsal(context: Context, begun: RehearsalWire): Watch {
  let last = begun
  const look = async (): Promise<void> => {
    await systemClock.sleep(lookEveryMs, context.signal)
    last = await patiently(
      async () => (await context.connect()).call(routes.rehearsals.show, { params: { id: begun.id } }, context.signal),
      `rehearsal ${begun.id}`,
      context.signal,
    )
  }
  let looking: Promise<void> | undefined
  /** All who wait share one request. */
  const lookTogether = (): Promise<void> => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
  const phaseOf = (name: Phase['name']): Phase => last.phases.find((phase) => phase.name === name) as Phase
  return {
    now: () => last,
    until: async (name, holds) => {
      while (!holds(phaseOf(name)) && last.state === 'running') await lookTogether()
      return phaseOf(name)
    },
    end: async () => {
      while (last.state === 'running') await lookTogether()
      return last
    },
  }
}
