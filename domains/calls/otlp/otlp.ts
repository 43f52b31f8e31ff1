/**
 * What OpenTelemetry sends becomes calls: each body is decoded, written to the journal, applied, its rows are taken by the
 * intake, and only then it is answered. CPU readings alone are kept in memory.
 */
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sayCount } from '@belay/base'
import { sha256, writeWhole } from '@belay/base/node'
import { type CallRules, methodsMax } from '@belay/call-record'
import type { Columns } from '@belay/columns'
import type { Intake } from '../intake/types.ts'
import { type CallRow, marks } from '../row.ts'
import type { Encoding, Partial } from './answers.ts'
import type { Body } from './body.ts'
import { createCpuBook } from './cpu.ts'
import { createDescribeCalls } from './describe.ts'
import { createExemplars } from './exemplars.ts'
import { readCpuJson, readEvaluationsJson, readSpansJson } from './json.ts'
import { limits } from './limits.ts'
import { openOnce, type Taking } from './once.ts'
import { unpacked } from './packing.ts'
import { readCpu, readEvaluations, readSpans } from './protobuf.ts'
import type { Decoded, Evaluation, Span } from './shape.ts'
import { type Counts, Tracker } from './tracker.ts'

export type OtlpOptions = {
  readonly intake: Pick<Intake, 'take'>
  readonly columns: Pick<Columns, 'insertRows'>
  readonly clock: Clock
  /** Of this server, for spans whose call has not come yet. */
  readonly folder: string
  rules(environment: string): CallRules
  log(line: string, error?: unknown): void
}

export type OtlpState = Counts & {
  /** Spans that wait for their call. */
  readonly pending: number
  readonly pendingBytes: number
  readonly journalBytes: number
  /** Bodies whose rows could not be taken yet. */
  readonly unsettled: number
}

export type Otlp = {
  /**
   * Resolves when all that the body says is on the disk. Undefined: everything was taken.
   * @throws Malformed, Problem `otlp-busy`, `otlp-disk`, and what the intake throws.
   */
  traces(environment: string, encoding: Encoding, body: Body): Promise<Partial | undefined>
  logs(environment: string, encoding: Encoding, body: Body): Promise<Partial | undefined>
  metrics(environment: string, encoding: Encoding, body: Body): Promise<Partial | undefined>
  /** Estimates the CPU time of methods whose services report it only for the whole process, and keeps it. */
  estimateCpu(): Promise<void>
  /** Does what is due until aborted: estimates, and rows that the intake had no room for. */
  run(signal: AbortSignal): Promise<void>
  state(): OtlpState
  close(): Promise<void>
}

const estimateEveryMs = 60_000
const retryEveryMs = 5_000

