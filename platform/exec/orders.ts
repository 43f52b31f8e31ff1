/**
 * What an agent can be told. One request is one line of JSON over a Unix socket, `{ id, order }`; answers come back
 * as lines `{ id, event }` (any number), then `{ id, done }` or `{ id, failed: { code, status, message, facts } }`.
 * A line that is no order is answered too (`failed`, code `bad-order`, `id` null when it has none).
 *
 * An order that changes something names a `root` (the folder that is one host), a `fence` (the number of the lease
 * under which it is given: the root remembers the highest it saw and refuses lower ones) and a `key` (the order's
 * own name: given twice, it is carried out once, and the second asker gets the recorded result). Before it acts the
 * agent writes the intent to the root's journal, afterwards what came of it, so after a crash it can say which.
 * An order that failed changed nothing and is carried out again when it is given again.
 *
 * In a root `journal.ndjson`, `fence`, `jobs`, `services` and `.tmp` are the agent's own; orders may not name them.
 */
import { z } from 'zod'

const root = z.string().startsWith('/')
/** Inside the root; the agent refuses what leads out of it. */
const inside = z.string().min(1)
const fenced = { root, fence: z.number().int().nonnegative(), key: z.string().min(1).max(200) }
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const env = z.record(z.string(), z.string())

export const serviceSpec = z.object({
  /** Run with `sh -c`, replacing the shell (`exec`) where the shell allows. */
  shell: z.string(),
  cwd: inside,
  env,
  /** The log is kept to about twice this many bytes: one file being written and one before it. */
  logBytesMax: z
    .number()
    .int()
    .positive()
    .default(4 * 1024 * 1024),
  /** SIGTERM, then so long, then SIGKILL; to the whole process group. */
  stopMs: z.number().int().nonnegative().default(10_000),
  /** Must be free before the start; who holds it is named in the refusal. */
  port: z.number().int().optional(),
  /** Shown beside its state; the agent gives it no meaning. */
  label: z.string().default(''),
})
export type ServiceSpec = z.input<typeof serviceSpec>
export type ParsedServiceSpec = z.output<typeof serviceSpec>

export const probeSpec = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('http'), url: z.string(), contains: z.string().optional(), timeoutMs: z.number().int().positive() }),
  z.object({ kind: z.literal('tcp'), address: z.string(), port: z.number().int(), timeoutMs: z.number().int().positive() }),
])
export type ProbeSpec = z.infer<typeof probeSpec>

export const orders = {
  hello: z.object({ order: z.literal('hello') }),
  /** Ends the agent. Services and jobs go on; the next agent takes them up again. */
  retire: z.object({ order: z.literal('retire') }),
  facts: z.object({ order: z.literal('facts'), root }),
  journal: z.object({ order: z.literal('journal'), root, prefix: z.string().default('') }),
  services: z.object({ order: z.literal('services'), root }),
  probe: z.object({ order: z.literal('probe'), probe: probeSpec }),
  logs: z.object({ order: z.literal('logs'), root, service: z.string(), lines: z.number().int().nonnegative(), follow: z.boolean() }),

  /** Copies a file into the root, verifying its SHA-256; a wrong one leaves nothing behind. */
  put: z.object({ order: z.literal('put'), ...fenced, from: z.string(), to: inside, sha256: hash }),
  /** Unpacks a .tgz into a new folder: all of it or nothing. An existing folder of the same key is kept. */
  unpack: z.object({ order: z.literal('unpack'), ...fenced, archive: inside, to: inside, sha256: hash }),
  write: z.object({ order: z.literal('write'), ...fenced, to: inside, content: z.string(), mode: z.number().int() }),
  /** Points a symbolic link at a path of the root, atomically. */
  link: z.object({ order: z.literal('link'), ...fenced, link: inside, target: inside }),
  remove: z.object({ order: z.literal('remove'), ...fenced, path: inside }),
  /** Runs a command to its end; events `{ offset, text }`. Given again it re-attaches and replays from `fromOffset`. */
  job: z.object({
    order: z.literal('job'),
    ...fenced,
    shell: z.string(),
    cwd: inside,
    env,
    timeLimitMs: z.number().int().positive(),
    outputBytesMax: z
      .number()
      .int()
      .positive()
      .default(1024 * 1024),
    fromOffset: z.number().int().nonnegative().default(0),
  }),
  cancel: z.object({ order: z.literal('cancel'), ...fenced, job: z.string() }),
  /** Makes the service run with exactly this spec: started, or stopped and started anew when the spec differs or `anew`. */
  ensure: z.object({ order: z.literal('ensure'), ...fenced, service: z.string(), spec: serviceSpec, anew: z.boolean().default(false) }),
  halt: z.object({ order: z.literal('halt'), ...fenced, service: z.string() }),
  /** Stops everything of the root and deletes it. */
  erase: z.object({ order: z.literal('erase'), ...fenced }),
} as const

export type OrderName = keyof typeof orders
export type Order<N extends OrderName> = Omit<z.input<(typeof orders)[N]>, 'order'>
/** An order as the agent has it, defaults filled in. */
export type ParsedOrder<N extends OrderName> = z.output<(typeof orders)[N]>

export type JournalEntry = {
  readonly key: string
  readonly order: string
  readonly intentAt: number
  readonly fence: number
  /** Absent while it is under way, or when its end was never learnt. */
  readonly doneAt?: number
  readonly result?: unknown
  readonly failed?: { code: string; message: string }
}
export type JobEnd =
  | {
      readonly state: 'ended'
      readonly exitCode: number
      readonly timedOut: boolean
      readonly cancelled: boolean
      readonly outputHash: string
      readonly outputBytes: number
      readonly startedAt: number
      readonly endedAt: number
    }
  /** It was begun, and nobody knows how it ended: the agent and the command both died, or the machine restarted. */
  | { readonly state: 'lost'; readonly because: string; readonly startedAt: number }
export type ServiceStatus = {
  readonly service: string
  readonly label: string
  readonly state: 'running' | 'stopped' | 'failing'
  readonly pid: number | null
  readonly sinceAt: number | null
  readonly restarts: number
  /** For `failing`: the last exit and the last line of the log. */
  readonly because: string | null
}
export type ProbeResult = { readonly ok: boolean; readonly says: string }
export type HostFacts = {
  readonly hostname: string
  readonly platform: string
  readonly cpus: number
  readonly memoryBytes: number
  readonly diskFreeBytes: number
  readonly fence: number
}

export type Results = {
  hello: { version: string; pid: number; startedAt: number }
  retire: Record<never, never>
  facts: HostFacts
  journal: { entries: JournalEntry[] }
  services: { services: ServiceStatus[] }
  probe: ProbeResult
  logs: Record<never, never>
  put: { bytes: number }
  unpack: { files: number }
  write: Record<never, never>
  link: { before: string | null }
  remove: Record<never, never>
  job: JobEnd
  cancel: { cancelled: boolean }
  ensure: { pid: number; startedAt: number; started: boolean }
  halt: { stopped: boolean }
  erase: Record<never, never>
}
/**
 * Offsets count bytes of the output; `end` is where the next piece begins (the text's own length misleads where the
 * output was not UTF-8). A piece of a log is one or more whole lines.
 */
export type Events = { job: { offset: number; end: number; text: string }; logs: { text: string } }
/** Why an order was not carried out, as it travels. */
export type Failure = { readonly code: string; readonly status: number; readonly message: string; readonly facts: Record<string, unknown> }
