import { requires, type Who } from '@belay/access'
import type { Environments } from '@belay/environments'
import type { Api } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import { type DeploymentWire, type NowWire, type ReleaseSummaryWire, routes } from '@belay/protocol'
import type { Releases } from '@belay/releases'
import type { Store } from '@belay/store'
import type { Deployments } from './deployments.ts'
import { composeNow } from './model/now.ts'
import { deploymentNews } from './news.ts'
import { deploymentProblem } from './problems.ts'
import type { Rehearsals } from './rehearsals.ts'
import { deploymentOnWire, planOnWire, rehearsalOnWire, summaryOnWire } from './wire.ts'

/** The front page and lists look back so far; older ones are reached through their release or environment. */
const recentMax = 60

export type DeploymentRoutes = {
  readonly store: Store
  readonly ledger: Ledger
  readonly environments: Environments
  readonly releases: Releases
  readonly deployments: Deployments
  readonly rehearsals: Rehearsals
  readonly ledgerWhole: () => boolean
  readonly now: () => number
}

export function deploymentRoutes(api: Api<Who>, it: DeploymentRoutes): void {
  const { store, environments, releases, deployments, rehearsals } = it
  /** The deployments that left what the environments have now. */
  const presentOnes = async () => new Set((await environments.list()).map((environment) => environment.deployment))
  const whole = async (id: string): Promise<DeploymentWire> => {
    const deployment = await deployments.byName(id)
    return deploymentOnWire(deployment, await deployments.runs(id), (await presentOnes()).has(id))
  }
  const view = async (name: string) => environments.view(await environments.byName(name), await deployments.heldIn(name))

  const { list, show, plan, start, approve, abort, resume, output, follow } = routes.deployments
  api.handle(list, async ({ query }) => {
    const present = await presentOnes()
    return {
      deployments: (await deployments.list(query)).map(({ deployment, done }) =>
        summaryOnWire(deployment, done, present.has(deployment.id)),
      ),
    }
  })
  api.handle(show, ({ params }) => whole(params.id))
  api.handle(plan, async ({ body }) => planOnWire(await deployments.plan(body.environment, body.release)))
  api.handle(start, async ({ body, who }) => whole((await deployments.start(body, who)).id))
  api.handle(approve, async ({ params, body, who }) => whole((await deployments.approve(params.id, body.planHash, who)).id))
  api.handle(abort, async ({ params, body, who }) => {
    await maySteer(who, params.id)
    return whole((await deployments.abort(params.id, who.actor, body.reason)).id)
  })
  api.handle(resume, async ({ params, body, who }) => {
    await maySteer(who, params.id)
    return whole((await deployments.resume(params.id, body.how, who.actor, body.reason)).id)
  })
  api.handle(output, async ({ params, query }) => {
    await deployments.byName(params.id)
    return deployments.output(params.id, query)
  })
  api.events(follow, ({ params, query, lastEventId, signal }) => followOne(params.id, Number(lastEventId ?? query.after ?? 0), signal))

  /** Steering what happens in production needs the right to deploy there. */
  async function maySteer(who: Who, id: string): Promise<void> {
    const environment = await environments.byName((await deployments.byName(id)).environment)
    if (environment.kind === 'production') requires(who, 'deploy.production')
  }

  async function* followOne(id: string, after: number, signal: AbortSignal) {
    let seq = Number.isFinite(after) ? after : 0
    let sent = ''
    while (!signal.aborted) {
      const changed = deploymentNews(store, signal)
      const now = await whole(id)
      const { output: pieces, more } = await deployments.output(id, { after: seq, limit: 500 })
      for (const piece of pieces) {
        seq = piece.seq
        yield { id: piece.seq, event: 'output', data: piece }
      }
      const spelt = JSON.stringify(now)
      if (spelt !== sent) yield { event: 'deployment', data: now }
      sent = spelt
      if (more) continue
      if (now.endedAt !== null) return
      await changed
    }
  }

  api.handle(routes.rehearsals.list, async ({ query }) => ({ rehearsals: (await rehearsals.list(query)).map(rehearsalOnWire) }))
  api.handle(routes.rehearsals.show, async ({ params }) => rehearsalOnWire(await rehearsals.byName(params.id)))
  api.handle(routes.rehearsals.start, async ({ body, who }) => rehearsalOnWire(await rehearsals.start(body, who.actor)))
  api.handle(routes.rehearsals.abort, async ({ params, who }) => rehearsalOnWire(await rehearsals.abort(params.id, who.actor)))

  api.handle(routes.environments.rollback, async ({ params, body, who }) => {
    const environment = await environments.byName(params.name)
    if (environment.kind === 'production') requires(who, 'deploy.production')
    const planned = planOnWire(await deployments.planRollback(params.name))
    if (body.plan) return { plan: planned, deployment: null }
    return { plan: planned, deployment: await whole((await deployments.rollback(params.name, who, body.reason)).id) }
  })
  api.handle(routes.environments.up, async ({ params, body, who }) => {
    const environment = await environments.byName(params.name)
    if (environment.kind === 'production') requires(who, 'deploy.production')
    const present = body.release ?? environment.release ?? (await releases.list(1))[0]?.name
    if (present === undefined) throw deploymentProblem('no-release', { environment: params.name })
    if (environment.release !== present)
      return {
        environment: await view(params.name),
        deployment: (await deployments.start({ environment: params.name, release: present }, who)).id,
      }
    await environments.start(environment, who.actor, async (name) => (await releases.byName(name)).config)
    return { environment: await view(params.name), deployment: null }
  })
  api.handle(routes.sandboxes.create, async ({ body, who, progress, signal }) => {
    const release = body.release ?? (await releases.cut({ ref: body.ref ?? 'HEAD' }, who.actor, progress, signal)).release.name
    await releases.byName(release)
    const taken = new Set((await environments.list()).map((other) => other.name))
    const name = body.name ?? nameFor(release, taken)
    await environments.addSandbox({ name, actor: who.actor, expiresAt: it.now() + body.ttlMs })
    const deployment = await deployments.start({ environment: name, release }, who)
    return { environment: await view(name), deployment: deployment.id }
  })

  api.handle(routes.now, async (): Promise<NowWire> => {
    const [all, found, recent, rehearsed, head] = await Promise.all([
      environments.list(),
      releases.list(20),
      deployments.list({ limit: recentMax }),
      rehearsals.list({ limit: recentMax }),
      it.ledger.head(),
    ])
    const composed = composeNow({
      nowMs: it.now(),
      releases: found.map((release) => ({
        name: release.name,
        cutAt: release.cutAt,
        commitCount: release.commits.length,
        servicesChanged: release.services.filter((service) => service.changed).map((service) => service.service),
      })),
      environments: all,
      deployments: recent.map(({ deployment }) => deployment),
      rehearsals: rehearsed,
    })
    return {
      sentence: composed.sentence,
      detail: composed.detail,
      rope: composed.rope.map((rope) => ({ ...rope, rungs: [...rope.rungs] })),
      environments: await Promise.all(all.map((environment) => view(environment.name))),
      deployments: recent.slice(0, 10).map(({ deployment, done }) =>
        summaryOnWire(
          deployment,
          done,
          all.some((environment) => environment.deployment === deployment.id),
        ),
      ),
      facts: head.seq,
      ledgerWhole: it.ledgerWhole(),
    }
  })
}

/** What the list of releases tells beside the manifest: where a release is, and how its last rehearsal went. */
export async function releaseStanding(
  name: string,
  it: { environments: Environments; rehearsals: Rehearsals },
): Promise<Pick<ReleaseSummaryWire, 'environments' | 'rehearsal'>> {
  const [all, [last]] = await Promise.all([it.environments.list(), it.rehearsals.list({ release: name, limit: 1 })])
  return {
    environments: all.filter((environment) => environment.release === name).map((environment) => environment.name),
    rehearsal:
      last === undefined
        ? null
        : {
            id: last.id,
            state: last.state,
            at: last.endedAt ?? last.startedAt,
            durationMs: last.endedAt === null ? null : Math.max(0, last.endedAt - last.startedAt),
            because: last.because,
          },
  }
}

function nameFor(release: string, taken: ReadonlySet<string>): string {
  const base = `sandbox-${release.toLowerCase().replace(/[^a-z0-9-]+/g, '-')}`.slice(0, 28)
  if (!taken.has(base)) return base
  for (let nth = 2; ; nth++) if (!taken.has(`${base}-${nth}`)) return `${base}-${nth}`
}
