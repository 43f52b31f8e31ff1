import type { ReactNode } from 'react'

/** The head of a page: its answer or name as the first line, what goes with it, what can be done. */
export function PageHead({
  title,
  tab,
  over,
  sub,
  children,
}: {
  title: string
  tab?: string
  /** What the page is about, where the title says something of it. */
  over?: ReactNode
  sub?: ReactNode
  children?: ReactNode
}) {
  return (
    <header className="head">
      <title>{`${tab ?? title} · Belay`}</title>
      {over && <div className="over">{over}</div>}
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
