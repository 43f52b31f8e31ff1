import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import { Outlet, useRouterState } from '@tanstack/react-router'
import { askMe } from '../api.ts'
import { parts } from '../code.ts'
import { useFeed } from '../live.ts'
import { useShortcuts } from '../useShortcuts.ts'
import { Failure } from './Answered.tsx'
import { Notices } from './Notices.tsx'
import { Side } from './Side.tsx'
import { SignIn } from './SignIn.tsx'
import { Stale } from './Stale.tsx'
import { TipLayer } from './Tip.tsx'
import { useMainFocus } from './useMainFocus.ts'

const Palette = lazy(() => parts.palette().then((it) => ({ default: it.Palette })))
const Help = lazy(() => parts.help().then((it) => ({ default: it.Help })))

/** What is around every page: places, palette, keys, live data; or the sign-in page for who is not known. */
export function App() {
  const me = useQuery(askMe)
  const isSignedIn = me.data !== undefined && me.data !== null
  useFeed(isSignedIn)

  const [open, setOpen] = useState<'palette' | 'help'>()
  const close = useCallback(() => setOpen(undefined), [])
  const keys = useMemo(
    () => ({ help: () => setOpen('help'), palette: () => setOpen((was) => (was === 'palette' ? undefined : 'palette')) }),
    [],
  )
  useShortcuts(keys)
  const main = useMainFocus(useRouterState({ select: (it) => it.location.pathname }))

  if (me.data === null) return <SignIn />
  return (
    <>
      <a href="#main" className="btn skip">
        To the content
      </a>
      <div className="app">
        <Side onPalette={keys.palette} onHelp={keys.help} />
        <main id="main" ref={main} tabIndex={-1}>
          {isSignedIn ? <Outlet /> : me.error !== null && <Failure error={me.error} retry={() => void me.refetch()} />}
        </main>
      </div>
      <Stale />
      <Notices />
      <TipLayer />
      <Suspense>
        {open === 'palette' && <Palette onClose={close} />}
        {open === 'help' && <Help onClose={close} />}
      </Suspense>
    </>
  )
}
