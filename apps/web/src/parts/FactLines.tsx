import type { FactWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { Time } from './Time.tsx'
import './factlines.css'

/** A few facts, newest first, each a way to its place in the ledger. */
export function FactLines({ facts }: { facts: readonly FactWire[] }) {
  return (
    <ol className="fact-lines">
      {facts.map((fact) => (
        <li key={fact.seq}>
          <span className="soft num">
            <Time at={fact.at} />
          </span>
          <span className="soft clip">{fact.actor}</span>
          <Link to="/ledger" search={{ fact: fact.seq }} className="says" data-row="">
            {fact.says}
          </Link>
        </li>
      ))}
    </ol>
  )
}
