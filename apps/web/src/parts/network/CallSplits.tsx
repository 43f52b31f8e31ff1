import type { NetworkCallWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { Time } from '../Time.tsx'
import { sayMaybeMs, sayMs } from './words.ts'

const reasonWords = { network: 'network', server: 'server', unknown: 'not known' } as const
const parts = [
  { key: 'requestMs', name: 'request', says: 'the request was on its way' },
  { key: 'serverMs', name: 'server', says: 'the server worked' },
  { key: 'responseMs', name: 'response', says: 'the response was on its way' },
  { key: 'ackMs', name: 'last acknowledgement', says: 'until the client had acknowledged all of it' },
] as const

/** Calls, each with its time as a bar: what the network took, what the server took. */
export function CallSplits({ calls, linked = true }: { calls: readonly NetworkCallWire[]; linked?: boolean }) {
  const longest = Math.max(...calls.map((it) => it.wholeMs ?? it.realMs), 0.001)
  return (
    <>
      <ul className="split-legend" aria-label="What the bars show">
        {parts.map((it) => (
          <li key={it.key} data-tip={it.says}>
            <i className={`split-${it.key}`} aria-hidden="true" /> {it.name}
          </li>
        ))}
      </ul>
      <ul className="splits" aria-label="Calls, the slowest first">
        {calls.map((it) => (
          <li key={`${it.trace} ${it.span} ${it.at} ${it.peer}`}>
            <Call it={it} longest={longest} linked={linked} />
          </li>
        ))}
      </ul>
    </>
  )
}

function Call({ it, longest, linked }: { it: NetworkCallWire; longest: number; linked: boolean }) {
  const { turn } = it
  const whole = it.wholeMs ?? it.realMs
  return (
    <>
      <div className="split-head">
        <Link to="/calls/method" search={{ service: it.service, method: it.method }} className="mono strong link" data-row="">
          {it.method}
        </Link>
        <span className="soft">{it.service}</span>
        <span className={it.slowBecause === 'network' ? 'tag split-network' : it.slowBecause === 'server' ? 'tag split-server' : 'tag'}>
          {reasonWords[it.slowBecause]}
        </span>
        {it.failed && <span className="ink-fall">failed{it.status > 0 ? ` with ${it.status}` : ''}</span>}
        <span className="soft push nowrap">
          <Time at={it.at} as="clock" />
          {linked && it.session !== null && (
            <>
              {' · '}
              <Link to="/network/sessions/$id" params={{ id: it.session }} className="link">
                session
              </Link>
            </>
          )}
        </span>
      </div>
      <div className="split-line">
        <span className="num strong nowrap split-whole">{sayMs(whole)}</span>
        <div className="split-track">
          {turn === null ? (
            <i
              className="split-unknown"
              style={{ width: `${(it.realMs / longest) * 100}%` }}
              data-tip={`${sayMs(it.realMs)} by the service's own clock; no capture has the turn`}
            />
          ) : (
            parts.map(({ key, name, says }) => (
              <i
                key={key}
                className={`split-${key}`}
                style={{ width: `${(turn[key] / longest) * 100}%` }}
                data-tip={`${name} ${sayMs(turn[key])}: ${says}`}
              />
            ))
          )}
        </div>
      </div>
      <p className="soft split-because">
        {it.because}
        {it.rttMs !== null && !it.because.includes('RTT') && ` Round trip ${sayMaybeMs(it.rttMs)}.`}
      </p>
    </>
  )
}
