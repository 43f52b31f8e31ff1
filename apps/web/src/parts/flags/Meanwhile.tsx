import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { ask } from '../../api.ts'
import { Answered } from '../Answered.tsx'
import { Time } from '../Time.tsx'
import { DiffLines } from './DiffLines.tsx'

/** As many of others' changes as one still reads before going on; History has all. */
const shownMax = 5

/** What others made of the flag since the version one began from, and the ways to go on. */
export function Meanwhile({ flag, since, children }: { flag: string; since: number; children: React.ReactNode }) {
  const history = useQuery(ask(routes.flags.history, { params: { key: flag }, query: { limit: shownMax } }))
  return (
    <section className="meanwhile" role="alert" aria-label="Changed meanwhile">
      <Answered query={history} height={80}>
        {({ versions }) => (
          <>
            {versions
              .filter((it) => it.version > since)
              .map((it) => (
                <div key={it.version}>
                  <p>
                    <strong>{it.actor}</strong> {it.says}{' '}
                    <span className="soft">
                      (version {it.version}, <Time at={it.at} />)
                    </span>
                    {it.reason !== null && <span className="soft">: {it.reason}</span>}
                  </p>
                  <DiffLines diff={it.diff} />
                </div>
              ))}
          </>
        )}
      </Answered>
      <div className="row">{children}</div>
    </section>
  )
}
