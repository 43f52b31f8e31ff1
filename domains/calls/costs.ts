/** Whether the calls that a rehearsal's tests made cost no more than they may; what domains/deployments asks for as its cost judge. */
import type { Clock } from '@belay/base'
import type { CallsSpec } from '@belay/cloudfile'
import type { Intake } from './intake/types.ts'
import type { CallTables } from './tables/tables.ts'

/** A recorder sends every two seconds; what the last test called is here after this, and one insert. */
const lastCallsMs = 2_600
/** The column store may be just starting. A verdict that takes longer is no verdict. */
const drainedWithinMs = 60_000

export type CostJudge = {
  /** Does belay.yaml set a budget? */
  wanted(): boolean
  judge(it: {
    readonly environment: string
    readonly release: string
    readonly previous: string | null
    readonly sinceAt: number
    readonly untilAt: number
    readonly signal: AbortSignal
  }): Promise<{ readonly ok: boolean; readonly says: string; readonly lines: readonly string[] }>
}

export function openCostJudge(it: {
  readonly tables: Pick<CallTables, 'checkBudgets'>
  readonly intake: Pick<Intake, 'drained'>
  readonly clock: Clock
  budgets(): CallsSpec['budgets']
}): CostJudge {
  const { tables, intake, clock, budgets } = it
  return {
    wanted: () => Object.keys(budgets()).length > 0,
    async judge({ environment, release, previous, sinceAt, untilAt, signal }) {
      await clock.sleep(Math.max(0, untilAt + lastCallsMs - clock.now()), signal)
      await intake.drained(AbortSignal.any([signal, AbortSignal.timeout(drainedWithinMs)]))
      const { ok, says, lines } = await tables.checkBudgets({
        environment,
        release,
        since: sinceAt,
        until: clock.now(),
        budgets: budgets(),
        previousRelease: previous === release ? null : previous,
      })
      return { ok, says, lines: lines.map((line) => line.says) }
    },
  }
}
