/** What a service says when it starts the recorder, in code or in its environment. */
import { hostname, tmpdir, userInfo } from 'node:os'
import { basename, join } from 'node:path'
import { ownerOf } from '../files.ts'
import type { Log } from '../log.ts'
import { type CpuMode, cpuModes } from './cpu/meter.ts'

export type RecorderOptions = {
  /** Where the Belay server is. By default `BELAY_URL`, else `BELAY_FLAGS_URL`. */
  readonly url?: string
  /** A server key (`bsk_…`); it fixes the environment. By default `BELAY_KEY`, else `BELAY_FLAGS_KEY`. */
  readonly key?: string
  /** By default `BELAY_SERVICE`, else the name of the file that was started. */
  readonly service?: string
  /** By default `BELAY_RELEASE`. */
  readonly release?: string
  /** By default `BELAY_LANE`, else `stable`. */
  readonly lane?: string
  /** By default `BELAY_HOST`, else the name of the machine. */
  readonly host?: string
  /** `exact`, `sampled` (calls of one second in ten) or `off`. By default `BELAY_CPU`, else exact until that costs too much. */
  readonly cpu?: CpuMode
  /** A folder that keeps calls until the server has acknowledged them. By default one in `BELAY_DATA`, else in the folder for temporary files. */
  readonly spoolFolder?: string
  /** By default the console. */
  readonly log?: Log
}

export type RecorderSettings = {
  readonly server: { readonly url: string; readonly key: string }
  readonly service: string
  readonly release: string
  readonly lane: string
  readonly host: string
  /** Undefined: it finds out what is affordable. */
  readonly cpu: CpuMode | undefined
  readonly spool: { readonly folder: string; readonly owner: string; readonly kind: string }
}

export const recorderOptionNames = ['url', 'key', 'service', 'release', 'lane', 'host', 'cpu', 'spoolFolder', 'log'] as const

/** Names of services, releases, hosts stand in tables beside figures. */
const nameMax = 200

/** @returns a sentence when calls cannot be recorded. */
export function readRecorderOptions(options: RecorderOptions, env: NodeJS.ProcessEnv): RecorderSettings | string {
  const unknown = Object.keys(options).find((name) => !(recorderOptionNames as readonly string[]).includes(name))
  if (unknown !== undefined) return `there is no option ${unknown}; there are ${recorderOptionNames.join(', ')}`
  const url = said(options.url, env.BELAY_URL, env.BELAY_FLAGS_URL)
  if (url === undefined) return 'where is the server? Set BELAY_URL, or give the option url'
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
    return `the address of the server is one such as https://belay.example.test; got ${url.slice(0, 100)}`
  const key = said(options.key, env.BELAY_KEY, env.BELAY_FLAGS_KEY)
  if (key === undefined) return 'which environment? Set BELAY_KEY to a server key (bsk_…), or give the option key'
  // A secret is never shown, not even a wrong one.
  if (!/^[\x21-\x7e]+$/.test(key)) return 'the key is a server key (bsk_…): letters, digits and signs without blanks'
  const cpu = said(options.cpu, env.BELAY_CPU)
  if (cpu !== undefined && !(cpuModes as readonly string[]).includes(cpu))
    return `CPU time is measured ${cpuModes.join(', ')}; got ${cpu.slice(0, 100)}`
  const server = { url: parsed.href.replace(/\/+$/, ''), key }
  return {
    server,
    service: (said(options.service, env.BELAY_SERVICE) ?? scriptName()).slice(0, nameMax),
    release: (said(options.release, env.BELAY_RELEASE) ?? '').slice(0, nameMax),
    lane: (said(options.lane, env.BELAY_LANE) ?? 'stable').slice(0, nameMax),
    host: (said(options.host, env.BELAY_HOST) ?? hostname()).slice(0, nameMax),
    cpu: cpu as CpuMode | undefined,
    spool: {
      folder: options.spoolFolder ?? (env.BELAY_DATA ? join(env.BELAY_DATA, 'calls') : join(tmpdir(), `belay-calls-${userName()}`)),
      owner: ownerOf(server),
      kind: 'calls',
    },
  }
}

function said(...values: (string | undefined)[]): string | undefined {
  return values.find((value) => typeof value === 'string' && value !== '')
}

function scriptName(): string {
  return basename(process.argv[1] ?? 'node').replace(/\.[cm]?[jt]s$/, '')
}

/** The folder for temporary files is everybody's; what one user's services left is for that user's services. */
function userName(): string {
  try {
    return String(process.getuid?.() ?? userInfo().username)
  } catch {
    return 'user'
  }
}
