/** Reads a whole access log into the intake: batch by batch, each counted once, however often the file is sent. */
import { createHash, type Hash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type Clock, Problem, sayCount, sentenceOf } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import type { CallImportWire } from '@belay/protocol'
import { logPrefix } from '../intake/claims.ts'
import type { Intake } from '../intake/types.ts'
import type { CallRow } from '../row.ts'
import type { LogEnd } from './ends.ts'
import { haproxyReader } from './haproxy.ts'
import { batchLines, becauseMaxCharacters, busyWaitMaxMs, examplesMax, linesMax } from './limits.ts'
import { linesOf } from './lines.ts'
import { nginxReader } from './nginx.ts'
import { logProblem } from './problems.ts'
import { type LogPlace, rowsOf } from './rows.ts'
import type { LineReader, RawLine } from './types.ts'

export const readers = { nginx: nginxReader, haproxy: haproxyReader } as const satisfies Record<string, () => LineReader>

export type ImportOptions = LogPlace & {
  readonly format: keyof typeof readers
  readonly rules: CallRules
  readonly clock: Clock
  readonly ends: Ends
  readonly signal?: AbortSignal
}
/** Where imports of a log ended, by the hash of its first line and place; kept for the next one. */
export type Ends = {
  known(log: string): Promise<readonly LogEnd[]>
  /** On the disk when it resolves. */
  note(log: string, end: LogEnd): Promise<void>
}

/**
 * Calls are counted when this resolves, those of former imports of the same content once. The claim of each batch is a
 * hash of all content up to its end, of the environment and of the service: so the same lines at another place of
 * another file are other calls, and the same file under another name is the same.
 * @throws Problem `calls-log-unreadable`, `calls-log-too-long`, `calls-log-busy`; whatever was counted until then stays.
 */
export async function importLog(upload: Readable, options: ImportOptions, intake: Pick<Intake, 'take'>): Promise<CallImportWire> {
  const { format, rules, clock, environment, service } = options
  const read = readers[format]()
  const rowOf = rowsOf(rules, options)
  const seed = JSON.stringify([environment, service])
  const counts = { lines: 0, calls: 0, known: 0, refused: 0, batches: 0, fresh: 0 }
  const isEmpty = (): boolean => rowsLines === 0
  const examples: CallImportWire['examples'] = []
  let log = ''
  let ends: ReadonlyMap<number, ReadonlySet<string>> = new Map()
  let rows: CallRow[] = []
  let rowsLines = 0
  let content = hashFrom(seed)

  function refuse(because: string): void {
    counts.refused++
    if (examples.length < examplesMax) examples.push({ line: counts.lines, because: because.slice(0, becauseMaxCharacters) })
  }

  function take(line: RawLine): void {
    counts.lines++
    rowsLines++
    content.update(line.bytes).update('\n')
    if (line.tooLong) return refuse('is longer than 64 KiB')
    if (line.text.trim() === '' || line.text.startsWith('#')) return
    const it = read(line.text)
    const row = typeof it === 'string' ? it : rowOf(it, clock.now())
    if (typeof row === 'string') refuse(row)
    else rows.push(row)
  }

  /**
   * Ends the batch here: what follows has a claim of its own. A place that does not follow from the count of lines is
   * noted before its calls are taken, so that the next import makes the same batches whatever happens in between.
   */
  async function flush(place: 'usual' | 'noted'): Promise<void> {
    const hash = content.digest('hex')
    if (place === 'noted') await options.ends.note(log, { lines: counts.lines, hash })
    content = hashFrom(hash)
    const batch = rows
    rows = []
    rowsLines = 0
    if (batch.length === 0) return
    const { counted } = await patiently(() => intake.take({ claim: { source: `${logPrefix}${hash.slice(0, 40)}`, batch: 1 }, rows: batch }))
    counts.batches++
    if (counted) counts.fresh++
    counts[counted ? 'calls' : 'known'] += batch.length
  }

  async function patiently<T>(work: () => Promise<T>): Promise<T> {
    const from = clock.now()
    for (;;) {
      try {
        return await work()
      } catch (error) {
        const busy = error instanceof Problem && (error.status === 429 || error.status === 503)
        if (!busy) throw error
        if (clock.now() - from > busyWaitMaxMs) throw logProblem('calls-log-busy', { because: error.message, calls: counts.calls }, error)
        await clock.sleep(Number(error.facts.afterS ?? 1) * 1_000, options.signal ?? never)
      }
    }
  }

  const lines = linesOf(upload)
  try {
    for (;;) {
      const line = await nextLine(lines, () => counts.lines)
      if (line === undefined) break
      if (counts.lines >= linesMax) throw logProblem('calls-log-too-long', { max: linesMax })
      if (log === '') {
        log = hashFrom(seed).update(line.bytes).digest('hex')
        ends = byLines(await options.ends.known(log))
      }
      // What has no line break yet may still be written to: it is a batch of its own.
      if (!line.terminated && !isEmpty()) await flush('noted')
      take(line)
      if (rowsLines >= batchLines) await flush('usual')
      else if (ends.get(counts.lines)?.has(content.copy().digest('hex'))) await flush('usual')
    }
  } finally {
    // Also when it ends badly: what was read is whole lines, and as good as the beginning of any log.
    await lines.return(undefined)
    if (!isEmpty()) await flush('noted')
  }
  return answerOf(counts, examples)
}

async function nextLine(lines: AsyncGenerator<RawLine>, count: () => number): Promise<RawLine | undefined> {
  try {
    const { done, value } = await lines.next()
    return done ? undefined : value
  } catch (error) {
    if (error instanceof Problem) throw error
    throw logProblem('calls-log-unreadable', { because: sentenceOf(error).replace(/\.$/, ''), lines: count() }, error)
  }
}

const never = new AbortController().signal
const hashFrom = (before: string): Hash => createHash('sha256').update(before)

function byLines(ends: readonly LogEnd[]): ReadonlyMap<number, ReadonlySet<string>> {
  const map = new Map<number, Set<string>>()
  for (const { lines, hash } of ends) map.set(lines, (map.get(lines) ?? new Set()).add(hash))
  return map
}

type Counts = {
  readonly lines: number
  readonly calls: number
  readonly known: number
  readonly refused: number
  readonly batches: number
  readonly fresh: number
}

function answerOf(counts: Counts, examples: CallImportWire['examples']): CallImportWire {
  const { lines, calls, known, refused, batches, fresh } = counts
  const again = batches > 0 && fresh === 0
  const rest = refused === 0 ? '' : ` ${sayCount(refused, 'line')} could not be read.`
  const says =
    lines === 0
      ? 'The log is empty.'
      : again
        ? `This log was imported before; none of its ${sayCount(known, 'call')} was counted twice.${rest}`
        : `${sayCount(calls, 'call')} of ${sayCount(lines, 'line')} ${calls === 1 ? 'is' : 'are'} counted, with real time alone${
            known === 0 ? '' : `; ${sayCount(known, 'call')} had been imported before`
          }.${rest}`
  return { lines, calls, refused, examples, again, says }
}
