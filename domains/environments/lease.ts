/**
 * One lease per environment: whoever changes an environment holds it, shows who and why, and renews it by heartbeat.
 * Each holder gets a higher fence; hosts refuse orders under a lower one, so a holder that was cut off and comes back
 * can do no harm (Kleppmann, "How to do distributed locking", 2016).
 */
import type { Clock } from '@belay/base'
import type { Ledger } from '@belay/ledger'
import type { Store } from '@belay/store'
import { environmentProblem } from './problems.ts'
import { type LeaseRow, leaseOf, releaseLease, renewLease, saveLease } from './store.ts'

/** Long enough to outlive a pause of the process, short enough that another server need not wait long. */
export const leaseTtlMs = 15_000
const heartbeatMs = leaseTtlMs / 3

/** Which server holds: its lasting id (of its home folder), and the process, so that its own successor need not wait. */
export type Holder = { readonly server: string; readonly pid: number }
export type HeldLease = { readonly fence: number /** Aborts when the lease is lost. */; readonly lost: AbortSignal }
export type LeaseAsking = { readonly reason: string; readonly deployment: string | null; readonly actor: string }

export type Leases = {
  hold<T>(environment: string, asking: LeaseAsking, work: (lease: HeldLease) => Promise<T>): Promise<T>
  /** The lease as it stands, when somebody holds it. */
  present(environment: string): Promise<(LeaseRow & { held: boolean }) | undefined>
}

const ownerOf = (holder: Holder) => `${holder.server}#${holder.pid}`
/** The server of a lease's owner, without its process. */
export const serverOf = (owner: string) => owner.slice(0, owner.lastIndexOf('#'))

/** May `me` take a lease that is still marked as held? Pure, `alive` tells whether a process of this machine lives. */
export function mayTakeOver(
  row: Pick<LeaseRow, 'owner' | 'expiresAt'>,
  me: Holder,
  nowMs: number,
  alive: (pid: number) => boolean,
  holding: boolean,
): boolean {
  if (nowMs >= row.expiresAt) return true
  const server = serverOf(row.owner)
  if (server !== me.server) return false
  const pid = Number(row.owner.slice(server.length + 1))
  return pid === me.pid ? !holding : !alive(pid)
}

export function openLeases(options: {
  store: Store
  ledger: Ledger
  clock: Clock
  holder: Holder
  alive: (pid: number) => boolean
}): Leases {
  const { store, ledger, clock, holder, alive } = options
  const holding = new Set<string>()

  async function take(environment: string, asking: LeaseAsking): Promise<number> {
    return store.write(async (tx) => {
      const row = await leaseOf(tx, environment)
      const nowMs = clock.now()
      if (row?.held) {
        if (!mayTakeOver(row, holder, nowMs, alive, holding.has(environment))) {
          throw environmentProblem('environment-busy', {
            environment,
            owner: serverOf(row.owner),
            reason: row.reason,
            since: new Date(row.sinceAt).toISOString(),
          })
        }
        await ledger.append(tx, {
          actor: asking.actor,
          kind: 'lease.taken-over',
          subject: `environment:${environment}`,
          says: `took over the lease on ${environment} whose holder (${row.owner}) no longer renews it`,
          data: { before: row.owner, fence: row.fence + 1, reason: row.reason },
        })
      }
      const fence = (row?.fence ?? 0) + 1
      await saveLease(tx, environment, {
        owner: ownerOf(holder),
        reason: asking.reason,
        sinceAt: nowMs,
        expiresAt: nowMs + leaseTtlMs,
        fence,
        deployment: asking.deployment,
      })
      return fence
    })
  }

  return {
    async hold(environment, asking, work) {
      const fence = await take(environment, asking)
      holding.add(environment)
      const lost = new AbortController()
      const over = new AbortController()
      const beat = async () => {
        while (!over.signal.aborted) {
          await clock.sleep(heartbeatMs, over.signal)
          const kept = await store.write((tx) => renewLease(tx, environment, fence, clock.now() + leaseTtlMs))
          if (!kept) return lost.abort(environmentProblem('lease-lost', { environment, fence }))
        }
      }
      // A heartbeat that fails (disk full, database away) is tried again at the next beat; others take over only after the time to live.
      const beating = (async () => {
        while (!over.signal.aborted && !lost.signal.aborted) await beat().catch(() => {})
      })()
      try {
        return await work({ fence, lost: lost.signal })
      } finally {
        over.abort()
        await beating
        holding.delete(environment)
        await store.write((tx) => releaseLease(tx, environment, fence))
        store.signal('environments')
      }
    },
    present: (environment) => leaseOf(store.read, environment),
  }
}
