import type { ReactNode } from 'react'

/** The head of a page: its answer or name as the first line, what goes with it, what can be done. */
export function PageHead({ title, tab, sub, children }: { title: string; tab?: string; sub?: ReactNode; children?: ReactNode }) {
  return (
    <header className="head">
      <title>{`${tab ?? title} · Belay`}</title>
      <div className="row">
        <h1>{title}</h1>
        {children}
      </div>
      {sub && <div className="sub">{sub}</div>}
    </header>
  )
}

export function Panel({
  title,
  aside,
  children,
  className = '',
}: {
  title: string
  aside?: ReactNode
  children: ReactNode
  className?: string
}) {
  return (
    <section className={`panel ${className}`} aria-label={title}>
      <div className="panel-head">
        <h2>{title}</h2>
        {aside && <div className="push row">{aside}</div>}
      </div>
      {children}
    </section>
  )
}
