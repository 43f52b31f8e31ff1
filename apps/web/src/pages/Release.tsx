import { sayBytes, sayCount, sayDuration } from '@belay/base'
import { type ReleaseWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { ActionButton } from '../parts/Allowed.tsx'
import { Answered } from '../parts/Answered.tsx'
import { ChangedCosts } from '../parts/calls/ChangedCosts.tsx'
import { Chip } from '../parts/Chip.tsx'
import { CommitTable } from '../parts/CommitTable.tsx'
import { DatabaseSteps } from '../parts/DatabaseSteps.tsx'
import { DeployDialog } from '../parts/DeployDialog.tsx'
import { DeploymentTable } from '../parts/DeploymentTable.tsx'
import { Empty } from '../parts/Empty.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { RehearseDialog } from '../parts/RehearseDialog.tsx'
import { RopeRows } from '../parts/RopeRows.tsx'
import { Time } from '../parts/Time.tsx'
import { sayList, sayServices } from '../parts/WhatIsIn.tsx'
import { rehearsalWords } from '../words.ts'

const page = getRouteApi('/releases/$name')

export function ReleasePage() {
  const { name } = page.useParams()
  const { deploy, rehearse } = page.useSearch()
  const navigate = useNavigate({ from: '/releases/$name' })
  const release = useQuery(ask(routes.releases.show, { params: { name } }))
  const close = () => void navigate({ search: {}, resetScroll: false })
  return (
    <>
      <Answered query={release} height={420}>
        {(it) => <Shown it={it} />}
      </Answered>
      {deploy !== undefined && (
        <DeployDialog
          release={name}
          to={deploy}
          onTo={(to) => void navigate({ search: { deploy: to }, replace: true, resetScroll: false })}
          onClose={close}
        />
      )}
      {rehearse && <RehearseDialog release={name} onClose={close} />}
    </>
  )
}

function Shown({ it }: { it: ReleaseWire }) {
  const navigate = useNavigate({ from: '/releases/$name' })
  const now = useQuery(ask(routes.now, {}))
  const rows = now.data?.rope.filter((row) => row.release === it.name) ?? []
  return (
    <>
      <PageHead
        title={it.name}
        sub={
          <>
            Cut <Time at={it.cutAt} /> by {it.cutBy} from <code>{it.ref}</code>, commit{' '}
            <code data-tip={`${it.commit}\nRelease id ${it.id}`}>{it.commit.slice(0, 10)}</code>
            {' · '}
            {it.environments.length > 0 ? `runs on ${sayList(it.environments)}` : 'runs nowhere'}
          </>
        }
      >
        <ActionButton needs="rehearsal.start" onClick={() => void navigate({ search: { rehearse: 'yes' }, resetScroll: false })}>
          Rehearse
        </ActionButton>
        <ActionButton needs="deploy" look="main" onClick={() => void navigate({ search: { deploy: '' }, resetScroll: false })}>
          Deploy
        </ActionButton>
        <Compare name={it.name} />
      </PageHead>
      <ChangedCosts cause={`release:${it.name}`} />
      {it.warnings.map((warning) => (
        <p key={warning} className="because is-held">
          {warning}
        </p>
      ))}
      {rows.length > 0 && (
        <Panel title="On the rope">
          <RopeRows rows={rows} deployments={now.data?.deployments ?? []} />
        </Panel>
      )}
      <div className="beside">
        <Panel
          title={`${sayCount(it.commits.length, 'commit')} by ${sayCount(it.authors.length, 'author')}${it.since ? ` since ${it.since.release}` : ''}`}
        >
          {it.commits.length > 0 ? <CommitTable commits={it.commits} /> : <Empty title="No commit of its own" />}
        </Panel>
        <div>
          <Panel title="Services">
            <p className="soft services-say">{sayServices(it)}</p>
            <table className="list">
              <tbody>
                {it.services.map((service) => (
                  <tr key={service.service}>
                    <td className={service.changed ? 'strong' : 'soft'}>{service.service}</td>
                    <td className={service.changed ? '' : 'soft'}>{service.changed ? 'new build' : 'same'}</td>
                    <td className="mono soft" data-tip={`SHA-256 of the artifact\n${service.artifact}`}>
                      {service.artifact.slice(0, 8)}
                    </td>
                    <td className="num soft nowrap">{sayBytes(service.bytes)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Panel>
          <Panel title="Database">
            <DatabaseSteps steps={it.databaseSteps} />
          </Panel>
        </div>
      </div>
      <Rehearsals release={it.name} />
      <Deployments release={it.name} />
    </>
  )
}

function Compare({ name }: { name: string }) {
  const navigate = useNavigate()
  const list = useQuery(ask(routes.releases.list, { query: { limit: 200 } }))
  const others = list.data?.releases.filter((it) => it.name !== name) ?? []
  if (others.length === 0) return null
  return (
    <select
      className="field push"
      aria-label="Compare with another release"
      value=""
      onChange={(event) => void navigate({ to: '/releases/$name/diff/$to', params: { name: event.target.value, to: name } })}
    >
      <option value="" disabled>
        Compare with…
      </option>
      {others.map((it) => (
        <option key={it.name} value={it.name}>
          {it.name}
        </option>
      ))}
    </select>
  )
}

function Rehearsals({ release }: { release: string }) {
  const list = useQuery(ask(routes.rehearsals.list, { query: { release, limit: 20 } }))
  return (
    <Panel title="Rehearsals">
      <Answered query={list} height={60}>
        {({ rehearsals }) =>
          rehearsals.length === 0 ? (
            <Empty title="Not rehearsed yet" command={`belay rehearse ${release}`}>
              Production takes a release only after its rehearsal has passed:
            </Empty>
          ) : (
            <div className="scroll-x">
              <table className="list">
                <tbody>
                  {rehearsals.map((it) => (
                    <tr key={it.id}>
                      <td>
                        <Link to="/rehearsals/$id" params={{ id: it.id }} className="mono strong link" data-row="">
                          {it.id}
                        </Link>
                      </td>
                      <td>
                        <Chip word={rehearsalWords[it.state]} />
                      </td>
                      <td className="soft">{it.because ?? it.phases.map((phase) => phase.name).join(', ')}</td>
                      <td className="soft nowrap">on {it.environment}</td>
                      <td className="num soft nowrap">{it.endedAt === null ? 'runs' : sayDuration(it.endedAt - it.startedAt)}</td>
                      <td className="num soft">
                        <Time at={it.startedAt} />
                      </td>
                      <td className="soft nowrap">{it.actor}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
    </Panel>
  )
}

function Deployments({ release }: { release: string }) {
  const list = useQuery(ask(routes.deployments.list, { query: { release, limit: 20 } }))
  return (
    <Panel title="Deployments">
      <Answered query={list} height={60}>
        {({ deployments }) =>
          deployments.length === 0 ? (
            <Empty title="Not deployed anywhere yet" command={`belay deploy private ${release}`} />
          ) : (
            <div className="scroll-x">
              <DeploymentTable deployments={deployments} />
            </div>
          )
        }
      </Answered>
    </Panel>
  )
}
