import { logLineWire, routes } from '@belay/protocol'
import { systemClock } from '@belay/base'
import { countOption, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { pickEnvironment } from '../environments.ts'
import { patiently } from '../follow.ts'

type Line = ReturnType<typeof logLineWire.parse>
type Options = GlobalOptions & { readonly env?: string; readonly host?: string; readonly follow?: boolean; readonly lines?: number }

/** What the server gives at most in one answer. */
const linesMax = 5_000

export const command = () =>
  leaf('logs', 'the last lines of a service', [
    ['belay logs web', 'of your private cloud'],
    ['belay logs api --env production --follow', 'new lines as they are written'],
    ['belay logs --env qa --host qa1', 'all services of one host'],
  ])
    .argument('[service]', 'by default all services')
    .option('--env <name>', 'the environment; by default the first of kind private')
    .option('--host <name>', 'only this host')
    .option('-f, --follow', 'go on with new lines until Ctrl-C')
    .option('-n, --lines <count>', 'how many lines back (default: 200, with --follow 20)', countOption(0, linesMax))
    .action(runs(logs))

async function logs(context: Context, options: Options, service: string | undefined): Promise<void> {
  const client = await context.connect()
  const { name } = await pickEnvironment(client, options.env, context.signal)
  const asked = { service, host: options.host }
  if (options.follow) return follow(context, name, asked, options.lines ?? 20)
  const query = { ...asked, lines: Math.max(1, options.lines ?? 200) }
  const { lines } = await client.call(routes.environments.logs, { params: { name }, query }, context.signal)
  context.answer({ environment: name, lines }, () => lines.map((line) => sayLine(line, context)).join('\n'))
}

async function follow(
  context: Context,
  name: string,
  asked: { service: string | undefined; host: string | undefined },
  back: number,
): Promise<void> {
  let lines = back
  while (true) {
    const query = { ...asked, lines }
    const read = async (): Promise<void> => {
      const client = await context.connect()
      for await (const { data } of client.events(routes.environments.logsFollow, { params: { name }, query }, { signal: context.signal })) {
        const line = logLineWire.parse(data)
        context.event(line, () => sayLine(line, context))
      }
    }
    await patiently(read, `the log of ${name}`, context.signal)
    // The stream ended without an error: the server went away. What was written meanwhile is in the file of the host.
    lines = 0
    await systemClock.sleep(500, context.signal)
  }
}

const sayLine = ({ host, service, text }: Line, { look, paint }: Context): string =>
  look.terminal ? `${paint('dim', `${host} ${service} |`)} ${text}` : `${host}\t${service}\t${text}`
