import { type CallImportWire, logFormats, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { nameOrProduction } from '../../environments.ts'
import { type ExitCode, exitCodes } from '../../exit-codes.ts'
import { openUpload } from '../../input.ts'
import { type Eye, sign, wrap } from '../../terminal.ts'
import { sending } from '../../uploading.ts'
import { environmentOption } from './filter.ts'

type Options = GlobalOptions & {
  readonly environment?: string
  readonly service: string
  readonly format: (typeof logFormats)[number]
  readonly release?: string
}

export const importCommand = (): Command =>
  leaf('import', 'read an access log of nginx or HAProxy: real time only', [
    ['belay calls import access.log --service web', 'of nginx, with $request_time at the end of each line'],
    ['belay calls import haproxy.log.gz --format haproxy --service api --env production', 'compressed as it was rotated'],
    ['journalctl -u haproxy -o cat | belay calls import - --format haproxy --service api', 'from stdin'],
  ])
    .argument('<file>', 'the log, as it is or compressed by gzip; - reads stdin')
    .addOption(new Option('--format <format>', 'who wrote it').choices(logFormats).default('nginx'))
    .addOption(new Option('--service <name>', 'which service the calls are counted for').makeOptionMandatory())
    .addOption(environmentOption('where they were served; by default production'))
    .option('--release <name>', 'the release that served them, if all were served by one')
    .action(runs(take))

async function take(context: Context, { environment: named, service, format, release }: Options, file: string): Promise<ExitCode> {
  const upload = await openUpload(file)
  const client = await context.connect()
  const environment = await nameOrProduction(client, named, context.signal)
  const query = { environment, service, format, ...(release === undefined ? {} : { release }) }
  const answer = await sending(context, file === '-' ? 'The log' : file, upload, (body) =>
    client.call(routes.calls.import, { query, upload: body }, context.signal),
  )
  context.answer(answer, () => importView(answer, context))
  return isWrongFormat(answer) ? exitCodes.failed : exitCodes.ok
}

/** Some lines of a log may well be of another kind; a log in which nothing was understood is another log. */
const isWrongFormat = ({ calls, refused, again }: CallImportWire): boolean => calls === 0 && refused > 0 && !again

export function importView(it: CallImportWire, { look, paint }: Eye): string {
  const mark = isWrongFormat(it) ? 'failed' : it.again ? 'skipped' : 'done'
  return [
    wrap(`${sign(mark, paint)} ${it.says}`, look.width, 2),
    ...it.examples.map(({ line, because }) => wrap(`  ${paint('dim', `line ${line.toLocaleString('en')}:`)} ${because}`, look.width, 4)),
  ].join('\n')
}
