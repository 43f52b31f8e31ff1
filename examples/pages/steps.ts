/** What the story does with Belay, through the same client as CLI and page: cut, rehearse, deploy; told while it happens. */
import { sayCount, sayDuration, systemClock } from '@belay/base'
import { type Answer, type Client, type DeploymentWire, type RehearsalWire, type ReleaseWire, routes } from '@belay/protocol'
import { saySpan, type Tell } from './tell.ts'

export type Steps = {
  cut(ref: string): Promise<{ release: ReleaseWire; tookMs: number }>
  /** Runs to an end, whichever. `eachHost` tells of every host as it is done. */
  deploy(environment: string, release: string, eachHost: boolean): Promise<DeploymentWire>
  rehearse(release: string, undo: boolean): Promise<RehearsalWire>
}

const lookEveryMs = 200
const lineMax = 300
const underWay: readonly string[] = ['running', 'undoing']

export function createSteps({ client, tell, signal }: { client: Client; tell: Tell; signal: AbortSignal }): Steps {
  return {
    cut: async (ref) => {
      const beganMs = performance.now()
      const { release } = await client.call(routes.releases.cut, { body: { ref, name: ref } }, signal)
      const tookMs = Math.round(performance.now() - beganMs)
      const since = release.since === null ? '' : ` since ${release.since.release}`
      const what = `${sayCount(release.commits.length, 'commit')}${since} by ${sayNames(release.authors)}`
      tell.say('release', `${release.name} cut in ${sayDuration(tookMs)}: ${what}; ${sayChanges(release)}`, 'good')
      return { release, tookMs }
    },

    deploy: async (environment, release, eachHost) => {
      const begun = await client.call(routes.deployments.start, { body: { environment, release } }, signal)
      const told = new Set<string>()
      if (eachHost) {
        tell.say(environment, `takes ${release}; watch it: ${client.url}/deployments/${begun.id}`)
        for (const line of sayUnchanged(begun)) tell.say(environment, line)
      }
      while (true) {
        const now = await client.call(routes.deployments.show, { params: { id: begun.id } }, signal)
        if (eachHost) tellRuns(now, told, tell)
        if (!underWay.includes(now.state)) {
          tellEnd(now, tell)
          return now
        }
        await systemClock.sleep(lookEveryMs, signal)
      }
    },

    rehearse: async (release, undo) => {
      const begun = await client.call(routes.rehearsals.start, { body: { release, undo } }, signal)
      const told = new Set<string>()
      while (true) {
        const now = await client.call(routes.rehearsals.show, { params: { id: begun.id } }, signal)
        tellPhases(now, told, tell)
        if (now.state !== 'running') {
          const took = saySpan(now.startedAt, now.endedAt)
          if (now.state === 'passed') tell.say(now.environment, `${release} passed its rehearsal in ${took}`, 'good')
          else tell.say(now.environment, `${release} ${now.state} its rehearsal: ${brief(now.because)}`, 'bad')
          return now
        }
        await systemClock.sleep(lookEveryMs, signal)
      }
    },
  }
}

function sayChanges(release: ReleaseWire): string {
  const all = release.services.length
  const changed = release.services.filter((it) => it.changed).map((it) => it.service)
  const built = changed.length === all ? `all ${all} services are new` : `${sayNames(changed)} changed`
  const watched = release.databaseSteps.filter((step) => step.found.includes('paths')).map((step) => step.step)
  return watched.length > 0 ? `${built}; step ${sayNames(watched)} changes the database` : built
}

function sayUnchanged({ plan }: DeploymentWire): string[] {
  const same = [...new Set(plan.unchanged.filter(({ service }) => !service.startsWith('step ')).map(({ service }) => service))]
  return same.length > 0 ? [`left as they are, for nothing about them changed: ${sayNames(same)}`] : []
}

/** Restarts and commands, each once, when they have ended; installing is quick and on all hosts. */
function tellRuns(deployment: DeploymentWire, told: Set<string>, tell: Tell): void {
  for (const run of deployment.runs) {
    const item = deployment.plan.items[run.index]
    const key = `${run.index} ${run.direction} ${run.attempt} ${run.state}`
    if (item === undefined || item.does === 'install' || told.has(key) || run.endedAt === null) continue
    told.add(key)
    const took = saySpan(run.startedAt, run.endedAt)
    const expected = item.expectedMs === null || run.direction === 'undo' ? '' : ` (rehearsed: ${sayDuration(item.expectedMs)})`
    const what = `${item.host.padEnd(8)} ${run.direction === 'undo' ? (item.undo ?? item.action) : item.action}`
    if (run.state === 'failed') tell.say(deployment.environment, `${what} failed after ${took}: ${brief(run.because)}`, 'bad')
    else tell.say(deployment.environment, `${what} in ${took}${expected}`, run.direction === 'undo' ? 'plain' : 'good')
  }
}

function tellEnd(deployment: DeploymentWire, tell: Tell): void {
  const { environment, release, state, because, from } = deployment
  const took = saySpan(deployment.startedAt, deployment.endedAt)
  if (state === 'passed') tell.say(environment, `${release} runs on ${environment} after ${took}`, 'good')
  else if (state === 'undone')
    tell.say(environment, `${release} is undone after ${took}; ${environment} is back on ${from ?? 'nothing'}`, 'bad')
  else tell.say(environment, `${release} is ${state} after ${took}: ${brief(because)}`, 'bad')
}

/** A reason carries the whole answer of a service; in a line its beginning and its end tell enough. */
function brief(because: string | null): string {
  const line = (because ?? 'no reason given').replaceAll('\n', ' ')
  return line.length <= lineMax ? line : `${line.slice(0, lineMax / 2)} … ${line.slice(-lineMax / 2)}`
}

const phaseWords: Readonly<Record<RehearsalWire['phases'][number]['name'], string>> = {
  baseline: "brought to production's release",
  deploy: 'the steps ran',
  tests: 'the tests passed',
  costs: 'its calls keep to their budgets',
  undo: 'the undo path ran',
  'deploy-again': 'the steps ran again',
}

function tellPhases(rehearsal: RehearsalWire, told: Set<string>, tell: Tell): void {
  for (const phase of rehearsal.phases) {
    if (told.has(phase.name) || phase.state !== 'passed') continue
    told.add(phase.name)
    tell.say(rehearsal.environment, `${phaseWords[phase.name]} in ${saySpan(phase.startedAt, phase.endedAt)}`)
  }
}

export function sayNames(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  return names.length === 1 ? (names[0] as string) : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** The service's address for a browser, on any host of the environment, without a slash at its end. */
export function urlOf(environment: Answer<typeof routes.environments.show>, service: string): string | undefined {
  const all = environment.hosts.flatMap((host) => host.services).filter((it) => it.service === service)
  return all
    .map((it) => it.url ?? (it.address === null ? null : `http://${it.address}`))
    .find((url) => url !== null)
    ?.replace(/\/$/, '')
}
