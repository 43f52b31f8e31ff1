/**
 * Carries a deployment on, move by move, from whatever is recorded. A crash between any two lines here loses nothing:
 * what began is recorded before it begins on the host, hosts carry out an order once, and the next driver asks
 * `advance` again.
 */
import { type Clock, unreachable } from '@belay/base'
import { contentHash } from '@belay/base/node'
import { type Environments, type HeldLease, softwareFolder } from '@belay/environments'
import type { Ledger } from '@belay/ledger'
import type { Releases } from '@belay/releases'
import type { Store } from '@belay/store'
import { carryOut, type ItemEnd } from './item.ts'
import { advance, type Direction, type EndState } from './model/advance.ts'
import type { PlanItem, PlannedRelease } from './model/plan.ts'
import { buildsToForget } from './model/prune.ts'
import { openOutput } from './output.ts'
import { outputKept } from './output-store.ts'
import { addRun, changeDeployment, changeRun, type Deployment, deploymentRow, deploymentRows, type Run, runsOf } from './store.ts'

/** So many hosts of a wave at a time: enough to keep two cores busy, few enough that a large wave does not choke the machine. */
const hostsAtOnce = 16

export type Ground = {
  readonly store: Store
  readonly ledger: Ledger
  readonly clock: Clock
  readonly environments: Environments
  readonly releases: Releases
}
/** Called at the moments at which a rehearsal with chaos kills its controller. */
export type Moments = (moment: 'begun' | 'done', index: number) => void

export async function planned(releases: Releases, name: string): Promise<PlannedRelease> {
  const release = await releases.byName(name)
  return {
    name: release.name,
    id: release.id,
    cutAt: release.cutAt,
    config: release.config,
    artifacts: Object.fromEntries(release.services.map((it) => [it.service, it.artifact])),
  }
}

export async function drive(ground: Ground, id: string, moments: Moments = () => {}): Promise<void> {
  const { store, environments } = ground
  const deployment = await mustFind(store, id)
  const reason = `${deployment.kind === 'rollback' ? 'rolls back to' : 'deploys'} ${deployment.release} (${id}, by ${deployment.actor})`
  await environments.leases.hold(deployment.environment, { reason, deployment: id, actor: 'belay' }, (lease) =>
    goOn(ground, id, lease, moments),
  )
  store.signal('deployments', id)
}

async function mustFind(store: Store, id: string): Promise<Deployment> {
  const row = await deploymentRow(store.read, id)
  if (row === undefined) throw new Error(`deployment ${id} is gone`)
  return row
}

async function goOn(ground: Ground, id: string, lease: HeldLease, moments: Moments): Promise<void> {
  const { store, clock } = ground
  let first = true
  while (true) {
    lease.lost.throwIfAborted()
    const deployment = await mustFind(store, id)
    if (deployment.state !== 'running' && deployment.state !== 'undoing') return
    const runs = await runsOf(store.read, id)
    if (first) await begin(ground, deployment, runs)
    first = false
    const move = advance(deployment.plan, runs, deployment.course)
    switch (move.kind) {
      case 'run':
        await wave(ground, deployment, move.direction, move.items, lease, moments, true)
        break
      case 'watch': {
        // Runs that an earlier driver began: taken up under their own names, so hosts say what became of them.
        const open = runs.filter((run) => run.state === 'running')
        await wave(ground, deployment, deployment.course.direction, open, lease, moments, false)
        break
      }
      case 'turn':
        await store.write(async (tx) => {
          await changeDeployment(tx, id, { state: 'undoing', course: { ...deployment.course, direction: 'undo', because: move.because } })
          await ground.ledger.append(tx, {
            actor: 'belay',
            kind: 'deployment.undoing',
            subject: `deployment:${id}`,
            says: `brings back ${deployment.environment}: ${move.because}`,
            data: { environment: deployment.environment, release: deployment.release },
          })
        })
        store.signal('deployments', id)
        break
      case 'end':
        if (move.state === 'passed') await tidy(ground, deployment, lease)
        await end(ground, deployment, move.state, move.because, clock.now())
        return
      default:
        unreachable(move)
    }
  }
}

