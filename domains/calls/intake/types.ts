/** The way in, as those who make rows see it: what `take` has answered is on the disk, and is counted once. */
import type { CallBatch, ExemplarEvent, ExemplarReason, ProcessFigures } from '@belay/call-record'
import type { CallRow } from '../row.ts'

/** The same claim is counted once, however often and through whichever server it comes. */
export type Claim = {
  /** Made once per sender: 8 to 64 of `[\w.-]`. For what has no numbers of its own, a hash of its content. */
  readonly source: string
  readonly batch: number
}
export type ExemplarRow = CallRow & { readonly why: ExemplarReason; readonly events: readonly ExemplarEvent[]; readonly cut: number }
export type ProcessRow = ProcessFigures & {
  readonly at: number
  readonly service: string
  readonly environment: string
  readonly release: string
  readonly host: string
}
export type Intake = {
  /**
   * @returns counted: false when the claim was taken before.
   * @throws Problem `calls-busy` (429, `afterS`) when the spool is full, `calls-disk` (503) when the disk takes nothing.
   */
  take(it: {
    readonly claim: Claim
    readonly rows: readonly CallRow[]
    readonly exemplars?: readonly ExemplarRow[]
    readonly processes?: readonly ProcessRow[]
  }): Promise<{ readonly counted: boolean }>
  /** The same for a recorder's batch, without making objects of it. @throws Problem `calls-unclear` with the field. */
  takeBatch(environment: string, batch: CallBatch): Promise<{ readonly counted: boolean }>
  state(): { readonly waitingRows: number; readonly waitingBytes: number; readonly oldestAt: number | null }
  /** Resolves when all that was taken before is in the column store. For tests, and before a verdict is made. */
  drained(signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}
