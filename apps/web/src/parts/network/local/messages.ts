/** What the page and the worker that reads captures say to each other. */
import type { CaptureSummary, Columns, SessionRecord } from '@belay/tcp'

export type ToWorker =
  | { readonly do: 'analyse'; readonly file: File }
  /** Reads the file once more and keeps every segment of this session. */
  | { readonly do: 'trace'; readonly file: File; readonly session: number }

export type FromWorker =
  | { readonly is: 'progress'; readonly bytes: number; readonly packets: number }
  | { readonly is: 'sessions'; readonly sessions: readonly SessionRecord[] }
  | { readonly is: 'done'; readonly summary: CaptureSummary }
  | { readonly is: 'traced'; readonly columns: Columns }
  | { readonly is: 'failed'; readonly because: string }
