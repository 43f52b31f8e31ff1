/**
 * The front page in data: one sentence that answers "is anything falling?", and for each release that matters how far
 * up the rope it is, with the reason for its state. Pure.
 */
import { sayCount, sayDuration } from '@belay/base'

export type Rung = { readonly name: string; readonly state: 'passed' | 'now' | 'fell' | 'ahead'; readonly at: number | null }
export type Rope = {
  readonly release: string
  readonly state: 'climbing' | 'held' | 'fallen' | 'top'
  readonly rungs: readonly Rung[]
  readonly because: string
  readonly deployment: string | null
}

export type SeenRelease = {
  readonly name: string
  readonly cutAt: number
  readonly commitCount: number
  readonly servicesChanged: readonly string[]
}
export type SeenDeployment = {
  readonly id: string
  readonly kind: string
  readonly environment: string
  readonly release: string
  readonly from: string | null
  readonly state: string
  readonly because: string | null
  readonly createdAt: number
  readonly endedAt: number | null
  readonly startedAt: number | null
}
export type SeenRehearsal = {
  readonly id: string
  readonly release: string
  readonly environment: string
  readonly state: string
  readonly because: string | null
  readonly startedAt: number
  readonly endedAt: number | null
}
export type SeenEnvironment = { readonly name: string; readonly kind: string; readonly release: string | null }

/** More than these fit on no screen; what is older is in Releases. */
const ropesMax = 6

export function composeNow(it: {
  nowMs: number
  releases: readonly SeenRelease[]
  environments: readonly SeenEnvironment[]
  /** Newest first. */
  deployments: readonly SeenDeployment[]
  rehearsals: readonly SeenRehearsal[]
}): { sentence: string; detail: string; rope: Rope[] } {
  const ropes = it.releases.map((release) => ropeOf(release, it))
  const top = it.releases.filter((release) =>
    it.environments.some((environment) => environment.kind === 'production' && environment.release === release.name),
  )
  const topCutAt = Math.max(0, ...top.map((release) => release.cutAt))
  // Old news: what was cut before the release on top and is not moving.
  const shown = ropes.filter((rope) => {
    const release = it.releases.find((other) => other.name === rope.release)
    return rope.state === 'top' || rope.state === 'held' || moving(rope.release, it) || (release?.cutAt ?? 0) > topCutAt
  })
  return { sentence: sentenceOf(it, ropes), detail: detailOf(it), rope: shown.slice(0, ropesMax) }
}

type Seen = Parameters<typeof composeNow>[0]
const active = (state: string) => state === 'running' || state === 'undoing'
const waits = (state: string) => state === 'held' || state === 'waiting' || state === 'waiting-approval' || state === 'failed'
const moving = (release: string, it: Seen) =>
  it.deployments.some((deployment) => deployment.release === release && active(deployment.state)) ||
  it.rehearsals.some((rehearsal) => rehearsal.release === release && rehearsal.state === 'running')

function ropeOf(release: SeenRelease, it: Seen): Rope {
  const of = it.deployments.filter((deployment) => deployment.release === release.name && deployment.kind !== 'rollback')
  const kinds = (['private', 'qa', 'production'] as const).filter((kind) =>
    it.environments.some((environment) => environment.kind === kind),
  )
  const rehearsal = it.rehearsals.find((other) => other.release === release.name)
  const rungs: Rung[] = [{ name: 'code', state: 'passed', at: release.cutAt }]
  for (const kind of kinds) rungs.push(kind === 'qa' ? rehearsalRung(rehearsal) : deploymentRung(kind, of, it, release.name))
  const onTop = it.environments.some((environment) => environment.kind === 'production' && environment.release === release.name)
  const last = it.deployments.find(
    (deployment) => deployment.release === release.name || (deployment.kind === 'rollback' && deployment.from === release.name),
  )
  const held = of.find((deployment) => waits(deployment.state))
  const fell = rungs.some((rung) => rung.state === 'fell')
  const state = standing({
    held: held !== undefined,
    falls: of.some((deployment) => deployment.state === 'undoing'),
    onTop,
    moves: moving(release.name, it),
    fell,
  })
  return {
    release: release.name,
    state,
    rungs,
    because: becauseOf(release, state, { last, held, rehearsal, of }, it),
    deployment: (held ?? last)?.id ?? null,
  }
}

function standing(it: { held: boolean; falls: boolean; onTop: boolean; moves: boolean; fell: boolean }): Rope['state'] {
  if (it.held) return 'held'
  if (it.falls) return 'fallen'
  if (it.onTop) return 'top'
  return it.fell && !it.moves ? 'fallen' : 'climbing'
}

function deploymentRung(kind: 'private' | 'production', of: readonly SeenDeployment[], it: Seen, release: string): Rung {
  const names = it.environments.filter((environment) => environment.kind === kind).map((environment) => environment.name)
  const last = of.find((deployment) => names.includes(deployment.environment))
  if (last === undefined) return { name: kind, state: 'ahead', at: null }
  const rolledBack = it.deployments.some(
    (other) =>
      other.kind === 'rollback' &&
      other.environment === last.environment &&
      other.from === release &&
      other.state === 'passed' &&
      other.createdAt > last.createdAt,
  )
  const at = last.endedAt ?? last.startedAt ?? last.createdAt
  if (rolledBack) return { name: kind, state: 'fell', at }
  if (last.state === 'passed') return { name: kind, state: 'passed', at }
  return { name: kind, state: last.state === 'running' || waits(last.state) ? 'now' : 'fell', at }
}

