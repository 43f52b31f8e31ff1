import { spawn } from 'node:child_process'
import { countOption, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { findPlace } from '../place.ts'
import { fail } from '../problems.ts'
import { refuseSecondServer, serverArguments, startDetached, usualPort } from '../server-process.ts'

type Options = GlobalOptions & { readonly port?: number; readonly host?: string; readonly detach?: boolean }

export const command = () =>
  leaf('serve', 'run the server of this cloud', [
    ['belay serve', 'until Ctrl-C; what it started goes on'],
    ['belay serve --detach', 'in the background; belay stop ends it'],
    ['belay serve --host 0.0.0.0 --port 8080', 'for others too, signed in with tokens'],
  ])
    .option('--port <number>', `the port; by default ${usualPort}, or a free one when that is taken`, countOption(0, 65_535))
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1, this machine only)')
    .option('--detach', 'go on in the background; prints the address when it is ready')
    .action(runs(serve))

async function serve(context: Context, options: Options): Promise<ExitCode> {
  const place = findPlace()
  refuseSecondServer(place)
  if (options.detach) {
    const { server, said } = await startDetached(place, options, context.signal)
    context.answer({ url: server.url, pid: server.pid, log: `${place.home}/server.log` }, () =>
      [said, `${context.paint('green', '●')} The server runs at ${server.url} (process ${server.pid}). Stop it with: belay stop`]
        .filter((it) => it !== '')
        .join('\n'),
    )
    return exitCodes.ok
  }
  const child = spawn(process.execPath, [...(await serverArguments(place, options))], {
    cwd: place.repository,
    stdio: ['inherit', context.json ? process.stderr : 'inherit', 'inherit'],
  })
  // A Ctrl-C in a terminal reaches the child too; one that was sent to us alone is handed on.
  const handOn = (): void => void child.kill('SIGTERM')
  context.signal.addEventListener('abort', handOn)
  process.once('SIGTERM', handOn)
  process.once('SIGHUP', handOn)
  const [code, signalName] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (exit, signal) => resolve([exit, signal]))
  })
  if (context.signal.aborted)
    throw fail('interrupted', { because: 'The server has stopped. Services that it started go on; belay down stops them.' })
  if (code !== 0) throw fail('server-ended', { code: code ?? signalName ?? 'unknown', log: 'the output above', said: '' })
  context.answer({ stopped: true }, () => '')
  return exitCodes.ok
}
