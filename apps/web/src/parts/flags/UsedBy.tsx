import { Link } from '@tanstack/react-router'
import { pathOfSubject } from '../../paths.ts'

/** More would make a row tall; the segment's own page has all. */
const shownMax = 4

/** Flags (`flag:KEY`) and rings (`ring:NAME`), each a way to its page. */
export function UsedBy({ names, all = false }: { names: readonly string[]; all?: boolean }) {
  const shown = all ? names : names.slice(0, shownMax)
  if (names.length === 0) return <span className="soft">nothing</span>
  return (
    <span className="row" style={{ gap: 4 }}>
      {shown.map((name) => (
        <Link key={name} to={pathOfSubject(name) ?? '/flags'} className="tag mono">
          {name.replace(/^flag:/, '').replace(/^ring:/, 'ring ')}
        </Link>
      ))}
      {shown.length < names.length && <span className="soft">and {names.length - shown.length} more</span>}
    </span>
  )
}
