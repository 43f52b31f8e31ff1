/** Does it hold? Probes again and again until enough tries in a row succeed or the time is over, and says what it saw. */
import { type Clock, sayDuration } from '@belay/base'
import type { CheckSpec } from '@belay/cloudfile'

export type Seen = { readonly ok: boolean; readonly says: string }
export type CheckEnd = { readonly held: true; readonly because: string } | { readonly held: false; readonly because: string }

/** One probe may take so long; a service that answers slower is not well. */
export const probeTimeoutMs = 5_000

export async function untilItHolds(it: {
  check: CheckSpec
  name: string
  probe: () => Promise<Seen>
  say: (line: string) => void
  clock: Clock
  signal: AbortSignal
}): Promise<CheckEnd> {
  const { check, name, clock } = it
  const beganMs = clock.now()
  let inARow = 0
  let tries = 0
  let said = ''
  while (true) {
    it.signal.throwIfAborted()
    const seen = await it.probe()
    tries++
    inARow = seen.ok ? inARow + 1 : 0
    const tookMs = clock.now() - beganMs
    // A page of equal lines tells nothing: say it when it changes, and now and then that it has not.
    if (seen.says !== said || seen.ok || tries % 10 === 0)
      it.say(`check ${name}  ${seen.says}${seen.ok ? `, ${inARow} of ${check.inARow} in a row` : `, try ${tries}`}`)
    said = seen.says
    if (inARow >= check.inARow) return { held: true, because: `check ${name} held after ${sayDuration(tookMs)}` }
    if (tookMs + check.every > check.within) {
      return {
        held: false,
        because: `check ${name} did not hold within ${sayDuration(check.within)}: ${seen.says} (${tries} ${tries === 1 ? 'try' : 'tries'})`,
      }
    }
    await clock.sleep(check.every, it.signal)
  }
}
