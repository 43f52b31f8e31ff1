import { routes, type ReleaseSummaryWire } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { sayCount, sayDuration } from '@belay/base'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Chip } from '../parts/Chip.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import { rehearsalWord } from '../words.ts'

const page = getRouteApi('/releases')
const shownMax = 200

function matches(release: ReleaseSummaryWire, text: string): boolean {
  const needle = text.toLowerCase()
  return [release.name, release.ref, release.commit, release.cutBy, ...release.environments, ...release.servicesChanged].some((it) =>
    it.toLowerCase().includes(needle),
  )
}

export function ReleasesPage() {
  const { text } = page.useSearch()
  const navigate = useNavigate({ from: '/releases' })
  const list = useQuery(ask(routes.releases.list, { query: { limit: shownMax } }))
  return (
    <>
      <PageHead title="Releases" sub="Where each is, and what is in it. Newest first." />
      <div className="filters">
        <FilterField
          label="Filter releases"
          placeholder="Name, branch, person, service, environment"
          value={text}
          onChange={(value) => void navigate({ search: { text: value }, replace: true })}
        />
      </div>
      <Answered query={list} height={300}>
        {({ releases }) => {
          const shown = text === undefined ? releases : releases.filter((it) => matches(it, text))
          if (releases.length === 0)
            return (
              <Panel title="Releases">
                <Empty title="No release yet" command="belay release cut">
                  A release is built from a commit of your repository. Cut one:
                </Empty>
              </Panel>
            )
          return (
            <div className="panel scroll-x">
              <table className="list">
                <thead>
                  <tr>
                    <th>Release</th>
                    <th>Where</th>
                    <th>What changed</th>
                    <th className="num">Commits</th>
                    <th>Rehearsal</th>
                    <th className="num">Took</th>
                    <th className="num">Cut</th>
                    <th>By</th>
                  </tr>
                </thead>
                <tbody>
                  {shown.map((it) => (
                    <ReleaseRow key={it.name} it={it} />
                  ))}
                </tbody>
              </table>
              {shown.length === 0 && <Empty title={`None of ${sayCount(releases.length, 'release')} matches “${text}”`} />}
              {releases.length === shownMax && <p className="soft">The newest {shownMax} are shown; older ones: belay release ls.</p>}
            </div>
          )
        }}
      </Answered>
    </>
  )
}

function ReleaseRow({ it }: { it: ReleaseSummaryWire }) {
  return (
    <tr>
      <td>
        <Link to="/releases/$name" params={{ name: it.name }} className="mono strong link" data-row="">
          {it.name}
        </Link>
        <span className="mono soft" style={{ marginLeft: 10 }} data-tip={`Commit ${it.commit}`}>
          {it.ref}
        </span>
      </td>
      <td>
        <span className="row" style={{ gap: 4 }}>
          {it.environments.map((name) => (
            <Link key={name} to="/environments/$name" params={{ name }} className="tag">
              {name}
            </Link>
          ))}
          {it.environments.length === 0 && <span className="soft">nowhere</span>}
        </span>
      </td>
      <td>
        {it.servicesChanged.length > 0 ? it.servicesChanged.join(', ') : <span className="soft">no service</span>}
        {it.changesDatabase && (
          <span className="tag" style={{ marginLeft: 8 }}>
            database
          </span>
        )}
      </td>
      <td className="num">{it.commitCount}</td>
      <td>
        {it.rehearsal ? (
          <Link to="/rehearsals/$id" params={{ id: it.rehearsal.id }}>
            <Chip word={rehearsalWord(it.rehearsal.state)} tip={it.rehearsal.because} />
          </Link>
        ) : (
          <span className="soft">not yet</span>
        )}
      </td>
      <td className="num soft">{it.rehearsal?.durationMs != null ? sayDuration(it.rehearsal.durationMs) : ''}</td>
      <td className="num soft">
        <Time at={it.cutAt} />
      </td>
      <td className="soft nowrap">{it.cutBy}</td>
    </tr>
  )
}
