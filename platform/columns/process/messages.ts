/** What server and engine process say to each other, over Node's own channel (structured clone). */
import type { Refusal } from '../explain.ts'

/** Connection 0 writes, 1 to 3 read. A connection does one thing at a time, so the server sends it the next when it has answered. */
export const writer = 0
/** Three heavy questions fill two cores and delay others; each has libuv threads of its own. */
export const readers = [1, 2, 3] as const

export type ToEngine =
  | { readonly kind: 'run'; readonly id: number; readonly connection: number; readonly sql: string; readonly timeoutMs: number }
  /** Ends the statement of that id, which then answers with a refusal. */
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'close' }

export type FromEngine =
  | { readonly kind: 'ready' }
  /** It could not open the folder and ends. */
  | { readonly kind: 'failed'; readonly because: string; readonly missing: boolean }
  | { readonly kind: 'answer'; readonly id: number; readonly json: Uint8Array }
  | { readonly kind: 'refused'; readonly id: number; readonly refusal: Refusal }

/** What the engine is started with: the folder, and the bounds of memory. */
export type EngineSettings = {
  readonly folder: string
  readonly memoryBytes: number
  readonly answerBytesMax: number
  readonly answerRowsMax: number
  readonly statementBytesMax: number
  /** What to say of an answer that is longer. */
  readonly tooLong: string
}
