/**
 * The story: v1 is in production and people use it. v2 is rehearsed and rolls out under their hands; v3 falls in its
 * rehearsal and is refused by production; v4 passes its rehearsal, fails on production's second host and is undone.
 * What v2 brought in the dark then climbs the rings of its flag; what both cost is found.
 * Each thing that ought to be so is a named check of the document that the demo ends with.
 */
import { type Clock, Problem, sayCount, sayDuration, seededRandom, sentenceOf } from '@belay/base'
import { type Client, type DeploymentWire, type RehearsalWire, routes } from '@belay/protocol'
import { playClimb, type Rung } from './climb.ts'
import { type Costs, emptyCosts, playCosts } from './costs.ts'
import type { Figures } from './figures.ts'
import { peopleOf } from './people.ts'
import type { Repository } from './repository.ts'
import { createSteps, urlOf } from './steps.ts'
import type { Tell } from './tell.ts'
import { startTraffic, type Traffic } from './traffic.ts'

export type Check = { readonly name: string; readonly ok: boolean; readonly because: string }
export type Told = {
  readonly checks: Check[]
  readonly releases: { name: string; commit: string; commits: number; changed: string[]; cutMs: number }[]
  readonly rehearsals: { id: string; release: string; state: string; because: string | null; tookMs: number }[]
  readonly deployments: { id: string; environment: string; release: string; state: string; because: string | null; tookMs: number }[]
  refusal: { code: string; message: string } | null
  /** What each change of the flag `inline-comments` came to, in the order in which they were made. */
  readonly climb: Rung[]
  readonly traffic: {
    all: Figures | null
    'v2 rolls out': Figures | null
    'v4 is undone': Figures | null
    'inline-comments climbs': Figures | null
  }
  /** What Belay found about the cost of calls. */
  readonly costs: Costs
  ledger: { whole: boolean; count: number; head: string } | null
  storyMs: number | null
  cloudUrl: string | null
}
export type Ground = { client: Client; repository: Repository; seed: number; tell: Tell; clock: Clock; signal: AbortSignal }

/** Requests a second of the simulated users: a third of what the cloud stands on two cores that Belay works on too. */
const usersPerSecond = 150
/** At least so many requests stand behind "no user noticed". */
const requestsMin = 5_000
/** Long enough for the last thousands at the pace above; a cloud that is slower has failed its users anyway. */
const requestsWithinMs = 60_000

/** What was told so far, filled while it goes, so that an interrupted story can still say how far it came. */
export function emptyTold(): Told {
  const traffic = { all: null, 'v2 rolls out': null, 'v4 is undone': null, 'inline-comments climbs': null }
  const lists = { checks: [], releases: [], rehearsals: [], deployments: [], climb: [] }
  return { ...lists, refusal: null, traffic, costs: emptyCosts(), ledger: null, storyMs: null, cloudUrl: null }
}

/**
 * Plays it to its end and fills `told`. Traffic goes on afterwards: the caller slows it or stops it.
 * @throws Problem when something without which there is no story did not work; `traffic` is stopped then.
 */
