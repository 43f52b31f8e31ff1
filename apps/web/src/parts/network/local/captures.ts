/**
 * Captures that were dropped on the page: analysed in this tab and nowhere else, and gone with it. A plain store outside
 * of React, because an analysis goes on while its reader walks from page to page.
 */
import type { CaptureSummary, Columns, SessionRecord } from '@belay/tcp'
import { useSyncExternalStore } from 'react'
import type { FromWorker, ToWorker } from './messages.ts'

/** A record takes about 5 kB: more would fill the tab with what nobody scrolls through. The command line has no such bound. */
export const sessionsMax = 20_000
/** Each holds its records. */
export const capturesMax = 20

export type LocalCapture = {
  /** `file-` and eight letters or digits: a name that captures of the server do not have. */
  readonly id: string
  readonly name: string
  readonly file: File
  readonly state: 'reading' | 'done' | 'failed'
  /** Of the file, 0 to 1. */
  readonly progress: number
  readonly records: readonly SessionRecord[]
  /** Beyond the bound: counted, not kept. */
  readonly left: number
  readonly summary: CaptureSummary | undefined
  readonly because: string | undefined
}

let captures: readonly LocalCapture[] = []
const watchers = new Set<() => void>()
const watch = (tell: () => void) => {
  watchers.add(tell)
  return () => void watchers.delete(tell)
}
function put(next: readonly LocalCapture[]): void {
  captures = next
  for (const tell of watchers) tell()
}
const change = (id: string, to: (before: LocalCapture) => Partial<LocalCapture>) =>
  put(captures.map((it) => (it.id === id ? { ...it, ...to(it) } : it)))

export const useLocalCaptures = (): readonly LocalCapture[] => useSyncExternalStore(watch, () => captures)
export const isLocal = (id: string): boolean => id.startsWith('file-')

/** `CAPTURE.NUMBER`, as the server names sessions. */
export function splitId(id: string): { readonly capture: string; readonly number: number } {
  const dot = id.lastIndexOf('.')
  return { capture: id.slice(0, dot), number: Number(id.slice(dot + 1)) }
}

const startWorker = (): Worker => new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'capture' })
const running = new Map<string, Worker>()

/** Begins to read the files, one after the other; answers their names in this tab. */
export function openFiles(files: readonly File[]): readonly string[] {
  const its = files.map((file): LocalCapture => {
    const id = `file-${Math.random().toString(36).slice(2, 10).padEnd(8, '0')}`
    return { id, name: file.name, file, state: 'reading', progress: 0, records: [], left: 0, summary: undefined, because: undefined }
  })
  const kept = [...captures, ...its]
  for (const dropped of kept.slice(0, -capturesMax)) closeFile(dropped.id)
  put(kept.slice(-capturesMax))
  void (async () => {
    for (const one of its) await analyse(one)
  })()
  return its.map((it) => it.id)
}

/** Forgets a capture, also while it is read. */
export function closeFile(id: string): void {
  running.get(id)?.terminate()
  running.delete(id)
  put(captures.filter((it) => it.id !== id))
}

function analyse({ id, file }: LocalCapture): Promise<void> {
  if (!captures.some((it) => it.id === id)) return Promise.resolve()
  const worker = startWorker()
  running.set(id, worker)
  return new Promise((resolve) => {
    const end = (to: Partial<LocalCapture>) => {
      worker.terminate()
      running.delete(id)
      change(id, () => to)
      resolve()
    }
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.is === 'progress') change(id, () => ({ progress: file.size === 0 ? 1 : data.bytes / file.size }))
      else if (data.is === 'sessions')
        change(id, ({ records, left }) => {
          const fit = data.sessions.slice(0, Math.max(0, sessionsMax - records.length))
          return { records: [...records, ...fit], left: left + data.sessions.length - fit.length }
        })
      else if (data.is === 'done') end({ state: 'done', progress: 1, summary: data.summary })
      else if (data.is === 'failed') end({ state: 'failed', because: data.because })
    }
    worker.onerror = (event) => end({ state: 'failed', because: event.message === '' ? 'It could not be read.' : event.message })
    worker.postMessage({ do: 'analyse', file } satisfies ToWorker)
  })
}

/**
 * Every segment of a session, by reading the file again: keeping all segments of all sessions would take gigabytes.
 * @throws Error with the reason in a sentence
 */
export function traceFile({ file }: LocalCapture, session: number, signal: AbortSignal): Promise<Columns> {
  const worker = startWorker()
  return new Promise<Columns>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('Nobody waits for it any more.')))
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.is === 'traced') resolve(data.columns)
      else if (data.is === 'failed') reject(new Error(data.because))
    }
    worker.onerror = (event) => reject(new Error(event.message === '' ? 'The file could not be read again.' : event.message))
    worker.postMessage({ do: 'trace', file, session } satisfies ToWorker)
  }).finally(() => worker.terminate())
}
