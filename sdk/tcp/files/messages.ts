/** What the thread that shares out captures and the threads that analyse them say to each other. */
import type { CaptureSummary, SessionRecord, Turn } from '../types.ts'

/** One share of one capture. */
export type Order = {
  readonly path: string
  readonly name: string
  readonly shard: { readonly index: number; readonly of: number }
  readonly liveMax: number | undefined
  readonly turns: boolean
}

export type News =
  /** A slice of the capture has been read; the sessions that began in it, by their first frame, in order. */
  | { readonly kind: 'slice'; readonly begun: readonly number[] }
  /** `Told` as JSON, which costs a third of what cloning costs; numbers are of sessions of slices that were told before. */
  | { readonly kind: 'sessions'; readonly told: string }
  | { readonly kind: 'done'; readonly summary: CaptureSummary }
  | { readonly kind: 'failed'; readonly message: string; readonly at: number | undefined; readonly code: string | undefined }

/** Turns of sessions, then sessions; numbers are within the share. */
export type Told = { readonly turns: [Turn, session: number][]; readonly records: SessionRecord[] }

/** What a worker is started with: how many more messages it may send before the reader of them has caught up. */
export type Start = { readonly credit: Int32Array }

/** Messages under way from one worker. With `recordsMax` it bounds what waits between the threads to about 10 MB each. */
export const creditMax = 32
export const recordsMax = 64

/** Of unpacked capture: the worker tells its progress so often. Small enough that the shares stay close together. */
export const sliceBytes = 2 ** 20