export async function playStory(ground: Ground, told: Told): Promise<Traffic> {
  const { client, repository, tell, clock, signal } = ground
  const steps = createSteps(ground)
  const beganMs = clock.now()

  const check = (name: string, ok: boolean, because: string) => told.checks.push({ name, ok, because })
  const show = (name: string) => client.call(routes.environments.show, { params: { name } }, signal)
  const cut = async (version: 'v1' | 'v2' | 'v3' | 'v4') => {
    // v1 is there from the start: without its belay.yaml there is no server.
    if (version !== 'v1') for (const line of await repository.add(version)) tell.say('git', line)
    const { release, tookMs } = await steps.cut(version)
    const changed = release.services.filter((it) => it.changed).map((it) => it.service)
    told.releases.push({ name: release.name, commit: release.commit, commits: release.commits.length, changed, cutMs: tookMs })
    return release
  }
  const rehearse = async (release: string, undo = false) => {
    const it = await steps.rehearse(release, undo)
    told.rehearsals.push({ id: it.id, release, state: it.state, because: it.because, tookMs: (it.endedAt ?? it.startedAt) - it.startedAt })
    return it
  }
  const deploy = async (environment: string, release: string) => {
    const it = await steps.deploy(environment, release, environment === 'production')
    const { id, state, because } = it
    told.deployments.push({
      id,
      environment,
      release,
      state,
      because,
      tookMs: (it.endedAt ?? it.createdAt) - (it.startedAt ?? it.createdAt),
    })
    return it
  }
  /** Without these there is nothing to show: the story ends here, with the reason. */
  const must = (it: DeploymentWire | RehearsalWire): void => {
    if (it.state === 'passed') return
    const what = 'kind' in it ? `${it.release} did not get to ${it.environment}` : `${it.release} did not pass its rehearsal`
    throw new Problem('demo-story-stopped', 500, `${what}: it is ${it.state}. ${it.because ?? ''}`.trim())
  }

  tell.chapter('v1 goes to production')
  await cut('v1')
  must(await deploy('private', 'v1'))
  must(await rehearse('v1'))
  must(await deploy('production', 'v1'))
  const url = urlOf(await show('production'), 'edge')
  if (url === undefined) throw new Problem('demo-story-stopped', 500, 'Production has no edge that answers, so nobody could use it.')
  told.cloudUrl = url
  check('v1 runs in private, on QA and in production', true, url)

  const people = await peopleOf(url)
  const ids = people.map(({ id }) => id)
  const traffic = startTraffic({ url, perSecond: usersPerSecond, random: seededRandom(ground.seed), people: ids })
  try {
    tell.say('users', `${people.length} people use it from now on, ${usersPerSecond} requests a second: ${url}`)
    const all = traffic.stretch()

    tell.chapter('v2 climbs: private, rehearsal, production host by host')
    await cut('v2')
    must(await deploy('private', 'v2'))
    const rehearsal2 = await rehearse('v2', true)
    must(rehearsal2)
    check(
      'v2 passed its rehearsal, the undo path included',
      passedPhases(rehearsal2, ['deploy', 'tests', 'undo', 'deploy-again']),
      sayPhases(rehearsal2),
    )
    const rollout = traffic.stretch()
    const production2 = await deploy('production', 'v2')
    const rolledOut = await rollout.end()
    told.traffic['v2 rolls out'] = rolledOut
    tellUsers(tell, rolledOut, 'while v2 rolled out')
    must(production2)
    const order = restartsOf(production2)
    check('v2 came to production host by host', oneAfterTheOther(order), order.map(({ host }) => host).join(', '))
    check('production serves v2', await serves(url, 'v2'), `asked ${url}`)
    check('no request failed while v2 rolled out', rolledOut.failed === 0 && rolledOut.sent > 0, sayFigures(rolledOut))

    tell.chapter('v3 falls in its rehearsal')
    await cut('v3')
    const rehearsal3 = await rehearse('v3')
    const fell = rehearsal3.phases.find((phase) => phase.state === 'failed')
    check(
      'v3 failed its rehearsal in its steps',
      rehearsal3.state === 'failed' && fell?.name === 'deploy',
      rehearsal3.because ?? rehearsal3.state,
    )
    check('the failed step is the migration', rehearsal3.because?.includes('migrate') === true, rehearsal3.because ?? 'no reason')
    const qa = await show('qa')
    check('QA is back on v2', qa.release === 'v2', `QA has ${qa.release}, ${qa.state}`)
    told.refusal = await refusalOf(() =>
      client.call(routes.deployments.start, { body: { environment: 'production', release: 'v3' } }, signal),
    )
    tell.say(
      'production',
      told.refusal === null ? 'took v3 without a passed rehearsal' : `refuses v3: ${told.refusal.message}`,
      told.refusal ? 'good' : 'bad',
    )
    check('production refused v3', told.refusal !== null, told.refusal?.message ?? 'it took v3')
    const { deployments } = await client.call(routes.deployments.list, { query: { environment: 'production', release: 'v3' } }, signal)
    check('v3 never reached production', deployments.length === 0, sayCount(deployments.length, 'deployment'))

    tell.chapter('v4 fails on the second host of production and is undone')
    await cut('v4')
    const rehearsal4 = await rehearse('v4')
    must(rehearsal4)
    check('v4 passed its rehearsal', true, sayPhases(rehearsal4))
    const undo = traffic.stretch()
    const production4 = await deploy('production', 'v4')
    const undone = await undo.end()
    told.traffic['v4 is undone'] = undone
    tellUsers(tell, undone, 'while v4 came and went')
    const fallen = restartsOf(production4).findIndex(({ state }) => state === 'failed')
    const touched = restartsOf(production4).map(({ host, state }) => `${host} ${state}`)
    check(
      'v4 failed its check on the second production host',
      fallen === 1 && restartsOf(production4)[1]?.host === 'api2',
      touched.join(', '),
    )
    check('v4 was undone', production4.state === 'undone', production4.because ?? production4.state)
    const production = await show('production')
    const left = production.hosts.filter((host) => host.services.some((it) => it.release === 'v4')).map((host) => host.name)
    check(
      'production is back on v2, every host',
      production.release === 'v2' && left.length === 0,
      `${production.release}; v4 on ${left.join(', ') || 'no host'}`,
    )
    check(
      'production is healthy and serves v2',
      production.state === 'healthy' && (await serves(url, 'v2')),
      production.because ?? production.state,
    )
    check('no request failed while v4 came and went', undone.failed === 0 && undone.sent > 0, sayFigures(undone))

    tell.chapter('inline-comments climbs: qa, staff, early access, all')
    const climbing = traffic.stretch()
    await playClimb({ client, tell, signal, url, people, random: seededRandom(ground.seed), check }, told.climb)
    const climbed = await climbing.end()
    told.traffic['inline-comments climbs'] = climbed
    tellUsers(tell, climbed, 'while it climbed')
    check('no request failed while inline-comments climbed', climbed.failed === 0 && climbed.sent > 0, sayFigures(climbed))

    tell.chapter('What it cost')
    await playCosts({ client, tell, clock, signal, check }, told.costs)
    told.storyMs = clock.now() - beganMs

    tell.chapter('What came of it')
    if (all.soFar().sent < requestsMin)
      tell.say('users', `${all.soFar().sent.toLocaleString('en')} requests so far; waiting for ${requestsMin.toLocaleString('en')}`)
    const until = clock.now() + requestsWithinMs
    while (all.soFar().sent < requestsMin && clock.now() < until) await clock.sleep(100, signal)
    told.traffic.all = await all.end()
    tellUsers(tell, told.traffic.all, 'in all')
    check(
      `at least ${requestsMin} requests were sent and none failed`,
      told.traffic.all.sent >= requestsMin && told.traffic.all.failed === 0,
      sayFigures(told.traffic.all),
    )
    const { whole, count, head, broken } = await client.call(routes.ledger.verify, {}, signal)
    told.ledger = { whole, count, head }
    check('the ledger is whole', whole, broken === null ? sayCount(count, 'fact') : `fact ${broken.seq}: ${broken.because}`)
    tell.say(
      'ledger',
      whole ? `${sayCount(count, 'fact')}, the chain is whole` : `broken at fact ${broken?.seq}: ${broken?.because}`,
      whole ? 'good' : 'bad',
    )
    return traffic
  } catch (error) {
    await traffic.stop()
    throw error
  }
}

