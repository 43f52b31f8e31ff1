import type { ReactNode } from 'react'

/** A graph with its name above it. */
export function Labelled({ name, aside, children }: { name: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <div className="graph-row">
      <div className="graph-name">
        <span>{name}</span>
        {aside}
      </div>
      {children}
    </div>
  )
}
