/** Runs a service's build command in a clean checkout. */
import { dirname } from 'node:path'
import { Problem, sayDuration } from '@belay/base'
import { streamCommand } from '@belay/exec'
import { releaseProblem } from './problems.ts'

/** The longest that a person waits for one service before they ask what hangs; a cold build of a large one takes ten. */
export const buildLimitMs = 30 * 60_000
/** A line is for reading; a minified bundle printed to the log is not. */
const lineCharactersMax = 2_000
/** A talkative build prints ten thousand; beyond that nobody reads, and every line costs each follower. */
const linesMax = 20_000

/**
 * @param onLine gets each line of output as it is printed
 * @throws Problem `build-failed` with the last lines; the signal's reason when aborted
 */
export async function runBuild(
  it: { service: string; build: string; folder: string; committedAt: number },
  onLine: (text: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  let count = 0
  try {
    await streamCommand(['sh', '-c', it.build], {
      cwd: it.folder,
      env: buildEnv(process.env, it.committedAt),
      onlyEnv: true,
      timeLimitMs: buildLimitMs,
      ...(signal ? { signal } : {}),
      onLine(line) {
        count++
        if (count <= linesMax) onLine(line.slice(0, lineCharactersMax))
        if (count === linesMax) onLine(`(more than ${linesMax.toLocaleString('en')} lines; the rest is not shown)`)
      },
    })
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const { exitCode, signal: endedBy, why, lastLines = [] } = error.facts as BuildEnd
    const because =
      error.code === 'command-timed-out'
        ? `took more than ${sayDuration(buildLimitMs)} and was ended`
        : error.code === 'command-not-found'
          ? `could not be started (${why})`
          : typeof exitCode === 'number'
            ? `ended with exit code ${exitCode}`
            : `was ended by ${endedBy}`
    const said = lastLines.map((line) => line.slice(0, lineCharactersMax))
    throw releaseProblem('build-failed', { service: it.service, build: it.build, because, lastLines: said }, error)
  }
}
type BuildEnd = { exitCode?: number | null; signal?: string | null; why?: string; lastLines?: readonly string[] }

/** Where the build finds its user's configuration, its registry and its proxy. */
const passedOn =
  /^(HOME|USER|LOGNAME|LANG|TMPDIR|TZ|SSH_AUTH_SOCK|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|NODE_USE_SYSTEM_CA|(https?|no|all)_proxy|npm_config_(registry|cache|userconfig))$/i

/**
 * Few variables, so that the same commit builds the same everywhere and the server's own secrets (DATABASE_URL) do
 * not end up in an artifact. The running Node comes first: services are built with the one that Belay pins.
 */
export function buildEnv(own: NodeJS.ProcessEnv, committedAt: number): Record<string, string> {
  // npm puts the tools of the package that it runs (Belay) on the PATH; the team's build must not find those.
  const path = (own['PATH'] ?? '/usr/local/bin:/usr/bin:/bin').split(':').filter((folder) => !folder.endsWith('node_modules/.bin'))
  return {
    ...Object.fromEntries(
      Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined && passedOn.test(entry[0])),
    ),
    PATH: [dirname(process.execPath), ...path].join(':'),
    CI: 'true',
    NO_COLOR: '1',
    // Tools that stamp a time into their output take this one, so that a second build is equal.
    SOURCE_DATE_EPOCH: String(Math.floor(committedAt / 1_000)),
  }
}