function rehearsalRung(rehearsal: SeenRehearsal | undefined): Rung {
  if (rehearsal === undefined) return { name: 'qa', state: 'ahead', at: null }
  const at = rehearsal.endedAt ?? rehearsal.startedAt
  return { name: 'qa', state: rehearsal.state === 'running' ? 'now' : rehearsal.state === 'passed' ? 'passed' : 'fell', at }
}

function becauseOf(
  release: SeenRelease,
  state: Rope['state'],
  seen: {
    last: SeenDeployment | undefined
    held: SeenDeployment | undefined
    rehearsal: SeenRehearsal | undefined
    of: readonly SeenDeployment[]
  },
  it: Seen,
): string {
  if (seen.held !== undefined)
    return `${seen.held.id} in ${seen.held.environment} is ${seen.held.state.replace('-', ' for ')}${seen.held.because === null ? '' : `: ${seen.held.because}`}`
  const now = it.deployments.find((deployment) => deployment.release === release.name && active(deployment.state))
  if (now !== undefined)
    return now.state === 'undoing' ? `Being brought back in ${now.environment}` : `On its way into ${now.environment} (${now.id})`
  if (seen.rehearsal?.state === 'running') return `Being rehearsed on ${seen.rehearsal.environment} (${seen.rehearsal.id})`
  if (state === 'fallen') {
    const fallen = seen.of.find((deployment) => deployment.state === 'undone' || deployment.state === 'aborted')
    const rolled = it.deployments.find(
      (deployment) => deployment.kind === 'rollback' && deployment.from === release.name && deployment.state === 'passed',
    )
    if (rolled !== undefined && (fallen === undefined || rolled.createdAt > fallen.createdAt))
      return `Rolled back in ${rolled.environment} to ${rolled.release}`
    if (seen.rehearsal !== undefined && seen.rehearsal.state !== 'passed' && seen.rehearsal.because !== null)
      return `Fell in rehearsal: ${seen.rehearsal.because}`
    return fallen === undefined ? 'It fell' : `Undone in ${fallen.environment}: ${fallen.because ?? 'no reason recorded'}`
  }
  if (state === 'top') {
    const arrived = seen.of.find(
      (deployment) =>
        deployment.state === 'passed' &&
        it.environments.some((environment) => environment.name === deployment.environment && environment.kind === 'production'),
    )
    const took = arrived?.startedAt && arrived.endedAt ? `, in ${sayDuration(arrived.endedAt - arrived.startedAt)}` : ''
    return `In production${arrived?.endedAt ? ` since ${sayDuration(it.nowMs - arrived.endedAt)}${took}` : ''}`
  }
  const what = `${sayCount(release.commitCount, 'commit')}, ${release.servicesChanged.length === 0 ? 'no service changed' : `${release.servicesChanged.join(' and ')} changed`}`
  if (seen.rehearsal?.state === 'passed') return `Rehearsed; ready for production. ${what}`
  return `Not rehearsed yet. ${what}`
}

const countWords = ['Nothing', 'One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven', 'Eight', 'Nine']
const word = (count: number, first: boolean) => {
  const it = countWords[count] ?? String(count)
  return first ? it : it.toLowerCase()
}

function sentenceOf(it: Seen, ropes: readonly Rope[]): string {
  const falling = it.deployments.filter((deployment) => deployment.state === 'undoing').length
  const climbing = ropes.filter((rope) => rope.state !== 'held' && moving(rope.release, it)).length - falling
  const held = ropes.filter((rope) => rope.state === 'held').length
  if (it.releases.length === 0) return 'Nothing on the rope yet'
  const parts: string[] = []
  if (climbing > 0) parts.push(`${word(climbing, true)} climbing`)
  if (held > 0) parts.push(`${word(held, parts.length === 0)} held`)
  parts.push(
    falling > 0 ? `${word(falling, parts.length === 0)} falling` : parts.length === 0 ? 'All calm, nothing falling' : 'nothing falling',
  )
  return parts.join(', ')
}

function detailOf(it: Seen): string {
  const production = it.environments.filter((environment) => environment.kind === 'production' && environment.release !== null)
  const present =
    production.length === 0
      ? 'Production is empty'
      : production.map((environment) => `${environment.release} is in ${environment.name}`).join(', ')
  const fall = it.deployments.find((deployment) => deployment.state === 'undone' && deployment.endedAt !== null)
  if (fall === undefined || fall.endedAt === null) return `${present}; nothing was ever undone`
  const took = fall.startedAt === null ? '' : `, ${sayDuration(fall.endedAt - fall.startedAt)} after it began`
  return `${present}; last undo ${sayDuration(it.nowMs - fall.endedAt)} ago: ${fall.release} in ${fall.environment}${took}`
}
