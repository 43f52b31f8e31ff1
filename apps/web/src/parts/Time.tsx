import { sayAgo, sayClock, sayFull } from '../time.ts'
import { useNow } from './useNow.ts'

/** A moment. `ago` says "5 min ago", `clock` "10:02:11"; the tip says both in full, with the zone. */
export function Time({ at, as = 'ago' }: { at: number; as?: 'ago' | 'clock' }) {
  const nowAt = useNow(as === 'ago' ? 5_000 : 60_000)
  return (
    <time className="nowrap" dateTime={new Date(at).toISOString()} data-tip={sayFull(at, nowAt)}>
      {as === 'ago' ? sayAgo(at, nowAt) : sayClock(at, nowAt)}
    </time>
  )
}
