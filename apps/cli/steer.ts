/** What the commands share that begin a deployment or answer one: show it to its end, say how it ended. */
import type { DeploymentWire } from '@belay/protocol'
import { sayCount, sayDuration } from '@belay/base'
import { closingLines, exitCodeFor } from './closing.ts'
import type { Context } from './context.ts'
import type { ExitCode } from './exit-codes.ts'
import { wavesOf } from './news.ts'
import { showDeployment } from './progress.ts'

export type FinishOptions = { readonly follow?: boolean; readonly output?: boolean; readonly wait?: boolean }
type End = Parameters<typeof exitCodeFor>[1]

export async function finish(context: Context, begun: DeploymentWire, options: FinishOptions, wanted?: End): Promise<ExitCode> {
  if (options.wait === false) {
    context.answer({ deployment: begun }, () => closingLines(begun, context))
    return exitCodeFor(begun, wanted)
  }
  const lines = context.json && options.follow === true
  if (!lines) context.tell(headline(begun, context))
  const deployment = await showDeployment(context, begun.id, { lines, output: options.output === true })
  if (lines) context.event({ event: 'ended', deployment }, () => undefined)
  else context.answer({ deployment }, () => closingLines(deployment, context))
  return exitCodeFor(deployment, wanted)
}

function headline({ id, kind, environment, release, from, plan }: DeploymentWire, { paint }: Context): string {
  const what = kind === 'rollback' ? `roll ${environment} back to ${release}` : `${release} to ${environment}`
  const expected = plan.expectedMs === null ? '' : `, expected ${sayDuration(plan.expectedMs)}`
  const size = `${sayCount(plan.items.length, 'item')} in ${sayCount(wavesOf(plan).length, 'wave')}${expected}`
  return `${paint('bold', `${id}: ${what}`)} ${paint('dim', `${from === null ? '' : `from ${from}, `}${size}`)}`
}
