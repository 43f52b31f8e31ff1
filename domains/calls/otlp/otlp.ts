/**
 * What OpenTelemetry sends becomes calls: each body is decoded, written to the journal, applied, its rows are taken by the
 * intake, and only then it is answered. See journal.ts for the order and what a crash leaves of it.
 */
import { join } from 'node:path'
import { promisify } from 'node:util'
import { constants, gunzipSync, zstdCompress, zstdDecompressSync } from 'node:zlib'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Clock, Problem, sayCount } from '@belay/base'
import { sha256, writeWhole } from '@belay/base/node'
import { type CallRules, methodsMax } from '@belay/call-record'
import { type Columns } from '@belay/columns'
import type { Intake } from '../intake/types.ts'
import { type CallRow, marks } from '../row.ts'
import type { Encoding, Partial } from './answers.ts'
import type { Body } from './body.ts'
import { createCpuBook } from './cpu.ts'
import { createDescribeCalls } from './describe.ts'
import { type JournalBody, openJournal, replay } from './journal.ts'
import { readCpuJson, readEvaluationsJson, readSpansJson } from './json.ts'
import { limits } from './limits.ts'
import { otlpProblem } from './problems.ts'
import { readCpu, readEvaluations, readSpans } from './protobuf.ts'
import { type Decoded, type Evaluation, type Span } from './shape.ts'
import { type Made, type Counts, Tracker } from './tracker.ts'

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
  /** Resolves when all that the body says is on the disk. Undefined: everything was taken. @throws Malformed, Problem */
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
/** Rows of bodies that the intake refused; senders that come meanwhile are refused before anything is made of what they sent. */
const unsettledRowsMax = 200_000
/** Smaller bodies are not worth the way through the compressor. */
const packFromBytes = 4_096

type Apply = (at: number) => readonly CallRow[]
/** A body that was applied and whose rows are not taken: the same body, sent again, has these and no others. */
type Unsettled = { readonly rows: readonly CallRow[]; taking: Promise<void> | undefined }

