/**
 * A rehearsal: the stage is brought to production's present release, then the very steps run, each timed on each host,
 * then the stage's tests, then (if asked) the undo path. Its phases are recorded one by one, so a rehearsal whose
 * server died goes on behind the last one.
 */
import { sayDuration, sentenceOf } from '@belay/base'
import { type Environment, hostsOf, servicesOn, softwareFolder } from '@belay/environments'
import type { Deployments } from './deployments.ts'
import { type Ground, planned } from './drive.ts'
import { deploymentProblem } from './problems.ts'
import * as rows from './rehearsal-store.ts'
import type { Kill, Phase, Rehearsal } from './rehearsal-store.ts'
import { activeDeployments, type Deployment, lastPassed } from './store.ts'

/** What a page shows of a test command's output; the whole lies on the host. */
const testOutputBytesMax = 64 * 1024

/** Starts a controller process of its own for a deployment, to be killed at a moment (undefined: it goes on to the end). Resolves when it is gone. */
export type DriveElsewhere = (deployment: string, killAt: { item: number; moment: 'begun' | 'done' } | undefined) => Promise<void>

/** Whether the calls that the tests made cost no more than they may. */
export type CostJudge = {
  /** Does belay.yaml set a budget? */
  wanted(): boolean
  judge(it: CostsOf): Promise<{ readonly ok: boolean; readonly says: string; readonly lines: readonly string[] }>
}
export type CostsOf = {
  readonly environment: string
  readonly release: string
  /** Production's release, which the new one is compared with. */
  readonly previous: string | null
  readonly sinceAt: number
  readonly untilAt: number
  readonly signal: AbortSignal
}

export type Rehearsals = {
  start(asking: { release: string; environment?: string | undefined; undo: boolean; chaos: boolean }, actor: string): Promise<Rehearsal>
  abort(id: string, actor: string): Promise<Rehearsal>
  byName(id: string): Promise<Rehearsal>
  list(asking: { release?: string | undefined; limit: number }): Promise<Rehearsal[]>
  /** Takes up rehearsals that an earlier server left. */
  tend(): Promise<void>
}

