/** How a deployment stands, in one sentence, with the command that comes next; and the exit code that goes with it. */
import type { DeploymentSummaryWire, RehearsalWire } from '@belay/protocol'
import { sayCount, sayDuration } from '@belay/base'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { hasEnded, needsPerson } from './follow.ts'
import { type Eye, sign, wrap } from './terminal.ts'

/** `wanted`: the end that was asked for, where that is not the release's success. */
export function exitCodeFor(deployment: Pick<DeploymentSummaryWire, 'state'>, wanted: DeploymentSummaryWire['state'] = 'passed'): ExitCode {
  if (deployment.state === wanted) return exitCodes.ok
  if (needsPerson(deployment)) return exitCodes.waiting
  return hasEnded(deployment) ? exitCodes.failed : exitCodes.ok
}

export function closingLines(deployment: DeploymentSummaryWire, { look, paint }: Eye): string {
  const lines = [wrap(`${sign(deployment.state, paint)} ${sentence(deployment)}`, look.width, 2)]
  for (const [index, next] of nextCommands(deployment).entries()) lines.push(`${paint('dim', index === 0 ? 'Next:' : '     ')} ${next}`)
  return lines.join('\n')
}

function sentence(it: DeploymentSummaryWire): string {
  const what = it.kind === 'rollback' ? `The rollback of ${it.environment} to ${it.release}` : `${it.release} on ${it.environment}`
  const because = it.because === null ? '' : `: ${it.because.replace(/[.:]$/, '')}`
  const took = it.startedAt === null || it.endedAt === null ? '' : ` after ${sayDuration(it.endedAt - it.startedAt)}`
  const expected = it.expectedMs === null ? '' : ` (expected ${sayDuration(it.expectedMs)})`
  switch (it.state) {
    case 'passed':
      return `${it.environment} has ${it.release}${took}${expected}.`
    case 'undone':
      return `${what} was undone${took}${because}. ${it.from === null ? `${it.environment} is empty as before` : `${it.environment} has ${it.from} as before`}.`
    case 'failed':
      return `${what} failed${took}${because}.`
    case 'aborted':
      return `${what} was aborted${took}${because}.`
    case 'waiting-approval':
      return `${what} waits for somebody else to approve its plan${because}.`
    case 'waiting':
      return `${what} waits for a person${because}.`
    case 'held':
      return `${what} is held${because}.`
    case 'undoing':
      return `${what} is being undone${because}.`
    case 'running':
      return `${what} is under way, ${it.itemsDone} of ${it.itemsTotal} done.`
  }
}

const commandFor: Readonly<Record<DeploymentSummaryWire['offers'][number], (it: DeploymentSummaryWire) => string>> = {
  approve: ({ id }) => `belay approve ${id}`,
  rerun: ({ id }) => `belay resume ${id} --rerun       run the step again`,
  continue: ({ id }) => `belay resume ${id} --continue    take it as done and go on`,
  undo: ({ id }) => `belay resume ${id} --undo        bring back what was switched`,
  abort: ({ id }) => `belay abort ${id}`,
  rollback: ({ environment }) => `belay rollback ${environment}`,
}

/** Commands for a person who has to decide; a deployment that passed asks for nothing. */
function nextCommands(it: DeploymentSummaryWire): readonly string[] {
  if (needsPerson(it)) return it.offers.map((offer) => commandFor[offer](it))
  if (it.state === 'passed') return []
  return hasEnded(it) ? [`belay deployment show ${it.id} --output`] : [`belay deployment show ${it.id} --follow`]
}

export function closingOfRehearsal(it: RehearsalWire, { look, paint }: Eye): string {
  const took = it.endedAt === null ? '' : ` after ${sayDuration(it.endedAt - it.startedAt)}`
  const because = it.because === null ? '' : `: ${it.because.replace(/\.$/, '')}`
  const word = {
    passed: 'passed its rehearsal',
    failed: 'failed its rehearsal',
    aborted: 'was taken off: the rehearsal was aborted',
    running: 'is being rehearsed',
  }
  const lines = [
    wrap(
      `${sign(it.state, paint)} ${it.release} ${word[it.state]} on ${it.environment}${took}${it.state === 'passed' ? '' : because}.`,
      look.width,
      2,
    ),
  ]
  if (it.chaos) {
    const lost = it.kills.filter(({ resumedMs }) => resumedMs === null).length
    const slowest = Math.max(0, ...it.kills.map(({ resumedMs }) => resumedMs ?? 0))
    const went =
      lost === 0
        ? `the deployment went on each time, at the slowest after ${sayDuration(slowest)}`
        : `${sayCount(lost, 'time')} it did not go on`
    lines.push(`  The controller was killed ${sayCount(it.kills.length, 'time')}; ${went}.`)
  }
  if (it.state === 'failed') {
    const failed = it.phases.find(({ state }) => state === 'failed')
    if (failed?.deployment) lines.push(`${paint('dim', 'Next:')} belay deployment show ${failed.deployment} --output`)
  }
  if (it.state === 'passed') lines.push(`${paint('dim', 'Next:')} belay deploy production ${it.release} --plan`)
  return lines.join('\n')
}
