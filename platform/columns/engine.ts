import type { ColumnState, InsertFile } from './types.ts'

export type Ask = { readonly timeoutMs: number; readonly signal?: AbortSignal }
export type InsertRows = {
  readonly table: string
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly token: string
}

/** What differs between the embedded engine and a cluster; everything above it is written once. */
export type Engine = {
  /** Makes the database where it has a name and is not there yet. */
  makeDatabase(): Promise<void>
  /** Rows as objects, in the order of the answer. */
  rows(sql: string, ask: Ask): Promise<unknown[]>
  command(sql: string, ask: Ask): Promise<void>
  insertFile(file: InsertFile): Promise<void>
  insertRows(it: InsertRows): Promise<void>
  state(): ColumnState
  close(): Promise<void>
}

/** A page's answer is below 1 MB; what is longer would hold up the server's only thread while it is parsed (about 10 ms per MB). */
export const answerBytesMax = 32 * 1024 * 1024
export const answerRowsMax = 1_000_000
/** A question about each of 5,000 methods by name has some 300 KB; the engine's own bound is 256 KB. */
export const statementBytesMax = 8 * 1024 * 1024
/** A segment of the spool goes in within a second; a disk that is busy with merges takes its time. */
export const insertMsMax = 120_000