export async function openOtlp(options: OtlpOptions): Promise<Otlp> {
  const { intake, columns, clock, log } = options
  const folder = join(options.folder, 'otlp')
  const describe = createDescribeCalls(options.rules)
  const tracker = new Tracker(describe, await seedOf(folder), clock.now())
  const cpu = createCpuBook()
  const unsettled = new Map<string, Unsettled>()
  const working = new Map<string, Promise<readonly CallRow[]>>()
  let unsettledRows = 0

  const withoutRows: string[] = []
  for await (const it of replay(folder)) {
    if (it.kind === 'saved') {
      tracker.restore(it.saved)
      continue
    }
    const rows = applied(it.body, unpacked(it.body))
    if (it.isSettled) continue
    if (rows.length > 0) unsettle(it.body.hash, rows)
    else withoutRows.push(it.body.hash)
  }
  const journal = await openJournal(folder, clock.now, () => tracker.saved())
  for (const hash of withoutRows) journal.settled(hash)
  await retry()

  function applied(body: Pick<JournalBody, 'environment' | 'signal' | 'encoding' | 'at'>, bytes: Buffer): CallRow[] {
    if (body.signal === 'logs') {
      tracker.evaluations(body.environment, decodedLogs(body.encoding, bytes).items, body.at)
      return []
    }
    return apply(body.environment, accepted(body.environment, decodedSpans(body.encoding, bytes), body.at).items, body.at)
  }

  function apply(environment: string, spans: readonly Span[], at: number): CallRow[] {
    return tracker.spans(environment, spans, at).map(({ row, span }: Made) => {
      if (span !== undefined) cpu.call(environment, row.method, span)
      return row
    })
  }

  /** Without those of services that have no room, and of other times. */
  function accepted(environment: string, { items, rejected, because }: Decoded<Span>, now: number): Decoded<Span> {
    const reasons = [...because]
    let refused = rejected
    const refuse = (reason: string) => {
      refused++
      if (!reasons.includes(reason)) reasons.push(reason)
      return false
    }
    const taken = items.filter((span) => {
      if (span.startUs / 1_000 < now - limits.pastMs) return refuse('spans that began more than 7 days ago are not taken')
      if (describe.admits(environment, span.resource, now)) return true
      return refuse(`an environment has at most ${limits.servicesMax} services a day`)
    })
    return { items: taken, rejected: refused, because: reasons }
  }

  /** Written, applied, taken: once for each body, however often it comes, and however many of them at once. */
  function take(
    environment: string,
    signal: JournalBody['signal'],
    encoding: Encoding,
    body: Body,
    apply: Apply,
  ): Promise<readonly CallRow[]> {
    const hash = createHash('sha256').update(`${environment}\n`).update(body.bytes).digest('hex').slice(0, 40)
    const known = working.get(hash)
    if (known !== undefined) return known
    const again = unsettled.get(hash)
    const work =
      again === undefined ? takeNew({ hash, environment, signal, encoding }, body, apply) : settle(hash, again).then(() => again.rows)
    working.set(hash, work)
    return work.finally(() => working.delete(hash))
  }

  async function takeNew(
    about: Pick<JournalBody, 'hash' | 'environment' | 'signal' | 'encoding'>,
    body: Body,
    apply: Apply,
  ): Promise<readonly CallRow[]> {
    if (unsettledRows > unsettledRowsMax) throw busy('Calls that came before wait for room')
    if (journal.bytes > limits.journalBytesMax) throw busy('More was sent in the last minutes than is kept for a crash')
    const packed = await packedOf(body)
    const at = clock.now()
    const { hash } = about
    const written = journal.append({ ...about, at, ...packed }, () => {
      const rows = apply(at)
      return rows.length === 0 ? undefined : unsettle(hash, rows)
    })
    const it = await written.catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException
      throw code === undefined ? error : otlpProblem('otlp-disk', { because: code, afterS: 10 }, error)
    })
    if (it === undefined) {
      journal.settled(hash)
      return []
    }
    await settle(hash, it)
    return it.rows
  }

  function unsettle(hash: string, rows: readonly CallRow[]): Unsettled {
    const it: Unsettled = { rows, taking: undefined }
    unsettled.set(hash, it)
    unsettledRows += rows.length
    return it
  }

  function settle(hash: string, it: Unsettled): Promise<void> {
    it.taking ??= intake
      .take({ claim: { source: `otlp.${hash}`, batch: 1 }, rows: it.rows })
      .then(() => {
        if (unsettled.delete(hash)) unsettledRows -= it.rows.length
        journal.settled(hash)
      })
      .finally(() => {
        it.taking = undefined
      })
    return it.taking
  }

  /** What the intake refused is on the disk and applied: it is counted also when its sender has given up. */
  async function retry(): Promise<void> {
    for (const [hash, it] of unsettled) {
      try {
        await settle(hash, it)
      } catch (error) {
        if (!(error instanceof Problem)) log('Calls from OpenTelemetry could not be taken; it is tried again.', error)
        return
      }
    }
  }

  async function estimateCpu(): Promise<void> {
    const now = clock.now()
    const estimates = cpu.estimates(now)
    if (estimates.length === 0) return
    const rows = estimates.map(({ service, environment, method, cpuUs, windows }) => ({
      ts: Math.floor(now / 1_000),
      service,
      environment,
      method,
      cpu_us: cpuUs,
      windows,
    }))
    await columns.insertRows({ table: 'call_cpu_estimates', rows, token: `cpu.${sha256(JSON.stringify(rows))}` })
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
      const rows =
        decoded.items.length === 0 ? [] : await take(environment, 'traces', encoding, body, (at) => apply(environment, decoded.items, at))
      return partialOf(decoded, rows)
    },
    async logs(environment, encoding, body) {
      const decoded = decodedLogs(encoding, body.bytes)
      if (decoded.items.length > 0)
        await take(environment, 'logs', encoding, body, (at) => {
          tracker.evaluations(environment, decoded.items, at)
          return []
        })
      return partialOf(decoded, [])
    },
    async metrics(environment, encoding, body) {
      const decoded = encoding === 'json' ? readCpuJson(body.bytes) : readCpu(body.bytes)
      cpu.points(environment, decoded.items, clock.now())
      return partialOf(decoded, [])
    },
    estimateCpu,
    async run(signal) {
      await Promise.all([every(estimateEveryMs, signal, estimateCpu), every(retryEveryMs, signal, retry)])
    },
    state: () => ({
      ...tracker.counts,
      pending: tracker.pending.size,
      pendingBytes: tracker.pending.bytes,
      journalBytes: journal.bytes,
      unsettled: unsettled.size,
    }),
    async close() {
      await Promise.allSettled([...working.values(), ...[...unsettled.values()].map((it) => it.taking)])
      await journal.close()
    },
  }
}

const busy = (because: string) => otlpProblem('otlp-busy', { because, afterS: limits.busyAfterS })

const decodedSpans = (encoding: Encoding, bytes: Buffer): Decoded<Span> => (encoding === 'json' ? readSpansJson(bytes) : readSpans(bytes))
const decodedLogs = (encoding: Encoding, bytes: Buffer): Decoded<Evaluation> =>
  encoding === 'json' ? readEvaluationsJson(bytes) : readEvaluations(bytes)

/** With 0 rejected, what it says is a warning. */
function partialOf({ rejected, because }: Decoded<unknown>, rows: readonly CallRow[]): Partial | undefined {
  const overflowed = rows.reduce((sum, it) => sum + ((it.marks & marks.overflow) === 0 ? 0 : 1), 0)
  const said = [
    ...because,
    ...(overflowed > 0
      ? [`${sayCount(overflowed, 'call')} had methods beyond the ${methodsMax} of a service and are counted together; name them by rules`]
      : []),
  ]
  return said.length === 0 ? undefined : { rejected, because: said.join('; ').slice(0, 2_000) }
}

const compressed = promisify<Buffer, { params: Record<number, number> }, Buffer>(zstdCompress)
/** The quickest level: a batch of spans shrinks to an eighth in a fraction of the time that reading it takes. */
const quickest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

async function packedOf({ bytes, gzip }: Body): Promise<Pick<JournalBody, 'packing' | 'bytes'>> {
  if (gzip !== undefined) return { packing: 'gzip', bytes: gzip }
  if (bytes.length < packFromBytes) return { packing: 'plain', bytes }
  return { packing: 'zstd', bytes: await compressed(bytes, quickest) }
}
function unpacked({ packing, bytes }: JournalBody): Buffer {
  if (packing === 'plain') return bytes
  const room = { maxOutputLength: limits.bodyBytesMax }
  return packing === 'gzip' ? gunzipSync(bytes, room) : zstdDecompressSync(bytes, room)
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
