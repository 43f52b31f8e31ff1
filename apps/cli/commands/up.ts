import { routes } from '@belay/protocol'
import { Problem } from '@belay/base'
import { closingLines, exitCodeFor } from '../closing.ts'
import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { cutRelease } from '../cut.ts'
import { pickEnvironment } from '../environments.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { findPlace } from '../place.ts'
import { showDeployment } from '../progress.ts'
import { startDetached } from '../server-process.ts'
import { environmentView } from '../views.ts'

type Options = GlobalOptions & { readonly release?: string; readonly wait: boolean }

export const command = () =>
  leaf('up', 'start an environment, by default your private one', [
    ['belay up', 'your private cloud; starts the server and cuts a first release where there is none'],
    ['belay up qa --release v2', 'another environment, with a certain release'],
  ])
    .argument('[environment]', 'by default the first of kind private')
    .option('--release <name>', 'what to deploy when it is empty; by default the newest release')
    .option('--no-wait', 'return as soon as it has begun')
    .action(runs(up))

async function up(context: Context, options: Options, named: string | undefined): Promise<ExitCode> {
  await ensureServer(context, options)
  const client = await context.connect()
  const { name, state } = await pickEnvironment(client, named, context.signal)
  if (options.release === undefined && state === 'empty') await ensureRelease(context)
  const begun = await client.call(routes.environments.up, { params: { name }, body: { release: options.release } }, context.signal)
  if (begun.deployment === null || !options.wait) {
    context.answer({ environment: begun.environment, deployment: begun.deployment }, () => environmentView(begun.environment, context))
    return exitCodes.ok
  }
  const deployment = await showDeployment(context, begun.deployment)
  const environment = await (await context.connect()).call(routes.environments.show, { params: { name } }, context.signal)
  context.answer({ environment, deployment }, () => `${closingLines(deployment, context)}\n\n${environmentView(environment, context)}`)
  return exitCodeFor(deployment)
}

/** Starts one where none runs, unless somebody named another with --url or BELAY_URL. */
async function ensureServer(context: Context, options: Options): Promise<void> {
  try {
    const client = await context.connect()
    await client.call(routes.me, {}, context.signal)
  } catch (error) {
    const absent = error instanceof Problem && (error.code === 'no-server' || error.code === 'unreachable')
    if (!absent || options.url !== undefined || process.env.BELAY_URL) throw error
    const { server } = await startDetached(findPlace(), {}, context.signal)
    context.note(`Started the server at ${server.url}. belay open shows its page, belay stop ends it.`)
  }
}

async function ensureRelease(context: Context): Promise<void> {
  const client = await context.connect()
  const { releases } = await client.call(routes.releases.list, { query: { limit: 1 } }, context.signal)
  if (releases.length > 0) return
  context.note('There is no release yet; cutting one from HEAD.')
  await cutRelease(context, {})
}
