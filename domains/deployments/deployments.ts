import { Problem, sentenceOf } from '@belay/base'
import { contentHash } from '@belay/base/node'
import { requires, type Who } from '@belay/access'
import { type Environment, identityOf } from '@belay/environments'
import type { Db } from '@belay/store'
import { drive, type Ground, type Moments, planned } from './drive.ts'
import { activeStates, type Offer, offersIn } from './model/advance.ts'
import { type Expected, type Plan, type PlannedRelease, planDeployment, planRollback } from './model/plan.ts'
import { deploymentProblem } from './problems.ts'
import { deploymentNews } from './news.ts'
import { outputOf } from './output-store.ts'
import { rehearsalRows } from './rehearsal-store.ts'
import * as rows from './store.ts'
import type { Deployment } from './store.ts'

/** Between two looks for deployments that nobody drives: soon after a start, cheap when there are none. */
const tendEveryMs = 3_000

export type StartAsking = {
  readonly environment: string
  readonly release: string
  readonly reason?: string | undefined
  readonly force?: boolean | undefined
}
export type Deployments = {
  plan(environment: string, release: string): Promise<Plan>
  start(asking: StartAsking, who: Who): Promise<Deployment>
  /** A deployment that a rehearsal makes: no gate, no approval; the caller drives it when `driven` is false. */
  stage(asking: {
    environment: string
    release: string
    kind: 'deploy' | 'rehearsal'
    rehearsal: string
    actor: string
    driven: boolean
  }): Promise<Deployment>
  planRollback(environment: string): Promise<Plan>
  rollback(environment: string, who: { actor: string }, reason: string | undefined, rehearsal?: string): Promise<Deployment>
  approve(id: string, planHash: string, who: Who): Promise<Deployment>
  abort(id: string, actor: string, reason: string | undefined): Promise<Deployment>
  resume(id: string, how: 'rerun' | 'continue' | 'undo', actor: string, reason: string | undefined): Promise<Deployment>
  byName(id: string): Promise<Deployment>
  runs(id: string): Promise<rows.Run[]>
  list(asking: {
    environment?: string | undefined
    release?: string | undefined
    limit: number
  }): Promise<{ deployment: Deployment; done: number }[]>
  output: (id: string, asking: Parameters<typeof outputOf>[2]) => ReturnType<typeof outputOf>
  /** Why the environment's deployment waits for a person, when it does. */
  heldIn(environment: string): Promise<string | null>
  /** Drives one deployment in this process until it ends or waits for a person. */
  drive(id: string, moments?: Moments): Promise<void>
  /** Keeps this server's hands off while another controller drives it. */
  lend(id: string, work: () => Promise<void>): Promise<void>
  /** Until it ends or waits for a person. */
  settled(id: string, signal: AbortSignal): Promise<Deployment>
  /** Takes up what an earlier server left, and goes on doing so. */
  tend(signal: AbortSignal): Promise<void>
}

/** @param isPresent whether it is the deployment that left its environment's present release; only that one can be rolled back */
export function offersOf(deployment: Deployment, isPresent: boolean): readonly Offer[] {
  const offers = offersIn[deployment.state] ?? []
  return isPresent && deployment.kind !== 'rollback' ? offers : offers.filter((it) => it !== 'rollback')
}

