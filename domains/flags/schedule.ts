/** Changes whose time has not come: kept, taken back, and done when it has. */
import type { Clock } from '@belay/base'
import type { Who } from '@belay/access'
import type { Ledger } from '@belay/ledger'
import type { ScheduledWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import { asPlan, type Change } from './model/change.ts'
import type { Flag } from './model/flag.ts'
import { flagProblem } from './problems.ts'
import * as rows from './store.ts'
import { factKind, self, type Writer } from './writer.ts'

/** A year: longer plans belong into a calendar. */
const scheduleMaxMs = 366 * 86_400_000
/** One flag's plan is read by people. */
const scheduledMax = 50

export type Schedule = ReturnType<typeof openSchedule>

export function openSchedule({ store, ledger, clock, writer }: { store: Store; ledger: Ledger; clock: Clock; writer: Writer }) {
  async function add(
    tx: Db,
    s: { flag: Flag; change: Change; says: string; reason: string | null; at: number; by: string },
  ): Promise<ScheduledWire> {
    const { key } = s.flag
    if ((await rows.waitingScheduled(tx, { flag: key })).length >= scheduledMax)
      throw flagProblem('scheduled-too-many', { key, max: scheduledMax })
    const scheduled = await rows.insertScheduled(tx, (id) => ({
      id,
      flag: key,
      at: s.at,
      change: s.change,
      says: asPlan(s.says),
      by: s.by,
      reason: s.reason,
      state: 'waiting',
      because: null,
    }))
    await ledger.append(tx, {
      actor: s.by,
      kind: 'flag.scheduled',
      subject: `flag:${key}`,
      says: `scheduled ${scheduled.id} for ${new Date(s.at).toISOString()}: ${scheduled.says}`,
      data: { scheduled: scheduled.id, at: s.at, change: s.change },
    })
    return scheduled
  }

  /** One change whose time has come. What cannot be done any more is told and never tried again. */
  async function doScheduled(tx: Db, scheduled: ScheduledWire): Promise<void> {
    const { id, flag: key, change: what, by, reason } = scheduled
    const { after, diff, says } = await writer.weigh(tx, key, what, by)
    await rows.putScheduled(tx, { ...scheduled, state: 'done' })
    if (diff.length > 0)
      await writer.commit(tx, after, { kind: factKind(what), says: `${says}, as scheduled`, reason, diff, data: { scheduled: id } })
  }

  async function failScheduled(tx: Db, scheduled: ScheduledWire, because: string): Promise<void> {
    await rows.putScheduled(tx, { ...scheduled, state: 'failed', because })
    await ledger.append(tx, {
      actor: self,
      kind: 'flag.schedule-failed',
      subject: `flag:${scheduled.flag}`,
      says: `could not do ${scheduled.id} of ${scheduled.by} (${scheduled.says}): ${because}`,
      data: { scheduled: scheduled.id },
    })
  }

  async function cancel(tx: Db, id: string, who: Who): Promise<ScheduledWire> {
    const scheduled = await rows.readScheduled(tx, id)
    if (!scheduled || scheduled.state !== 'waiting') throw flagProblem('scheduled-unknown', { id })
    const cancelled: ScheduledWire = { ...scheduled, state: 'cancelled', because: `cancelled by ${who.actor}` }
    await rows.putScheduled(tx, cancelled)
    await ledger.append(tx, {
      actor: who.actor,
      kind: 'flag.schedule-cancelled',
      subject: `flag:${scheduled.flag}`,
      says: `cancelled ${id}: ${scheduled.says}`,
      data: { scheduled: id },
    })
    return cancelled
  }

  return {
    add,
    cancel,
    /** Does what is due. Several servers may try at once; each change is done by one of them. */
    async tick(): Promise<boolean> {
      const due = await rows.waitingScheduled(store.read, { dueAt: clock.now() })
      for (const scheduled of due) {
        try {
          await store.write(async (tx) => {
            // Another server may have done it.
            if ((await rows.readScheduled(tx, scheduled.id))?.state === 'waiting') await doScheduled(tx, scheduled)
          })
        } catch (error) {
          const { status = 500, message = String(error) } = error as { status?: number; message?: string }
          // What the world is short of (a full disk) may come back; what is refused now is refused for good.
          if (status >= 500) throw error
          await store.write((tx) => failScheduled(tx, scheduled, message))
        }
      }
      return due.length > 0
    },
  }
}

/** When the change is to be done; null: now. @throws Problem `kill-cannot-wait`, `change-needs-time`. */
export function timeOf({ at, change }: { at?: number | undefined; change: Change }, nowMs: number): number | null {
  if (at === undefined) return null
  if (change.do === 'kill') throw flagProblem('kill-cannot-wait', undefined)
  if (at <= nowMs || at > nowMs + scheduleMaxMs) throw flagProblem('change-needs-time', { at: new Date(at).toISOString() })
  return at
}