/** The restarts that a deployment did, in the order in which they began. */
function restartsOf({ plan, runs }: DeploymentWire): { host: string; state: string; startedAt: number; endedAt: number | null }[] {
  return runs
    .filter((run) => run.direction === 'do' && plan.items[run.index]?.does === 'restart')
    .toSorted((a, b) => a.startedAt - b.startedAt)
    .map(({ index, state, startedAt, endedAt }) => ({ host: plan.items[index]?.host ?? '', state, startedAt, endedAt }))
}

function oneAfterTheOther(restarts: ReturnType<typeof restartsOf>): boolean {
  return (
    restarts.length > 1 &&
    restarts.every(({ startedAt }, i) => i === 0 || (restarts[i - 1]?.endedAt ?? Number.POSITIVE_INFINITY) <= startedAt)
  )
}

function passedPhases({ phases }: RehearsalWire, names: readonly string[]): boolean {
  return names.every((name) => phases.some((phase) => phase.name === name && phase.state === 'passed'))
}

function sayPhases({ phases }: RehearsalWire): string {
  return phases.map((phase) => `${phase.name} ${phase.state}`).join(', ')
}

/** A page's footer names the release of the web that made it. */
async function serves(url: string, release: string): Promise<boolean> {
  return (await (await fetch(url)).text()).includes(`Pages ${release} `)
}

async function refusalOf(call: () => Promise<unknown>): Promise<{ code: string; message: string } | null> {
  try {
    await call()
    return null
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    return { code: error.code, message: sentenceOf(error) }
  }
}

export function sayFigures({ sent, failed, p50Ms, p99Ms, slowestMs }: Figures): string {
  const times = `half within ${sayDuration(p50Ms)}, 99 of 100 within ${sayDuration(p99Ms)}, slowest ${sayDuration(slowestMs)}`
  return `${sent.toLocaleString('en')} requests, ${failed === 0 ? 'none' : failed.toLocaleString('en')} failed; ${times}`
}

function tellUsers(tell: Tell, figures: Figures, when: string): void {
  tell.say('users', `${when}: ${sayFigures(figures)}`, figures.failed === 0 ? 'good' : 'bad')
  for (const { because, count } of figures.failures) tell.say('users', `${count} times: ${because}`, 'bad')
}