export function openDeployments(ground: Ground & { log: (line: string, error?: unknown) => void }): Deployments {
  const { store, ledger, clock, environments, releases } = ground
  const driving = new Map<string, Promise<void>>()
  const lent = new Set<string>()

  async function byName(id: string): Promise<Deployment> {
    const row = await rows.deploymentRow(store.read, id)
    if (row === undefined) throw deploymentProblem('unknown-deployment', { id })
    return row
  }

  async function makePlan(environment: Environment, releaseName: string, kind: 'deploy' | 'rehearsal'): Promise<Plan> {
    const release = await planned(releases, releaseName)
    await environments.assignPorts(environment, release.config.services)
    const before = environment.release === null ? undefined : await releases.find(environment.release)
    return planDeployment({
      kind,
      environment,
      release,
      before: before && (await planned(releases, before.name)),
      touched: new Set(before === undefined ? [] : (await releases.diff(before.name, release.name)).databaseSteps.map((it) => it.step)),
      present: await environments.placements(environment.name),
      identityOf: (host, service, artifact) => identityOf(release.config, artifact, environment, host, service),
      expected: await expectationOf(release, environment),
      hashOf: contentHash,
    })
  }

  /** What the release's rehearsal took, else what the last deployment that passed here took: by step and services, else by step. */
  async function expectationOf(release: PlannedRelease, environment: Environment): Promise<Expected> {
    const rehearsed = (await rehearsalRows(store.read, { release: release.name, state: 'passed', limit: 1 }))[0]?.phases.find(
      (it) => it.name === 'deploy',
    )?.deployment
    const source = rehearsed ?? environment.deployment
    const deployment = source === null || source === undefined ? undefined : await rows.deploymentRow(store.read, source)
    if (deployment === undefined) return () => null
    const tookMs = await durations(deployment.id)
    const bySame = new Map<string, number>()
    const byStep = new Map<string, number>()
    for (const item of deployment.plan.items) {
      const ms = tookMs.get(item.index)
      if (ms === undefined || item.reversed) continue
      bySame.set(`${item.step}\n${[...item.services].sort().join()}`, ms)
      byStep.set(item.step, Math.max(byStep.get(item.step) ?? 0, ms))
    }
    return (step, services) => bySame.get(`${step}\n${[...services].sort().join()}`) ?? byStep.get(step) ?? null
  }

  async function durations(id: string): Promise<ReadonlyMap<number, number>> {
    const runs = await rows.runsOf(store.read, id)
    return new Map(
      runs.flatMap((run) =>
        run.direction === 'do' && run.state === 'done' && run.endedAt !== null
          ? [[run.index, Math.max(0, run.endedAt - run.startedAt)] as const]
          : [],
      ),
    )
  }

  async function mustBeFree(db: Db, environment: string): Promise<void> {
    const active = (await rows.activeDeployments(db, environment))[0]
    if (active !== undefined) throw deploymentProblem('environment-not-free', { environment, deployment: active.id, state: active.state })
  }

  /** Production takes what passed its rehearsal. @returns the reason why not */
  async function whyNotRehearsed(release: PlannedRelease): Promise<string | undefined> {
    const stages = (await environments.list()).filter((it) => it.kind === 'qa' && !it.orphaned)
    if (stages.length === 0) return undefined
    const last = (await rehearsalRows(store.read, { release: release.name, limit: 1 }))[0]
    if (last === undefined) return 'was never rehearsed'
    if (last.state === 'passed') return undefined
    if (last.state === 'running') return `is being rehearsed (${last.id})`
    return `${last.state} its rehearsal ${last.id}: ${last.because ?? 'no reason recorded'}`
  }

  async function create(
    plan: Plan,
    it: {
      actor: string
      reason: string | null
      forced: string | null
      approvalNeeded: boolean
      rehearsal: string | null
      undoes: string | null
    },
  ): Promise<Deployment> {
    const deployment = await store.write(async (tx) => {
      await mustBeFree(tx, plan.environment)
      const made = await rows.addDeployment(tx, {
        plan,
        state: it.approvalNeeded ? 'waiting-approval' : 'running',
        actor: it.actor,
        reason: it.reason,
        forced: it.forced !== null,
        approvalNeeded: it.approvalNeeded,
        rehearsal: it.rehearsal,
        undoes: it.undoes,
        createdAt: clock.now(),
      })
      const about = { environment: plan.environment, release: plan.release, from: plan.from, planHash: plan.hash, reason: it.reason }
      const subject = `deployment:${made.id}`
      if (it.forced !== null) {
        await ledger.append(tx, {
          actor: it.actor,
          kind: 'deployment.forced',
          subject,
          says: `forced ${plan.release} into ${plan.environment}, which ${it.forced}; the reason given: ${it.reason}`,
          data: about,
        })
      }
      await ledger.append(tx, {
        actor: it.actor,
        kind: 'deployment.created',
        subject,
        says: `${plan.kind === 'rollback' ? `asked to roll ${plan.environment} back to ${plan.release}` : `asked to bring ${plan.release} to ${plan.environment}`}${it.approvalNeeded ? '; a second person must approve' : ''}`,
        data: about,
      })
      return made
    })
    store.signal('deployments', deployment.id)
    return deployment
  }

  async function verifyArtifacts(plan: Plan): Promise<void> {
    const wanted = new Set(plan.items.flatMap((item) => item.moves.map((move) => move.to.artifact)))
    for (const artifact of wanted) await releases.verifyArtifact(artifact)
  }

  function begin(id: string, moments?: Moments): Promise<void> {
    const running = driving.get(id)
    if (running !== undefined) return running
    const it = drive(ground, id, moments)
      .catch((error) => {
        // Somebody else is at it; its state is as recorded, and the next look takes it up if need be.
        if (error instanceof Problem && error.code === 'environment-busy') return
        if (!(error instanceof Problem)) ground.log(`the driver of ${id} stopped`, error)
        else ground.log(`the driver of ${id} stopped: ${sentenceOf(error)}`)
      })
      .finally(() => {
        driving.delete(id)
        store.signal('deployments', id)
      })
    driving.set(id, it)
    return it
  }

  async function rollbackPlan(name: string): Promise<{ plan: Plan; undoes: Deployment }> {
    const environment = await environments.byName(name)
    const last = environment.release === null ? undefined : await rows.lastPassed(store.read, name, environment.release)
    if (last === undefined) throw deploymentProblem('nothing-to-roll-back', { environment: name })
    const tookMs = await durations(last.id)
    const found = planRollback({
      plan: last.plan,
      done: new Set(tookMs.keys()),
      to: last.from,
      expected: (index) => tookMs.get(index) ?? null,
      hashOf: contentHash,
    })
    if ('refused' in found) throw deploymentProblem('no-way-back', { environment: name, deployment: last.id, why: found.refused })
    return { plan: found.plan, undoes: last }
  }

  const notOffered = (deployment: Deployment, asked: string) =>
    deploymentProblem('not-offered', { id: deployment.id, state: deployment.state, asked, offers: offersOf(deployment, false) })

  return {
    async plan(environment, release) {
      return makePlan(await environments.byName(environment), release, 'deploy')
    },

    async start(asking, who) {
      const environment = await environments.byName(asking.environment)
      const production = environment.kind === 'production'
      if (production) requires(who, 'deploy.production')
      const release = await planned(releases, asking.release)
      const why = production ? await whyNotRehearsed(release) : undefined
      if (why !== undefined) {
        if (asking.force !== true) throw deploymentProblem('not-rehearsed', { release: release.name, environment: environment.name, why })
        requires(who, 'deploy.force')
        if (!asking.reason?.trim()) throw deploymentProblem('force-needs-reason', {})
      }
      await mustBeFree(store.read, environment.name)
      const plan = await makePlan(environment, release.name, 'deploy')
      if (plan.items.length === 0 && environment.release === release.name)
        throw deploymentProblem('nothing-to-do', { release: release.name, environment: environment.name })
      await verifyArtifacts(plan)
      const deployment = await create(plan, {
        actor: who.actor,
        reason: asking.reason ?? null,
        forced: why ?? null,
        approvalNeeded: environment.spec.approval === 'second-person',
        rehearsal: null,
        undoes: null,
      })
      if (deployment.state === 'running') void begin(deployment.id)
      return deployment
    },

    async stage(asking) {
      const plan = await makePlan(await environments.byName(asking.environment), asking.release, asking.kind)
      await verifyArtifacts(plan)
      const deployment = await create(plan, {
        actor: asking.actor,
        reason: null,
        forced: null,
        approvalNeeded: false,
        rehearsal: asking.rehearsal,
        undoes: null,
      })
      if (asking.driven) void begin(deployment.id)
      return deployment
    },

    planRollback: async (environment) => (await rollbackPlan(environment)).plan,

    async rollback(name, who, reason, rehearsal) {
      const { plan, undoes } = await rollbackPlan(name)
      const deployment = await create(plan, {
        actor: who.actor,
        reason: reason ?? null,
        forced: null,
        approvalNeeded: false,
        rehearsal: rehearsal ?? null,
        undoes: undoes.id,
      })
      void begin(deployment.id)
      return deployment
    },

    async approve(id, planHash, who) {
      const deployment = await byName(id)
      if (deployment.state !== 'waiting-approval') throw notOffered(deployment, 'approve')
      if (deployment.actor === who.actor) throw deploymentProblem('needs-second-person', { id, actor: who.actor })
      const present = await makePlan(await environments.byName(deployment.environment), deployment.release, 'deploy')
      for (const seen of [deployment.plan.hash, present.hash]) {
        if (seen !== planHash) throw deploymentProblem('plan-changed', { id, approved: planHash, present: seen })
      }
      await store.write(async (tx) => {
        await mustBeFree(tx, deployment.environment)
        await rows.changeDeployment(tx, id, { state: 'running', approvedBy: who.actor, approvedAt: clock.now() })
        await ledger.append(tx, {
          actor: who.actor,
          kind: 'deployment.approved',
          subject: `deployment:${id}`,
          says: `approved the plan ${planHash.slice(0, 12)} of ${id}: ${deployment.release} to ${deployment.environment}`,
          data: { planHash, environment: deployment.environment, release: deployment.release },
        })
      })
      void begin(id)
      return byName(id)
    },

    async abort(id, actor, reason) {
      const because = `aborted by ${actor}${reason ? `: ${reason}` : ''}`
      await store.write(async (tx) => {
        const deployment = await rows.deploymentRow(tx, id)
        if (deployment === undefined) throw deploymentProblem('unknown-deployment', { id })
        if (deployment.state !== 'running' && deployment.state !== 'waiting-approval') throw notOffered(deployment, 'abort')
        const never = deployment.state === 'waiting-approval'
        await rows.changeDeployment(
          tx,
          id,
          never ? { state: 'aborted', because, endedAt: clock.now() } : { course: { ...deployment.course, aborted: true, because } },
        )
        await ledger.append(tx, {
          actor,
          kind: never ? 'deployment.aborted' : 'deployment.abort-asked',
          subject: `deployment:${id}`,
          says: `${never ? 'withdrew' : 'asked to abort'} ${id} (${deployment.release} to ${deployment.environment})${reason ? `: ${reason}` : ''}`,
          data: { environment: deployment.environment, release: deployment.release },
        })
      })
      store.signal('deployments', id)
      const deployment = await byName(id)
      if (deployment.state === 'running') void begin(id)
      return deployment
    },

    async resume(id, how, actor, reason) {
      await store.write(async (tx) => {
        const deployment = await rows.deploymentRow(tx, id)
        if (deployment === undefined) throw deploymentProblem('unknown-deployment', { id })
        if (!offersOf(deployment, false).includes(how)) throw notOffered(deployment, how)
        const { direction } = deployment.course
        if (how === 'undo') {
          const because = `${deployment.because ?? deployment.state}; ${actor} asked for the undo`
          await rows.changeDeployment(tx, id, {
            state: 'undoing',
            because: null,
            course: { ...deployment.course, direction: 'undo', because },
          })
        } else {
          const latest = new Map((await rows.runsOf(tx, id)).filter((run) => run.direction === direction).map((run) => [run.index, run]))
          for (const run of latest.values()) {
            if (run.state !== 'failed' && run.state !== 'interrupted') continue
            const change =
              how === 'rerun'
                ? { state: 'again' as const, because: run.because }
                : { state: 'done' as const, because: `taken as done by ${actor}${reason ? `: ${reason}` : ''}` }
            await rows.changeRun(tx, id, run, { ...change, endedAt: run.endedAt })
          }
          await rows.changeDeployment(tx, id, { state: direction === 'do' ? 'running' : 'undoing', because: null })
        }
        await ledger.append(tx, {
          actor,
          kind: 'deployment.answered',
          subject: `deployment:${id}`,
          says: `answered ${id} with ${how}${reason ? `: ${reason}` : ''}`,
          data: {
            how,
            environment: deployment.environment,
            release: deployment.release,
            was: deployment.state,
            because: deployment.because,
          },
        })
      })
      void begin(id)
      return byName(id)
    },

    byName,
    runs: (id) => rows.runsOf(store.read, id),
    async list(asking) {
      const found = await rows.deploymentRows(store.read, asking)
      const counts = await rows.doneCounts(
        store.read,
        found.map((it) => it.id),
      )
      return found.map((deployment) => ({ deployment, done: counts.get(deployment.id) ?? 0 }))
    },
    output: (id, asking) => outputOf(store.read, id, asking),
    async heldIn(environment) {
      const active = (await rows.activeDeployments(store.read, environment))[0]
      if (active === undefined || active.state === 'running' || active.state === 'undoing') return null
      return `${active.id} is ${active.state}: ${active.because ?? 'a person has to look'}`
    },
    drive: begin,
    async lend(id, work) {
      lent.add(id)
      try {
        await work()
      } finally {
        lent.delete(id)
      }
    },
    async settled(id, signal) {
      const moves = new Set<string>([...activeStates].filter((state) => state === 'running' || state === 'undoing'))
      while (true) {
        const changed = deploymentNews(store, signal)
        const deployment = await byName(id)
        if (!moves.has(deployment.state) && !driving.has(id)) return deployment
        await changed
        signal.throwIfAborted()
      }
    },
    async tend(signal) {
      while (!signal.aborted) {
        const left = await rows.activeDeployments(store.read).catch(() => [])
        for (const { id, state, environment } of left) {
          if ((state !== 'running' && state !== 'undoing') || lent.has(id)) continue
          if (await environments.isOurs(environment).catch(() => false)) void begin(id)
        }
        await clock.sleep(tendEveryMs, signal).catch(() => {})
      }
    },
  }
}