async function begin(ground: Ground, deployment: Deployment, runs: readonly Run[]): Promise<void> {
  const { store, ledger, clock } = ground
  const resumed = runs.length > 0
  const lastAt = Math.max(...runs.map((run) => run.endedAt ?? run.startedAt))
  await store.write(async (tx) => {
    if (deployment.startedAt === null) await changeDeployment(tx, deployment.id, { startedAt: clock.now() })
    if (deployment.startedAt !== null && !resumed) return
    await ledger.append(tx, {
      actor: resumed ? 'belay' : deployment.actor,
      kind: resumed ? 'deployment.resumed' : 'deployment.started',
      subject: `deployment:${deployment.id}`,
      says: resumed
        ? `went on with ${deployment.id} (${deployment.release} to ${deployment.environment}) from what is recorded`
        : `began to bring ${deployment.release} to ${deployment.environment}`,
      data: {
        environment: deployment.environment,
        release: deployment.release,
        from: deployment.from,
        planHash: deployment.plan.hash,
        ...(resumed ? { sinceLastMs: clock.now() - lastAt } : {}),
      },
    })
  })
  store.signal('deployments', deployment.id)
}

type Due = { readonly index: number; readonly attempt: number }

async function wave(
  ground: Ground,
  deployment: Deployment,
  direction: Direction,
  due: readonly Due[],
  lease: HeldLease,
  moments: Moments,
  fresh: boolean,
): Promise<void> {
  const waiting = [...due]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      await one(ground, deployment, direction, next, lease, moments, fresh)
  }
  const ended = await Promise.allSettled(Array.from({ length: Math.min(hostsAtOnce, due.length) }, worker))
  const broken = ended.find((it) => it.status === 'rejected')
  if (broken !== undefined) throw broken.reason
}

async function one(
  ground: Ground,
  deployment: Deployment,
  direction: Direction,
  due: Due,
  lease: HeldLease,
  moments: Moments,
  fresh: boolean,
): Promise<void> {
  const { store, ledger, clock, environments, releases } = ground
  const item = deployment.plan.items[due.index] as PlanItem
  const about = {
    environment: deployment.environment,
    release: deployment.release,
    step: item.step,
    host: item.host,
    index: item.index,
    direction,
    attempt: due.attempt,
  }
  const what = `${direction === 'undo' ? 'the undo of ' : ''}${item.step} on ${item.host}`
  if (fresh) {
    await store.write(async (tx) => {
      await addRun(tx, deployment.id, { index: due.index, direction, attempt: due.attempt, startedAt: clock.now() })
      await ledger.append(tx, {
        actor: 'belay',
        kind: 'step.started',
        subject: `deployment:${deployment.id}`,
        says: `began ${what}`,
        data: about,
      })
    })
    store.signal('deployments', deployment.id)
  }
  moments('begun', due.index)

  const environment = await environments.byName(deployment.environment)
  const output = openOutput({ store, clock, deployment: deployment.id, index: due.index, direction })
  const cache = new Map<string, Promise<PlannedRelease>>()
  const release = (name: string) => {
    const found = cache.get(name) ?? planned(releases, name)
    cache.set(name, found)
    return found
  }
  const host = environments.hosts(environment).get(item.host)
  let ended: ItemEnd
  if (host === undefined) {
    const because = `${environment.name} has no host ${item.host} any more; belay.yaml has changed since this was planned`
    ended = { state: 'failed', because, outputHash: contentHash(because), placed: [] }
  } else {
    ended = await carryOut({
      plan: deployment.plan,
      item,
      direction,
      key: `${deployment.id}/${due.index}/${direction}/${due.attempt}`,
      fence: lease.fence,
      environment,
      environments,
      host,
      portOf: await environments.assignPorts(environment, (await release(deployment.release)).config.services),
      release,
      artifactPath: releases.artifactPath,
      outputKept: (job) => outputKept(store.read, deployment.id, job),
      output,
      clock,
      lost: lease.lost,
    })
  }

  await store.write(async (tx) => {
    await changeRun(
      tx,
      deployment.id,
      { index: due.index, direction, attempt: due.attempt },
      { state: ended.state, because: ended.because, endedAt: clock.now(), outputHash: ended.outputHash },
    )
    for (const { service, placement } of ended.placed) {
      if (placement === null) await environments.displace(tx, environment.name, item.host, service)
      else await environments.place(tx, environment.name, placement)
    }
    await ledger.append(tx, {
      actor: 'belay',
      kind: `step.${ended.state}`,
      subject: `deployment:${deployment.id}`,
      says:
        ended.state === 'done'
          ? `${what} is done`
          : ended.state === 'failed'
            ? `${what} failed: ${ended.because}`
            : `${what} was interrupted: ${ended.because}`,
      data: { ...about, outputHash: ended.outputHash },
    })
  })
  store.signal('deployments', deployment.id)
  moments('done', due.index)
}

