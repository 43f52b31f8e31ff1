/** The analysis of one capture: bytes in, sessions out as they close. */
import type { CaptureSummary, SessionRecord, Turn } from './types.ts'

export type AnalyserOptions = {
  /** Shown in records. */
  readonly name?: string
  /** Called with each session when it has closed, or at the end. */
  readonly onSession: (record: SessionRecord) => void
  /** Each turn as it ends, with its session's number. */
  readonly onTurn?: (turn: Turn, session: number) => void
  /** The session (tshark's tcp.stream) whose every segment is to be kept as well; see `trace`. */
  readonly trace?: number
  /** Only sessions of this share of all, so that several processes divide a capture among them. */
  readonly shard?: { readonly index: number; readonly of: number }
}
export type Analyser = {
  /** The next bytes of the file, of any length; they are not kept. */
  write(bytes: Uint8Array): void
  /** Sessions that are still open come out now. */
  end(): CaptureSummary
}
