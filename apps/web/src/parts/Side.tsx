import { sayCount } from '@belay/base'
import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { Link, useRouterState } from '@tanstack/react-router'
import { IconKeyboard, IconLogout } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { ask, askMe, client, queries } from '../api.ts'
import type { goTo } from '../shortcuts.ts'
import { isMoving } from '../words.ts'
import { useWhyNot } from './Allowed.tsx'
import { Brand } from './Brand.tsx'
import { Sign } from './Chip.tsx'
import { SchemeButton } from './SchemeButton.tsx'
import { useNow } from './useNow.ts'

function Place({
  to,
  name,
  count,
  under = false,
  exact = to === '/',
}: {
  to: (typeof goTo)[number]['to']
  name: string
  count?: string | undefined
  /** One that stands beneath another. */
  under?: boolean
  /** Places beneath it are not it. */
  exact?: boolean
}) {
  return (
    <Link to={to} className={`place ${under ? 'place-under' : ''}`} activeOptions={{ exact, includeSearch: false }}>
      {name}
      {count && <small>{count}</small>}
    </Link>
  )
}

async function signOut(): Promise<void> {
  await client.call(routes.session.close, {})
  queries.setQueryData(askMe.queryKey, null)
  // Whoever signs in next in this tab sees nothing that was asked for by somebody else.
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== askMe.queryKey[0] })
}

/** On a telephone the places are a row that scrolls: the one where one is stays in sight. */
function useHereInSight() {
  const side = useRef<HTMLElement>(null)
  const here = useRouterState({ select: (it) => it.location.pathname })
  useEffect(() => {
    const place = side.current?.querySelector<HTMLElement>('.place[aria-current]')
    // Sideways only: where the page itself is scrolled to is the reader's.
    if (side.current && place) side.current.scrollLeft = place.offsetLeft - (side.current.clientWidth - place.offsetWidth) / 2
  }, [here])
  return side
}

const weekMs = 7 * 86_400_000
const hourMs = 3_600_000

/** How many costs changed within seven days: the sum is told, so that somebody looks. */
function useChangesOfTheWeek(): number {
  const hour = Math.floor(useNow(60_000) / hourMs) * hourMs
  const { data } = useQuery({
    ...ask(routes.calls.changes, { query: { from: hour - weekMs, limit: 500 } }),
    placeholderData: (before) => before,
  })
  return data?.changes.length ?? 0
}

/** Where one can go, whose cloud it is, and whether the record of all this is whole. */
export function Side({ onPalette, onHelp }: { onPalette: () => void; onHelp: () => void }) {
  const { data: me } = useQuery(askMe)
  const { data: now } = useQuery(ask(routes.now, {}))
  const mayManage = useWhyNot('access.manage') === undefined
  const side = useHereInSight()
  const inFlags = useRouterState({ select: (it) => /^\/(flags|rings|segments|client-keys)\b/.test(it.location.pathname) })
  const inCalls = useRouterState({ select: (it) => /^\/calls\/?(\w*)/.exec(it.location.pathname)?.[1] })
  const inNetwork = useRouterState({ select: (it) => /^\/network\/?(\w*)/.exec(it.location.pathname)?.[1] })
  const changed = useChangesOfTheWeek()
  const running = now?.deployments.filter((it) => isMoving(it.state)).length ?? 0
  return (
    <nav className="side" aria-label="Places" ref={side}>
      <Link to="/" className="brand" aria-label="Belay, to what is happening now">
        <Brand />
        <span>Belay</span>
      </Link>
      <Place to="/" name="Now" />
      <Place to="/releases" name="Releases" />
      <Place to="/deployments" name="Deployments" count={running > 0 ? `${running} running` : undefined} />
      <Place to="/environments" name="Environments" count={now && String(now.environments.length)} />
      <Place to="/flags" name="Flags" />
      {inFlags && (
        <>
          <Place to="/rings" name="Rings" under />
          <Place to="/segments" name="Segments" under />
          <Place to="/client-keys" name="Client keys" under />
        </>
      )}
      <Place
        to="/calls"
        name="Calls"
        count={changed > 0 ? sayCount(changed, 'change') : undefined}
        exact={inCalls === 'changes' || inCalls === 'flags'}
      />
      {inCalls !== undefined && (
        <>
          <Place to="/calls/changes" name="Changes" under />
          <Place to="/calls/flags" name="Cost of flags" under />
        </>
      )}
      <Place to="/network" name="Network" exact={inNetwork === 'compare' || inNetwork === 'calls'} />
      {inNetwork !== undefined && (
        <>
          <Place to="/network/calls" name="Slow calls" under />
          <Place to="/network/compare" name="Compare" under />
        </>
      )}
      <Place to="/ledger" name="Ledger" />
      {mayManage && <Place to="/access" name="Access" />}
      <div className="foot">
        <span className="about">{me && `${me.cloud} · ${me.actor}, ${me.role}`}</span>
        {now && (
          <Link to="/ledger" className={`about ledger-mark ${now.ledgerWhole ? '' : 'is-fall'}`} style={{ background: 'none' }}>
            <span style={{ color: now.ledgerWhole ? 'var(--top)' : 'var(--fall)' }}>
              <Sign tone={now.ledgerWhole ? 'top' : 'fall'} />
            </span>
            {sayCount(now.facts, 'fact')}, {now.ledgerWhole ? 'whole' : 'broken'}
          </Link>
        )}
        <div className="row">
          <button type="button" className="palette-button" onClick={onPalette} aria-label="Ctrl K: go anywhere, do anything">
            Ctrl K
          </button>
          <SchemeButton />
          <button type="button" className="btn plain" onClick={onHelp} aria-label="Keys" data-tip="Keys (?)">
            <IconKeyboard size={16} stroke={1.7} aria-hidden="true" />
          </button>
          <button type="button" className="btn plain" onClick={() => void signOut()} aria-label="Sign out" data-tip="Sign out">
            <IconLogout size={16} stroke={1.7} aria-hidden="true" />
          </button>
        </div>
      </div>
    </nav>
  )
}
