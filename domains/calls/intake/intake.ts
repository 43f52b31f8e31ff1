/** The way in for calls: rows on the disk before anybody is thanked, in the column store soon after. */
import type { Clock } from '@belay/base'
import type { Columns } from '@belay/columns'
import type { Store } from '@belay/store'
import { exemplarRecord, processRecord } from '../tables/records.ts'
import { writeBatch } from './batch.ts'
import { sweepClaims } from './claims.ts'
import { createFeeder } from './feeder.ts'
import { createRowWriter } from './row-binary.ts'
import { openSpool } from './spool.ts'
import type { Extras } from './segment.ts'
import type { ExemplarRow, Intake, ProcessRow } from './types.ts'

export type IntakeOptions = {
  readonly folder: string
  /** Names this server among all of one cloud, the same at every start. */
  readonly name: string
  readonly store: Store
  readonly columns: Columns
  readonly clock: Clock
  readonly bytesMax?: number
  log(line: string, error?: unknown): void
}

/** An hour without the column store at 10,000 calls a second. Beyond it senders are told to wait, who keep a spool as well. */
const usualBytesMax = 8 * 1_024 ** 3
const sweepEveryMs = 600_000

export async function openIntake(it: IntakeOptions): Promise<Intake & { run(signal: AbortSignal): Promise<void> }> {
  const { name, store, columns, clock, log } = it
  const spool = await openSpool({ ...it, bytesMax: it.bytesMax ?? usualBytesMax })
  const feeder = createFeeder({ spool, name, columns, clock, log })
  // One for all: rows are written in one go, without anything awaited in between.
  const writer = createRowWriter()

  function written(): { rows: number; bytes: Buffer } {
    const rows = writer.rows()
    return { rows, bytes: writer.take() }
  }

  async function sweep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sweepClaims(store, clock.now()).catch((error) => log('Old claims of calls stay until the next turn.', error))
      await clock.sleep(sweepEveryMs, signal).catch(() => {})
    }
  }

  return {
    take({ claim, rows, exemplars = [], processes = [] }) {
      for (const row of rows) writer.row(row)
      return spool.put({ claim, ...written(), extras: extrasOf(exemplars, processes) })
    },
    async takeBatch(environment, batch) {
      const { exemplars, process } = writeBatch(writer, { environment, batch, now: clock.now() })
      const claim = { source: batch.source, batch: batch.batch }
      return spool.put({ claim, ...written(), extras: extrasOf(exemplars, [process]) })
    },
    state: spool.state,
    drained: feeder.drained,
    async run(signal) {
      await Promise.all([feeder.run(signal), sweep(signal)])
    },
    close: spool.close,
  }
}

function extrasOf(exemplars: readonly ExemplarRow[], processes: readonly ProcessRow[]): Extras {
  return {
    ...(exemplars.length > 0 && { call_exemplars: exemplars.map(exemplarRecord) }),
    ...(processes.length > 0 && { call_processes: processes.map(processRecord) }),
  }
}