export function openRehearsals(
  ground: Ground & {
    deployments: Deployments
    driveElsewhere: DriveElsewhere
    /** Absent: no calls are recorded, and budgets are not looked at. */
    costs?: CostJudge | undefined
    log: (line: string, error?: unknown) => void
  },
): Rehearsals {
  const { store, ledger, clock, environments, releases, deployments } = ground
  const running = new Map<string, AbortController>()

  async function byName(id: string): Promise<Rehearsal> {
    const row = await rows.rehearsalRow(store.read, id)
    if (row === undefined) throw deploymentProblem('unknown-rehearsal', { id })
    return row
  }

  async function stageFor(name: string | undefined): Promise<Environment> {
    if (name !== undefined) {
      const environment = await environments.byName(name)
      if (environment.kind !== 'qa' && environment.kind !== 'sandbox')
        throw deploymentProblem('not-a-stage', { environment: name, kind: environment.kind })
      return environment
    }
    const stage = (await environments.list()).find((it) => it.kind === 'qa' && !it.orphaned)
    if (stage === undefined) throw deploymentProblem('no-qa', {})
    return stage
  }

  async function changePhase(id: string, name: Phase['name'], change: Partial<Phase>): Promise<void> {
    await store.write(async (tx) => {
      const row = await rows.rehearsalRow(tx, id)
      if (row === undefined) return
      await rows.changeRehearsal(tx, id, { phases: row.phases.map((it) => (it.name === name ? { ...it, ...change } : it)) })
    })
    store.signal('rehearsals', id)
  }

  async function finish(id: string, state: 'passed' | 'failed' | 'aborted', because: string | null): Promise<void> {
    await store.write(async (tx) => {
      const row = await rows.rehearsalRow(tx, id)
      if (row === undefined || row.state !== 'running') return
      const endedAt = clock.now()
      // A phase that was under way when it ended did not pass.
      const phases = row.phases.map((it) =>
        it.state === 'running' ? { ...it, state: 'failed' as const, endedAt, because: it.because ?? because } : it,
      )
      await rows.changeRehearsal(tx, id, { state, because, endedAt, phases })
      const took = sayDuration(endedAt - row.startedAt)
      await ledger.append(tx, {
        actor: 'belay',
        kind: `rehearsal.${state}`,
        subject: `release:${row.release}`,
        says:
          state === 'passed'
            ? `${row.release} passed its rehearsal on ${row.environment} in ${took}`
            : `${row.release} ${state} its rehearsal on ${row.environment}: ${because}`,
        data: { rehearsal: id, environment: row.environment, release: row.release, tookMs: endedAt - row.startedAt, because },
      })
    })
    store.signal('rehearsals', id)
  }

  /** Runs a phase's deployment to its end, taking up the one that an earlier server began. */
  async function deploymentPhase(
    rehearsal: Rehearsal,
    phase: Phase,
    begin: () => Promise<Deployment>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const deployment = phase.deployment === null ? await begin() : await deployments.byName(phase.deployment)
    if (phase.deployment === null) await changePhase(rehearsal.id, phase.name, { deployment: deployment.id })
    if (phase.name === 'deploy' && rehearsal.chaos && phase.deployment === null) await withChaos(rehearsal.id, deployment)
    const ended = await deployments.settled(deployment.id, signal)
    return ended.state === 'passed' ? undefined : (ended.because ?? `${deployment.id} is ${ended.state}`)
  }

  /** The controller is killed after the beginning and after the end of every item in turn; the next one has to go on. */
  async function withChaos(id: string, deployment: Deployment): Promise<void> {
    await deployments.lend(deployment.id, async () => {
      for (const item of deployment.plan.items) {
        for (const moment of ['begun', 'done'] as const) {
          await ground.driveElsewhere(deployment.id, { item: item.index, moment })
          const now = await deployments.byName(deployment.id)
          if (now.state !== 'running') return
          await note(id, { afterItem: item.index, moment, resumedMs: null })
        }
      }
      await ground.driveElsewhere(deployment.id, undefined)
    })
    await closeKills(id, deployment.id)
  }

  async function note(id: string, kill: Kill): Promise<void> {
    await store.write(async (tx) => {
      const row = await rows.rehearsalRow(tx, id)
      if (row !== undefined) await rows.changeRehearsal(tx, id, { kills: [...row.kills, kill] })
    })
    store.signal('rehearsals', id)
  }

  /** Each kill's successor says in the ledger that it went on, and after how long. */
  async function closeKills(id: string, deployment: string): Promise<void> {
    const { facts } = await ledger.list({ kind: 'deployment.resumed', subject: `deployment:${deployment}`, order: 'oldest', limit: 500 })
    await store.write(async (tx) => {
      const row = await rows.rehearsalRow(tx, id)
      if (row === undefined) return
      const kills = row.kills.map((kill, nth) => {
        const resumed = facts[nth]
        return resumed === undefined ? kill : { ...kill, resumedMs: Math.max(0, Number(resumed.data.sinceLastMs ?? 0)) }
      })
      await rows.changeRehearsal(tx, id, { kills })
    })
  }

  async function baseline(
    rehearsal: Rehearsal,
    phase: Phase,
    signal: AbortSignal,
  ): Promise<{ state: 'passed' | 'skipped'; because: string | null } | { failed: string }> {
    const target = await environments.inProduction()
    if (target === null) return { state: 'skipped', because: 'production is empty, so the stage starts from what it has' }
    const stage = await environments.byName(rehearsal.environment)
    if (phase.deployment === null && stage.release === target)
      return { state: 'skipped', because: `${stage.name} already has production's ${target}` }
    const failed = await deploymentPhase(
      rehearsal,
      phase,
      async () => {
        // Back by the undo path where that leads to the release: it takes the database along.
        const back = stage.release === null ? undefined : await lastPassed(store.read, stage.name, stage.release)
        if (back?.from === target)
          return deployments.rollback(stage.name, { actor: rehearsal.actor }, `baseline of ${rehearsal.id}`, rehearsal.id)
        return deployments.stage({
          environment: stage.name,
          release: target,
          kind: 'deploy',
          rehearsal: rehearsal.id,
          actor: rehearsal.actor,
          driven: true,
        })
      },
      signal,
    )
    return failed === undefined ? { state: 'passed', because: `${stage.name} brought to production's ${target}` } : { failed }
  }

  async function tests(
    rehearsal: Rehearsal,
    signal: AbortSignal,
  ): Promise<{ state: 'passed' | 'skipped'; because: string | null; output?: string } | { failed: string; output?: string }> {
    const stage = await environments.byName(rehearsal.environment)
    const release = await planned(releases, rehearsal.release)
    const spec = stage.spec.tests
    if (spec === undefined) return { state: 'skipped', because: `belay.yaml names no tests for ${stage.name}` }
    const place = hostsOf(stage.spec).find((it) => it.roles.includes(spec.on))
    const host = place && environments.hosts(stage).get(place.name)
    const service =
      place && (servicesOn(place, release.config.services).find((it) => it === spec.on) ?? servicesOn(place, release.config.services)[0])
    if (host === undefined || service === undefined)
      return { failed: `no host of ${stage.name} has the role ${spec.on} that its tests run on` }
    const portOf = await environments.assignPorts(stage, release.config.services)
    const { values } = await environments.variables({
      environment: stage,
      config: release.config,
      host: host.name,
      service,
      release: release.name,
      portOf,
    })
    let output = ''
    const job = { shell: spec.run, cwd: softwareFolder(service, release.artifacts[service] ?? ''), env: values, timeLimitMs: spec.within }
    return environments.leases.hold(
      stage.name,
      { reason: `tests ${release.name} (${rehearsal.id})`, deployment: null, actor: rehearsal.actor },
      async ({ fence, lost }) => {
        const keep = (piece: { text: string }) => {
          output = (output + piece.text).slice(-testOutputBytesMax)
        }
        const end = await host.run({ key: `${rehearsal.id}/tests`, fence }, job, keep, { signal: AbortSignal.any([signal, lost]) })
        if (end.state === 'lost') return { failed: `nobody knows how the tests ended: ${end.because}`, output }
        const last = output.trimEnd().split('\n').pop() ?? ''
        if (end.exitCode === 0) return { state: 'passed' as const, because: last === '' ? null : last.slice(0, 200), output }
        return {
          failed: end.timedOut
            ? `the tests ran longer than ${sayDuration(spec.within)}`
            : `the tests ended with exit ${end.exitCode}: ${last.slice(0, 300)}`,
          output,
        }
      },
    )
  }

  async function costs(rehearsal: Rehearsal, signal: AbortSignal): ReturnType<typeof onePhase> {
    const tests = rehearsal.phases.find((it) => it.name === 'tests')
    if (ground.costs === undefined || tests?.state !== 'passed') return { state: 'skipped', because: 'no tests ran, so no calls were made' }
    const { ok, says, lines } = await ground.costs.judge({
      environment: rehearsal.environment,
      release: rehearsal.release,
      previous: await environments.inProduction(),
      sinceAt: tests.startedAt ?? rehearsal.startedAt,
      untilAt: tests.endedAt ?? clock.now(),
      signal,
    })
    const output = lines.map((line) => `${line}\n`).join('')
    return ok ? { state: 'passed', because: says, output } : { failed: says, output }
  }

  async function onePhase(
    rehearsal: Rehearsal,
    phase: Phase,
    signal: AbortSignal,
  ): Promise<{ state: 'passed' | 'skipped'; because: string | null; output?: string } | { failed: string; output?: string }> {
    const deployed = async (begin: () => Promise<Deployment>) => {
      const failed = await deploymentPhase(rehearsal, phase, begin, signal)
      return failed === undefined ? { state: 'passed' as const, because: null } : { failed }
    }
    const stageIt = (driven: boolean) => () =>
      deployments.stage({
        environment: rehearsal.environment,
        release: rehearsal.release,
        kind: 'rehearsal',
        rehearsal: rehearsal.id,
        actor: rehearsal.actor,
        driven,
      })
    switch (phase.name) {
      case 'baseline':
        return baseline(rehearsal, phase, signal)
      case 'deploy':
        return deployed(stageIt(!rehearsal.chaos))
      case 'deploy-again':
        return deployed(stageIt(true))
      case 'undo':
        return deployed(() =>
          deployments.rollback(rehearsal.environment, { actor: rehearsal.actor }, `undo path of ${rehearsal.id}`, rehearsal.id),
        )
      case 'tests':
        return tests(rehearsal, signal)
      case 'costs':
        return costs(rehearsal, signal)
    }
  }

  async function play(id: string): Promise<void> {
    if (running.has(id)) return
    const stop = new AbortController()
    running.set(id, stop)
    try {
      for (const { name } of (await byName(id)).phases) {
        const rehearsal = await byName(id)
        const phase = rehearsal.phases.find((it) => it.name === name) as Phase
        if (rehearsal.state !== 'running') return
        if (phase.state !== 'pending' && phase.state !== 'running') continue
        if (phase.state === 'pending') await changePhase(id, name, { state: 'running', startedAt: clock.now() })
        const ended = await onePhase(rehearsal, phase, stop.signal)
        const output = ended.output === undefined ? {} : { output: ended.output }
        if ('failed' in ended) {
          await changePhase(id, name, { state: 'failed', because: ended.failed, endedAt: clock.now(), ...output })
          return await finish(id, 'failed', `${name} failed: ${ended.failed}`)
        }
        await changePhase(id, name, { state: ended.state, because: ended.because, endedAt: clock.now(), ...output })
      }
      await finish(id, 'passed', null)
    } catch (error) {
      if (stop.signal.aborted) return await finish(id, 'aborted', sentenceOf(stop.signal.reason))
      ground.log(`rehearsal ${id} stopped`, error)
      await finish(id, 'failed', sentenceOf(error))
    } finally {
      running.delete(id)
    }
  }

  return {
    async start(asking, actor) {
      const stage = await stageFor(asking.environment)
      const release = await releases.byName(asking.release)
      const names: Phase['name'][] = [
        'baseline',
        'deploy',
        'tests',
        ...(ground.costs?.wanted() ? (['costs'] as const) : []),
        ...(asking.undo ? (['undo', 'deploy-again'] as const) : []),
      ]
      const rehearsal = await store.write(async (tx) => {
        const other = (await rows.rehearsalRows(tx, { environment: stage.name, state: 'running', limit: 1 }))[0]
        if (other !== undefined) throw deploymentProblem('rehearsal-runs', { environment: stage.name, rehearsal: other.id })
        const active = (await activeDeployments(tx, stage.name))[0]
        if (active !== undefined)
          throw deploymentProblem('environment-not-free', { environment: stage.name, deployment: active.id, state: active.state })
        const made = await rows.addRehearsal(tx, {
          release: release.name,
          environment: stage.name,
          actor,
          chaos: asking.chaos,
          withUndo: asking.undo,
          startedAt: clock.now(),
          phases: names.map((name) => ({
            name,
            state: 'pending',
            deployment: null,
            startedAt: null,
            endedAt: null,
            because: null,
            output: null,
          })),
        })
        await ledger.append(tx, {
          actor,
          kind: 'rehearsal.started',
          subject: `release:${release.name}`,
          says: `began to rehearse ${release.name} on ${stage.name}${asking.chaos ? ', killing the controller after every step' : ''}`,
          data: { rehearsal: made.id, environment: stage.name, release: release.name },
        })
        return made
      })
      store.signal('rehearsals', rehearsal.id)
      void play(rehearsal.id)
      return rehearsal
    },
    async abort(id, actor) {
      const rehearsal = await byName(id)
      const open = rehearsal.phases.find((it) => it.state === 'running')?.deployment
      running.get(id)?.abort(new Error(`aborted by ${actor}`))
      if (open !== null && open !== undefined) await deployments.abort(open, actor, `rehearsal ${id} was aborted`).catch(() => {})
      await finish(id, 'aborted', `aborted by ${actor}`)
      return byName(id)
    },
    byName,
    list: (asking) => rows.rehearsalRows(store.read, asking),
    async tend() {
      for (const rehearsal of await rows.rehearsalRows(store.read, { state: 'running', limit: 100 })) void play(rehearsal.id)
    },
  }
}
