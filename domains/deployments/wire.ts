/** Deployments, plans and rehearsals as they travel: what outsiders may know, in the shapes of the protocol. */
import type { DeploymentSummaryWire, DeploymentWire, PlanWire, RehearsalWire } from '@belay/protocol'
import { offersOf } from './deployments.ts'
import type { ItemRun } from './model/advance.ts'
import type { Plan } from './model/plan.ts'
import type { Rehearsal } from './rehearsal-store.ts'
import type { Deployment, Run } from './store.ts'

export const planOnWire = (plan: Plan): PlanWire => ({
  ...plan,
  items: plan.items.map((item) => ({ ...item, services: [...item.services] })),
  unchanged: [...plan.unchanged],
  warnings: [...plan.warnings],
})

export function summaryOnWire(deployment: Deployment, done: number, isPresent: boolean): DeploymentSummaryWire {
  return {
    id: deployment.id,
    kind: deployment.kind,
    environment: deployment.environment,
    release: deployment.release,
    from: deployment.from,
    state: deployment.state,
    because: deployment.because ?? (deployment.state === 'undoing' ? deployment.course.because : null),
    actor: deployment.actor,
    reason: deployment.reason,
    forced: deployment.forced,
    planHash: deployment.plan.hash,
    createdAt: deployment.createdAt,
    startedAt: deployment.startedAt,
    endedAt: deployment.endedAt,
    itemsDone: done,
    itemsTotal: deployment.plan.items.length,
    expectedMs: deployment.plan.expectedMs,
    offers: [...offersOf(deployment, isPresent)],
  }
}

export function deploymentOnWire(deployment: Deployment, runs: readonly Run[], isPresent: boolean): DeploymentWire {
  const done = new Set(runs.filter((run) => run.direction === 'do' && run.state === 'done').map((run) => run.index)).size
  return {
    ...summaryOnWire(deployment, done, isPresent),
    plan: planOnWire(deployment.plan),
    runs: runs.map((run) => ({ ...run, state: stateOnWire(run) })),
    approval: deployment.approval,
    rehearsal: deployment.rehearsal,
  }
}
const stateOnWire = (run: ItemRun) => (run.state === 'again' ? 'interrupted' : run.state)

export const rehearsalOnWire = (rehearsal: Rehearsal): RehearsalWire => ({
  ...rehearsal,
  phases: [...rehearsal.phases],
  kills: [...rehearsal.kills],
})
