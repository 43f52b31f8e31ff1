/** Analyses files while a person sees how far it is; whatever is wrong with a file is a sentence. */
import { CaptureError, type AnalyserOptions, type CaptureSummary, type SessionRecord, type Turn } from '@belay/tcp'
import { analyseFile, analyseFiles } from '@belay/tcp/node'
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
  readonly onSession: (record: SessionRecord) => void | Promise<void>
  readonly onTurn?: (turn: Turn, session: number) => void
  /** What `onSession` promises holds the analysis back until it is fulfilled. */
  readonly isHeld?: true
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
  using progress = openProgress(context, sizes)
  const outcomes = new Map<string, CaptureSummary | Problem>()
  const taken = (file: string) => async (record: SessionRecord) => {
    progress.session()
    await taking.onSession({ ...record, capture: nameOf(file, files) })
  }
  const ended = (file: string, outcome: CaptureSummary | Error): void => {
    const name = nameOf(file, files)
    outcomes.set(file, outcome instanceof Error ? whyNot(file, name, outcome) : { ...outcome, name })
  }
  const { onTurn } = taking
  const total = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  const byThreads = taking.isHeld || (taking.workers > 1 && total >= threadsWorthBytes)
  if (byThreads) {
    const byPath = new Map(files.map((file) => [pathOf(file), file]))
    const found = await analyseFiles([...byPath.keys()], {
      workers: taking.workers,
      signal: context.signal,
      onSession: (record) => taken(byPath.get(record.capture) ?? '')(record),
      ...(onTurn === undefined ? {} : { onTurn }),
    })
    for (const it of found) ended(byPath.get(it.path) ?? '', 'error' in it ? it.error : it.summary)
  } else {
    for (const file of files) {
      const onSession = taken(file)
      try {
        const options = { onSession: (record: SessionRecord) => void onSession(record), ...(onTurn === undefined ? {} : { onTurn }) }
        ended(file, await analyseOne(file, options, context.signal))
      } catch (error) {
        context.signal.throwIfAborted()
        ended(file, error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
  const all = files.map((file) => outcomes.get(file)).filter((it) => it !== undefined)
  return {
    captures: all.filter((it): it is CaptureSummary => !(it instanceof Problem)),
    failures: all.filter((it): it is Problem => it instanceof Problem),
  }
}

/** One file in this thread. @throws what Node and the reader say */
export const analyseOne = (file: string, options: Omit<AnalyserOptions, 'name'>, signal: AbortSignal): Promise<CaptureSummary> =>
  analyseFile(pathOf(file), { ...options, signal })

const pathOf = (file: string): string => (file === '-' ? '/dev/stdin' : file)

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
  /** One more came out. */
  session(): void
  [Symbol.dispose](): void
}

/** Often enough to be seen moving. */
const drawEveryMs = 200
/** What is done sooner needs no line about it. */
const silentMs = 500

/** A line on stderr that says that it goes on; only for eyes. */
function openProgress({ json }: Context, sizes: readonly (number | undefined)[]): Progress {
  const { stderr } = process
  if (stderr.isTTY !== true || json) return { session: () => {}, [Symbol.dispose]: () => {} }
  const beganMs = Date.now()
  let sessions = 0
  let isDrawn = false
  const bytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  const what = `${bytes === 0 ? 'Reading' : `Reading ${sayBytes(bytes)}`}${sizes.length === 1 ? '' : ` in ${sizes.length} files`}`
  const timer = setInterval(() => {
    const ms = Date.now() - beganMs
    if (ms < silentMs) return
    isDrawn = true
    stderr.write(`\r\u001b[K${what}: ${sayCount(sessions, 'session')} so far, ${(ms / 1_000).toFixed(1)} s`)
  }, drawEveryMs)
  timer.unref()
  return {
    session: () => void sessions++,
    [Symbol.dispose]: () => {
      clearInterval(timer)
      if (isDrawn) stderr.write('\r\u001b[K')
    },
  }
}
