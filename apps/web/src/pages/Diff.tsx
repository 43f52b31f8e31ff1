import { sayCount } from '@belay/base'
import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { CommitTable } from '../parts/CommitTable.tsx'
import { DatabaseSteps } from '../parts/DatabaseSteps.tsx'
import { Empty } from '../parts/Empty.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'

const page = getRouteApi('/releases/$name/diff/$to')
const signs = { added: '+', removed: '−', changed: '~', same: '' } as const

function Changes({ list }: { list: readonly { readonly name: string; readonly change: keyof typeof signs }[] }) {
  return (
    <table className="list">
      <tbody>
        {list.map((it) => (
          <tr key={it.name}>
            <td className="mono strong" style={{ width: 18 }}>
              {signs[it.change]}
            </td>
            <td className={it.change === 'same' ? 'soft' : 'strong'}>{it.name}</td>
            <td className="soft num">{it.change}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export function DiffPage() {
  const { name, to } = page.useParams()
  const diff = useQuery(ask(routes.releases.diff, { params: { name, to } }))
  return (
    <>
      <PageHead
        title={`From ${name} to ${to}`}
        sub={
          <>
            What changes when <ReleaseLink name={to} /> takes the place of <ReleaseLink name={name} />.
          </>
        }
      >
        <Link to="/releases/$name/diff/$to" params={{ name: to, to: name }} className="btn">
          The other way round
        </Link>
      </PageHead>
      <Answered query={diff} height={300}>
        {(it) => (
          <div className="beside">
            <Panel title={sayCount(it.commits.length, 'commit')}>
              {it.commits.length > 0 ? (
                <CommitTable commits={it.commits} />
              ) : (
                <Empty title="No commit lies between them in this direction" />
              )}
            </Panel>
            <div>
              <Panel title="Services">
                <Changes list={it.services.map((service) => ({ name: service.service, change: service.change }))} />
              </Panel>
              <Panel title="Deployment steps">
                <Changes list={it.steps.map((step) => ({ name: step.step, change: step.change }))} />
              </Panel>
              <Panel title="Database">
                <DatabaseSteps steps={it.databaseSteps} />
              </Panel>
            </div>
          </div>
        )}
      </Answered>
    </>
  )
}

const ReleaseLink = ({ name }: { name: string }) => (
  <Link to="/releases/$name" params={{ name }} className="mono link">
    {name}
  </Link>
)
