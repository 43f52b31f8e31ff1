import { useEffect, useState } from 'react'
import { useConnection } from '../live.ts'
import { sayClockOnly, sayFull } from '../time.ts'
import { useNow } from './useNow.ts'
import { Sign } from './Chip.tsx'

/** A restart of the server that is over within this time is not worth a word. */
const quietMs = 1_500

/** Says that what is shown may be old. Lies over the page, so that nothing moves when it comes and goes. */
export function Stale() {
  const connection = useConnection()
  const [loud, setLoud] = useState(false)
  const nowAt = useNow(1_000)
  const stale = connection.state === 'stale'
  useEffect(() => {
    if (!stale) return setLoud(false)
    const timer = setTimeout(() => setLoud(true), quietMs)
    return () => clearTimeout(timer)
  }, [stale])
  return (
    <div role="status">
      {stale && loud && (
        <span className="chip is-held stale" data-tip={sayFull(connection.sinceAt, nowAt)}>
          <Sign tone="held" />
          Stale since {sayClockOnly(connection.sinceAt)}, reconnecting
        </span>
      )}
    </div>
  )
}
