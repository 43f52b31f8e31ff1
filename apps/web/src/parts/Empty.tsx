import type { ReactNode } from 'react'
import { Command } from './Command.tsx'

/** Nothing here yet: what that means, and the command that comes next. */
export function Empty({ title, children, command }: { title: string; children?: ReactNode; command?: string }) {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {command && <Command>{command}</Command>}
    </div>
  )
}
