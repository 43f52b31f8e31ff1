import type { FactWire } from '@belay/protocol'
import { Link, useRouterState } from '@tanstack/react-router'
import { useCallback, useEffect, useState } from 'react'
import { useFacts } from '../live.ts'
import { pathOfSubject } from '../paths.ts'
import { now } from '../time.ts'
import type { Tone } from '../words.ts'
import { Sign } from './Chip.tsx'
import './notices.css'

/** The facts that somebody wants to know of wherever they are: something falls, or waits for a person. */
const toneOf: Readonly<Record<string, Tone>> = {
  'deployment.undoing': 'fall',
  'deployment.undone': 'fall',
  'deployment.failed': 'fall',
  'deployment.held': 'held',
  'deployment.waiting': 'held',
  'rehearsal.failed': 'fall',
  'flag.killed': 'fall',
  'flag.schedule-failed': 'fall',
  'flag-proposal.made': 'held',
}
/** Long enough to read two lines and decide to look. */
const shownMs = 15_000
/** More would cover the page; the ledger has them all. */
const shownMax = 3
/** What the feed repeats after a long absence is history, not news. */
const newsMs = 60_000

/** Falls and waits, told in the corner while another page is open; each is a way to where it happens. */
export function Notices() {
  const here = useRouterState({ select: (it) => it.location.pathname })
  const [shown, setShown] = useState<readonly FactWire[]>([])
  useFacts(
    useCallback((fact) => {
      if (toneOf[fact.kind] === undefined || now() - fact.at > newsMs) return
      // The latest of a subject says what the ones before it led to.
      setShown((before) => [...before.filter((it) => it.subject !== fact.subject), fact].slice(-shownMax))
    }, []),
  )
  const close = useCallback((seq: number) => setShown((before) => before.filter((it) => it.seq !== seq)), [])
  const elsewhere = shown.filter((fact) => pathOfSubject(fact.subject) !== here)
  return (
    <div className="notices" role="status" aria-label="News">
      {elsewhere.map((fact) => (
        <Notice key={fact.seq} fact={fact} onClose={close} />
      ))}
    </div>
  )
}

function Notice({ fact, onClose }: { fact: FactWire; onClose: (seq: number) => void }) {
  useEffect(() => {
    const timer = setTimeout(() => onClose(fact.seq), shownMs)
    return () => clearTimeout(timer)
  }, [fact.seq, onClose])
  const path = pathOfSubject(fact.subject)
  const tone = toneOf[fact.kind] ?? 'none'
  return (
    <div className={`notice ink-${tone}`}>
      <Sign tone={tone} size={12} />
      <p>{fact.says}</p>
      <span className="row">
        {path && (
          <Link to={path} className="btn small" onClick={() => onClose(fact.seq)}>
            Look
          </Link>
        )}
        <button type="button" className="btn small plain" onClick={() => onClose(fact.seq)}>
          Close
        </button>
      </span>
    </div>
  )
}
