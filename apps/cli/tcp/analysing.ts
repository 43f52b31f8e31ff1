/** Analyses files while a person sees how far it is; whatever is wrong with a file is a sentence. */
import { type Analyser, type AnalyserOptions, CaptureError, type CaptureSummary, createAnalyser, type SessionRecord } from '@belay/tcp'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { Problem, sayBytes, sayCount } from '@belay/base'
import type { Context } from '../context.ts'
import { reasonOf } from '../input.ts'
import { fail } from '../problems.ts'

export type Progress = {
  /** `bytes` read of the file at this place. */
  at(file: number, bytes: number, sessions: number): void
  [Symbol.dispose](): void
}

/** Often enough to be seen moving. */
const drawEveryMs = 150
/** What is done sooner needs no line about it. */
const silentMs = 400

/** A line on stderr that says how far it is; only for eyes. */
export function openProgress(context: Context, verb: string, files: readonly string[], sizes?: readonly (number | undefined)[]): Progress {
  const { stderr } = process
  if (stderr.isTTY !== true || context.json) return { at: () => {}, [Symbol.dispose]: () => {} }
  const beganMs = Date.now()
  let drawnMs = 0
  return {
    at(file, bytes, sessions) {
      const nowMs = Date.now()
      if (nowMs - beganMs < silentMs || nowMs - drawnMs < drawEveryMs) return
      drawnMs = nowMs
      const size = sizes?.[file]
      const which = files.length === 1 ? '' : `${file + 1} of ${files.length}, `
      stderr.write(
        `\r\u001b[K${verb} ${which}${files[file] ?? ''}: ${sayBytes(bytes)}${size === undefined ? '' : ` of ${sayBytes(size)}`}, ${sayCount(sessions, 'session')}`,
      )
    },
    [Symbol.dispose]: () => {
      if (drawnMs > 0) stderr.write('\r\u001b[K')
    },
  }
}

/** Every session of all files, as they close. @throws Problem `file-unreadable`, `no-capture` */
export async function analyse(
  context: Context,
  files: readonly string[],
  _: { readonly workers: number },
  onSession: (record: SessionRecord) => void,
): Promise<readonly CaptureSummary[]> {
  const sizes = await Promise.all(files.map(sizeOf))
  using progress = openProgress(context, 'Reading', files, sizes)
  const summaries: CaptureSummary[] = []
  for (const [nth, file] of files.entries()) {
    summaries.push(
      await eachChunk(file, { name: nameOf(file, files), onSession }, context.signal, async (bytes, { sessions }) =>
        progress.at(nth, bytes, sessions),
      ),
    )
  }
  return summaries
}

/** Files of one name in several folders are told apart by their paths. */
export const nameOf = (file: string, files: readonly string[]): string =>
  file === '-' ? 'stdin' : files.filter((other) => basename(other) === basename(file)).length > 1 ? file : basename(file)

async function sizeOf(file: string): Promise<number | undefined> {
  if (file === '-') return undefined
  try {
    const it = await stat(file)
    if (it.isDirectory()) throw fail('file-unreadable', { file, because: reasonOf({ code: 'EISDIR' }) })
    return it.isFile() ? it.size : undefined
  } catch (error) {
    if (error instanceof Problem) throw error
    throw fail('file-unreadable', { file, because: reasonOf(error) }, error)
  }
}

/** One file, and after each piece of it a pause in which what came out can be carried away. */
export async function eachChunk(
  file: string,
  options: AnalyserOptions & { readonly name: string },
  signal: AbortSignal,
  after: (bytes: number, sofar: CaptureSummary) => Promise<void>,
): Promise<CaptureSummary> {
  await sizeOf(file)
  let sessions = 0
  const analyser: Analyser = createAnalyser({
    ...options,
    onSession: (record) => {
      sessions++
      options.onSession(record)
    },
  })
  const blank = { format: '', packets: 0, tcpPackets: 0, firstMs: null, lastMs: null, notUnderstood: {}, warnings: [] }
  let bytes = 0
  try {
    for await (const chunk of unpacked(file)) {
      signal.throwIfAborted()
      bytes += chunk.length
      analyser.write(chunk)
      await after(bytes, { ...blank, name: options.name, bytes, sessions })
    }
    return analyser.end()
  } catch (error) {
    if (error instanceof CaptureError) throw fail('no-capture', { file: options.name, because: error.message }, error)
    throw error
  }
}

async function* unpacked(file: string): AsyncGenerator<Buffer> {
  const raw = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 })
  yield* file.endsWith('.gz') ? raw.pipe(createGunzip()) : file.endsWith('.zst') ? raw.pipe(createZstdDecompress()) : raw
}
