/**
 * One folder for everything that a run of the tests starts and all its workers share. The test runner's global
 * set-up opens it and names it in the environment; a program without that set-up (a bench) gets one for itself.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const variable = 'BELAY_TEST_RUN'

/** The folder of the present run. It is removed when the process that opened it has ended, however it ended. */
export function runFolder(): string {
  const named = process.env[variable]
  if (named !== undefined) return named
  const folder = mkdtempSync(join(tmpdir(), 'belay-run-'))
  chmodSync(folder, 0o755) // The database runs as another user and must find its way through.
  process.env[variable] = folder
  keepWatch(folder)
  return folder
}

/** Ends what the run started, at once. A run that was killed gets the same from its watcher, a second later. */
export async function closeRun(): Promise<void> {
  const folder = process.env[variable]
  if (folder === undefined) return
  await new Promise<void>((resolve) => {
    spawn('sh', ['-c', endAll, 'sh', folder], { stdio: 'ignore' }).once('close', () => resolve())
  })
  await rm(folder, { recursive: true, force: true })
  delete process.env[variable]
}

/** Servers put a file `NAME.pid` into the folder. SIGQUIT: PostgreSQL's immediate end; nothing in it is worth saving. */
const endAll =
  'for f in "$1"/*.pid; do [ -e "$f" ] || continue; p=$(head -n 1 "$f"); kill -QUIT "$p" 2>/dev/null; ' +
  'n=0; while kill -0 "$p" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done; done'

/** A shell of its own process group: it outlives `kill -9` and Ctrl-C of the run, and so can tidy after them. */
function keepWatch(folder: string): void {
  const script = `while kill -0 "$2" 2>/dev/null && [ -d "$1" ]; do sleep 1; done; [ -d "$1" ] && { ${endAll}; rm -rf "$1"; }`
  spawn('sh', ['-c', script, 'belay-test-watch', folder, String(process.pid)], { detached: true, stdio: 'ignore', cwd: '/' }).unref()
}