/** Looks back so far for builds that hosts may forget; what lies further back was forgotten by those deployments. */
const tidyLooksBack = 20

/** Removes builds that nobody will go back to. What cannot be removed now is met again by the next deployment. */
async function tidy(ground: Ground, deployment: Deployment, lease: HeldLease): Promise<void> {
  const { store, environments } = ground
  const recent = await deploymentRows(store.read, { environment: deployment.environment, limit: tidyLooksBack })
  const forget = buildsToForget(
    recent.map((it) => it.plan),
    await environments.placements(deployment.environment),
  )
  const hosts = environments.hosts(await environments.byName(deployment.environment))
  for (const { host, service, artifact } of forget) {
    const key = `${deployment.id}/tidy/${service}/${artifact.slice(0, 16)}`
    await hosts
      .get(host)
      ?.remove({ key, fence: lease.fence }, softwareFolder(service, artifact))
      .catch(() => {})
  }
}

const endWords: Record<EndState, (it: Deployment, because: string | null) => string> = {
  passed: (it) => (it.kind === 'rollback' ? `${it.environment} is back on ${it.release}` : `${it.release} is in ${it.environment}`),
  undone: (it, because) => `${it.release} was undone in ${it.environment}: ${because}`,
  aborted: (it, because) => `${it.release} to ${it.environment} was aborted: ${because}`,
  failed: (it, because) => `${it.environment} could not be brought back: ${because}`,
  held: (it, because) => `${it.release} is held in ${it.environment}: ${because}`,
  waiting: (it, because) => `${it.release} to ${it.environment} waits for a person: ${because}`,
}

async function end(ground: Ground, deployment: Deployment, state: EndState, because: string | null, atMs: number): Promise<void> {
  const { store, ledger, environments } = ground
  await store.write(async (tx) => {
    await changeDeployment(tx, deployment.id, {
      state,
      because,
      endedAt: state === 'held' || state === 'waiting' || state === 'failed' ? null : atMs,
    })
    if (state === 'passed')
      await environments.arrived(tx, deployment.environment, { release: arrivedAt(deployment), deployment: deployment.id })
    await ledger.append(tx, {
      actor: 'belay',
      kind: `deployment.${state}`,
      subject: `deployment:${deployment.id}`,
      says: endWords[state](deployment, because),
      data: {
        environment: deployment.environment,
        release: deployment.release,
        from: deployment.from,
        tookMs: deployment.startedAt === null ? null : atMs - deployment.startedAt,
        because,
      },
    })
  })
  store.signal('deployments', deployment.id)
  store.signal('environments')
}

/** A rollback of the first deployment leaves the environment empty. */
const arrivedAt = (deployment: Deployment) =>
  deployment.kind === 'rollback' && deployment.release === deployment.from ? null : deployment.release
