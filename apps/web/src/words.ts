/** The page's one language of state: each state of the product is climbing, held, fallen, on top, or none of them. */
import type { DeploymentSummaryWire, EnvironmentWire, ExplanationWire, FlagStandingWire, NowWire, RehearsalWire } from '@belay/protocol'

export type Tone = 'climb' | 'held' | 'fall' | 'top' | 'none'
export type Word = { readonly tone: Tone; readonly says: string }

export const ropeWords: Readonly<Record<NowWire['rope'][number]['state'], Word>> = {
  climbing: { tone: 'climb', says: 'climbing' },
  held: { tone: 'held', says: 'held' },
  fallen: { tone: 'fall', says: 'fallen' },
  top: { tone: 'top', says: 'on top' },
}

export const deploymentWords: Readonly<Record<DeploymentSummaryWire['state'], Word>> = {
  'waiting-approval': { tone: 'held', says: 'waits for approval' },
  running: { tone: 'climb', says: 'running' },
  undoing: { tone: 'fall', says: 'undoing' },
  waiting: { tone: 'held', says: 'waits for a person' },
  held: { tone: 'held', says: 'held' },
  passed: { tone: 'top', says: 'passed' },
  undone: { tone: 'fall', says: 'undone' },
  failed: { tone: 'fall', says: 'failed' },
  aborted: { tone: 'fall', says: 'aborted' },
}

export const environmentWords: Readonly<Record<EnvironmentWire['state'], Word>> = {
  empty: { tone: 'none', says: 'empty' },
  healthy: { tone: 'top', says: 'healthy' },
  unhealthy: { tone: 'fall', says: 'unhealthy' },
  deploying: { tone: 'climb', says: 'deploying' },
  held: { tone: 'held', says: 'held' },
  down: { tone: 'none', says: 'down' },
}

export const serviceWords: Readonly<Record<EnvironmentWire['hosts'][number]['services'][number]['state'], Word>> = {
  running: { tone: 'top', says: 'running' },
  stopped: { tone: 'none', says: 'stopped' },
  failing: { tone: 'fall', says: 'failing' },
  absent: { tone: 'none', says: 'not installed' },
  unknown: { tone: 'held', says: 'unknown' },
}

export const rehearsalWords: Readonly<Record<RehearsalWire['state'], Word>> = {
  running: { tone: 'climb', says: 'running' },
  passed: { tone: 'top', says: 'passed' },
  failed: { tone: 'fall', says: 'failed' },
  aborted: { tone: 'fall', says: 'aborted' },
}

export const phaseWords: Readonly<Record<RehearsalWire['phases'][number]['state'], Word>> = {
  pending: { tone: 'none', says: 'ahead' },
  running: { tone: 'climb', says: 'running' },
  passed: { tone: 'top', says: 'passed' },
  failed: { tone: 'fall', says: 'failed' },
  skipped: { tone: 'none', says: 'skipped' },
}

export const flagWords: Readonly<Record<FlagStandingWire['state'], Word>> = {
  off: { tone: 'none', says: 'off' },
  killed: { tone: 'fall', says: 'killed' },
  resting: { tone: 'none', says: 'resting' },
  climbing: { tone: 'climb', says: 'climbing' },
  top: { tone: 'top', says: 'on top' },
  targeted: { tone: 'climb', says: 'by rules' },
}

export const outcomeWords: Readonly<Record<ExplanationWire['steps'][number]['outcome'], Word>> = {
  decided: { tone: 'top', says: 'decided' },
  missed: { tone: 'none', says: 'passed by' },
  unasked: { tone: 'none', says: 'not asked' },
}

/** A release's summary names its rehearsal's state as plain text. */
export const rehearsalWord = (state: string): Word =>
  state in rehearsalWords ? rehearsalWords[state as RehearsalWire['state']] : { tone: 'none', says: state }

const endedStates: readonly DeploymentSummaryWire['state'][] = ['passed', 'undone', 'failed', 'aborted']
export const hasEnded = (state: DeploymentSummaryWire['state']): boolean => endedStates.includes(state)
/** Steps run now, in either direction. */
export const isMoving = (state: DeploymentSummaryWire['state']): boolean => state === 'running' || state === 'undoing'

const kindWords = { deploy: '', rehearsal: 'Rehearsal of ', rollback: 'Rollback to ' } as const
/** "v5 to production", "Rehearsal of v5 on qa", "Rollback to v4 on production". A release keeps its name's own letters. */
export function nameDeployment(it: Pick<DeploymentSummaryWire, 'kind' | 'release' | 'environment'>): string {
  return `${kindWords[it.kind]}${it.release} ${it.kind === 'deploy' ? 'to' : 'on'} ${it.environment}`
}

export const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
