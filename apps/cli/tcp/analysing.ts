/** Analyses files while a person sees how far it is; whatever is wrong with a file is a sentence. */
import { CaptureError, type AnalyserOptions, type CaptureSummary, type SessionRecord, type Turn } from '@belay/tcp'
import { analyseFile, analyseFiles } from '@belay/tcp/node'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Problem, sayBytes, sayCount } from '@belay/base'
import type { Context } from '../context.ts'
import { reasonOf } from '../input.ts'
import { fail } from '../problems.ts'

type Analysed = {
  readonly captures: readonly CaptureSummary[]
  /** Of files that could not be read; what came before is counted. */
  readonly failures: readonly Problem[]
}

type Taking = {
  readonly workers: number
  /** A promise holds the analysis back until it is fulfilled. */
  readonly onSession: (record: SessionRecord) => void | Promise<void>
  readonly onTurn?: (turn: Turn, session: number) => void
}

/** Less is read before a thread has begun. */
const threadsWorthBytes = 32 * 1_024 * 1_024

/**
 * Every session of all files, as they come out. A file that is no capture does not keep the others from being read.
 * @throws Problem `usage` when stdin is a keyboard
 */
export async function analyse(context: Context, given: readonly string[], taking: Taking): Promise<Analysed> {
  const files = [...new Set(given)]
  refuseTyping(files)
  const sizes = await Promise.all(files.map(sizeOf))
  using progress = openProgress(context, files, sizes)
  const outcomes = new Map<string, CaptureSummary | Problem>()
  /** What was promised and is not kept yet. */
  const promised: Promise<void>[] = []
  const taken = (file: string, record: SessionRecord): void | Promise<void> => {
    progress.session()
    return taking.onSession({ ...record, capture: nameOf(file, files) })
  }
  const ended = (file: string, outcome: CaptureSummary | Error): void => {
    const name = nameOf(file, files)
    outcomes.set(file, outcome instanceof Error ? whyNot(file, name, outcome) : { ...outcome, name })
  }
  const { onTurn } = taking
  const total = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  const byThreads = files.filter((file) => file !== '-' && taking.workers > 1 && total >= threadsWorthBytes)
  if (byThreads.length > 0) {
    const found = await analyseFiles(byThreads, {
      workers: taking.workers,
      signal: context.signal,
      onSession: (record) => taken(record.capture, record),
      onRead: (bytes) => progress.bytes(bytes),
      ...(onTurn === undefined ? {} : { onTurn }),
    })
    for (const it of found) ended(it.path, 'error' in it ? it.error : it.summary)
  }
  for (const file of files.filter((it) => !byThreads.includes(it))) {
    const onSession = (record: SessionRecord): void => {
      const promise = taken(file, record)
      if (promise !== undefined) promised.push(promise)
    }
    try {
      const hold = async (): Promise<void> => void (await Promise.all(promised.splice(0)))
      const summary = await analyseOne(
        file,
        { onSession, ...(onTurn === undefined ? {} : { onTurn }) },
        context.signal,
        hold,
        progress.bytes,
      )
      await hold()
      ended(file, summary)
    } catch (error) {
      context.signal.throwIfAborted()
      ended(file, error instanceof Error ? error : new Error(String(error)))
    }
  }
  const all = files.map((file) => outcomes.get(file)).filter((it) => it !== undefined)
  return {
    captures: all.filter((it): it is CaptureSummary => !(it instanceof Problem)),
    failures: all.filter((it): it is Problem => it instanceof Problem),
  }
}

/** Pieces of a file: about 10 ms of work, after which what came out is carried away. */
const pieceBytes = 1_024 * 1_024

/** One file in this thread. @param hold awaited between two pieces @param onRead told how many bytes of the file were read more @throws what Node and the reader say */
export function analyseOne(
  file: string,
  options: Omit<AnalyserOptions, 'name'>,
  signal: AbortSignal,
  hold: () => Promise<void> = async () => {},
  onRead: (bytes: number) => void = () => {},
): Promise<CaptureSummary> {
  const source = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: pieceBytes })
  return analyseFile(heldBack(source, hold, onRead), { ...options, name: file, signal })
}

async function* heldBack(
  source: AsyncIterable<Uint8Array>,
  hold: () => Promise<void>,
  onRead: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of source) {
    yield piece
    onRead(piece.length)
    await hold()
  }
}

function refuseTyping(files: readonly string[]): void {
  if (files.includes('-') && process.stdin.isTTY === true)
    throw fail('usage', { sentence: 'Nothing is piped in; - reads a capture from stdin: tcpdump -w - tcp | belay tcp -' })
}

/** Files of one name in several folders are told apart by their paths. */
const nameOf = (file: string, files: readonly string[]): string =>
  file === '-' ? 'stdin' : files.filter((other) => basename(other) === basename(file)).length > 1 ? file : basename(file)

/** Undefined: it has none that says how much there is to read; what cannot be opened is said by whoever reads it. */
async function sizeOf(file: string): Promise<number | undefined> {
  if (file === '-') return undefined
  const it = await stat(file).catch(() => undefined)
  return it?.isFile() ? it.size : undefined
}

/** The sentence for whatever a reader throws. */
function whyNot(file: string, name: string, error: Error): Problem {
  if (error instanceof Problem) return error
  if (error instanceof CaptureError) return fail('no-capture', { file: name, because: error.sentence }, error)
  return fail('file-unreadable', { file, because: reasonOf(error) }, error)
}

type Progress = {
  /** So many more were read. */
  bytes(count: number): void
  /** One more came out. */
  session(): void
  [Symbol.dispose](): void
}

/** Often enough to be seen moving. */
const drawEveryMs = 200
/** What is done sooner needs no line about it. */
const silentMs = 500

/** A line on stderr that says how far it is; only for eyes. */
function openProgress({ json }: Context, files: readonly string[], sizes: readonly (number | undefined)[]): Progress {
  const { stderr } = process
  if (stderr.isTTY !== true || json) return { bytes: () => {}, session: () => {}, [Symbol.dispose]: () => {} }
  const beganMs = Date.now()
  let sessions = 0
  let read = 0
  let isDrawn = false
  // Of what is packed nobody knows how much there will be.
  const isKnown = sizes.every((size) => size !== undefined) && !files.some((file) => /\.(gz|zst)$/.test(file))
  const most = isKnown ? sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) : Number.POSITIVE_INFINITY
  const whole = isKnown ? ` of ${sayBytes(most)}` : ''
  const where = files.length === 1 ? basename(files[0] ?? '') : sayCount(files.length, 'capture')
  const timer = setInterval(() => {
    if (Date.now() - beganMs < silentMs) return
    isDrawn = true
    stderr.write(`\r\u001b[KReading ${where}: ${sayBytes(Math.min(read, most))}${whole}, ${sayCount(sessions, 'session')} so far`)
  }, drawEveryMs)
  timer.unref()
  return {
    bytes: (count) => void (read += count),
    session: () => void sessions++,
    [Symbol.dispose]: () => {
      clearInterval(timer)
      if (isDrawn) stderr.write('\r\u001b[K')
    },
  }
}
