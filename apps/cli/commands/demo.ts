import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { countOption, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { exitCodes, type ExitCode } from '../exit-codes.ts'
import { fail } from '../problems.ts'

type Options = GlobalOptions & {
  readonly once?: boolean
  readonly fresh?: boolean
  readonly port?: number
  readonly home?: string
  readonly seed?: number
}

const program = fileURLToPath(new URL('../../../examples/pages/demo.ts', import.meta.url))

export const command = () =>
  leaf('demo', 'watch a small cloud get a release, a rehearsal, a roll-out and an undo', [
    ['belay demo', 'tells what happens as it happens, and stays up'],
    ['belay demo --once --json', 'ends by itself with one JSON document'],
  ])
    .option('--once', 'end when the story has been told; exit code 0 only if it went as it should')
    .option('--fresh', 'tell the story anew instead of showing what an earlier one left')
    .option('--port <number>', 'the port of the page', countOption(0, 65_535))
    .option('--home <folder>', 'where the demo keeps its cloud; .belay/demo beside Belay unless given')
    .option('--seed <number>', 'what chance decides for the simulated users', countOption(0, 2 ** 32))
    .action(runs(demo))

async function demo(context: Context, { once, fresh, port, home, seed }: Options): Promise<ExitCode> {
  if (!existsSync(program)) throw fail('nothing-runs-there', { file: program })
  const given = { '--port': port, '--home': home, '--seed': seed }
  const flags = [
    ...(once ? ['--once'] : []),
    ...(fresh ? ['--fresh'] : []),
    ...(context.json ? ['--json'] : []),
    ...Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)])),
  ]
  const child = spawn(process.execPath, [program, ...flags], { stdio: 'inherit' })
  // In a terminal Ctrl-C reaches the demo by itself; it stops what it started and ends, and then so do we.
  process.once('SIGTERM', () => child.kill('SIGTERM'))
  process.once('SIGHUP', () => child.kill('SIGTERM'))
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (exit, signal) => resolve(exit ?? (signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.failed)))
  })
  if (context.signal.aborted) return exitCodes.interrupted
  return code === 0 ? exitCodes.ok : exitCodes.failed
}