export async function openOtlp(options: OtlpOptions): Promise<Otlp> {
  const { columns, clock, log } = options
  const folder = join(options.folder, 'otlp')
  const describe = createDescribeCalls(options.rules)
  const tracker = new Tracker(describe, await seedOf(folder), clock.now())
  const cpu = createCpuBook()
  const exemplars = createExemplars()
  const once = await openOnce({
    ...options,
    folder,
    saved: () => tracker.saved(),
    restore: (saved) => tracker.restore(saved),
    applyAgain(body) {
      const { environment, signal, encoding, at } = body
      const bytes = unpacked(body)
      return signal === 'logs'
        ? applyLogs(environment, decodedLogs(encoding, bytes).items, at)
        : applySpans(environment, accepted(environment, decodedSpans(encoding, bytes), at).items, at)
    },
  })

  function applySpans(environment: string, spans: readonly Span[], at: number): Taking {
    const made = tracker.spans(environment, spans, at)
    for (const { row, span } of made) if (span !== undefined) cpu.call(environment, row.method, span)
    return { rows: made.map(({ row }) => row), exemplars: exemplars.of(made, at) }
  }
  function applyLogs(environment: string, evaluations: readonly Evaluation[], at: number): Taking {
    tracker.evaluations(environment, evaluations, at)
    return { rows: [], exemplars: [] }
  }

  /** Without those of services that have no room, and of other times. */
  function accepted(environment: string, { items, rejected, because }: Decoded<Span>, now: number): Decoded<Span> {
    const reasons = [...because]
    let refused = rejected
    const refuse = (reason: string) => {
      refused++
      if (!reasons.includes(reason)) reasons.push(reason)
    }
    const oldestUs = (now - limits.pastMs) * 1_000
    let resource: Span['resource'] | undefined
    let isAdmitted = false
    const taken: Span[] = []
    for (const span of items) {
      if (span.resource !== resource) {
        resource = span.resource
        isAdmitted = describe.admits(environment, resource, now)
      }
      if (span.startUs < oldestUs) refuse('spans that began more than 7 days ago are not taken')
      else if (!isAdmitted) refuse(`an environment has at most ${limits.servicesMax} services a day`)
      else taken.push(span)
    }
    return { items: taken, rejected: refused, because: reasons }
  }

  async function estimateCpu(): Promise<void> {
    const now = clock.now()
    const rows = cpu.estimates(now).map(({ service, environment, method, cpuUs, windows }) => ({
      ts: Math.floor(now / 1_000),
      service,
      environment,
      method,
      cpu_us: cpuUs,
      windows,
    }))
    if (rows.length > 0) await columns.insertRows({ table: 'call_cpu_estimates', rows, token: `cpu.${sha256(JSON.stringify(rows))}` })
  }

  async function every(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(ms, signal).catch(() => {})
      if (!signal.aborted)
        await work().catch((error: unknown) => log('background work on calls from OpenTelemetry failed; it is tried again', error))
    }
  }

  return {
    async traces(environment, encoding, body) {
      const decoded = accepted(environment, decodedSpans(encoding, body.bytes), clock.now())
      if (decoded.items.length === 0) return partialOf(decoded, [])
      const about = { environment, signal: 'traces', encoding } as const
      return partialOf(decoded, await once.take(about, body, (at) => applySpans(environment, decoded.items, at)))
    },
    async logs(environment, encoding, body) {
      const decoded = decodedLogs(encoding, body.bytes)
      if (decoded.items.length > 0) {
        const about = { environment, signal: 'logs', encoding } as const
        await once.take(about, body, (at) => applyLogs(environment, decoded.items, at))
      }
      return partialOf(decoded, [])
    },
    async metrics(environment, encoding, body) {
      const decoded = encoding === 'json' ? readCpuJson(body.bytes) : readCpu(body.bytes)
      cpu.points(environment, decoded.items, clock.now())
      return partialOf(decoded, [])
    },
    estimateCpu,
    async run(signal) {
      await Promise.all([every(estimateEveryMs, signal, estimateCpu), every(retryEveryMs, signal, () => once.retry())])
    },
    state: () => ({
      ...tracker.counts,
      pending: tracker.pending.size,
      pendingBytes: tracker.pending.bytes,
      journalBytes: once.journalBytes,
      unsettled: once.unsettled,
    }),
    close: () => once.close(),
  }
}

const decodedSpans = (encoding: Encoding, bytes: Buffer): Decoded<Span> => (encoding === 'json' ? readSpansJson(bytes) : readSpans(bytes))
const decodedLogs = (encoding: Encoding, bytes: Buffer): Decoded<Evaluation> =>
  encoding === 'json' ? readEvaluationsJson(bytes) : readEvaluations(bytes)

/** With 0 rejected, what it says is a warning. */
function partialOf({ rejected, because }: Decoded<unknown>, rows: readonly CallRow[]): Partial | undefined {
  const overflowed = rows.reduce((sum, it) => sum + ((it.marks & marks.overflow) === 0 ? 0 : 1), 0)
  const warning = `${sayCount(overflowed, 'call')} had methods beyond the ${methodsMax} of a service and are counted together; name them by rules`
  const said = overflowed > 0 ? [...because, warning] : because
  return said.length === 0 ? undefined : { rejected, because: said.join('; ').slice(0, 2_000) }
}

/** Made once in this place: keys of what is saved there depend on it. */
async function seedOf(folder: string): Promise<readonly [number, number]> {
  const path = join(folder, 'seed')
  let seed = await readFile(path).catch(() => Buffer.alloc(0))
  if (seed.length !== 8) {
    seed = randomBytes(8)
    await writeWhole(path, seed)
  }
  return [seed.readUInt32LE(0), seed.readUInt32LE(4)]
}
