import { sayDuration } from '@belay/base'
import { type EnvironmentWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Chip } from '../parts/Chip.tsx'
import { DeploymentTable } from '../parts/DeploymentTable.tsx'
import { Empty } from '../parts/Empty.tsx'
import { EnvironmentActions } from '../parts/EnvironmentActions.tsx'
import { TimeLeft } from '../parts/EnvironmentCard.tsx'
import { HostGrid } from '../parts/HostGrid.tsx'
import { Lines } from '../parts/lines/Lines.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { Pick } from '../parts/Pick.tsx'
import { Time } from '../parts/Time.tsx'
import { useLogs } from '../parts/useLogs.ts'
import { useNow } from '../parts/useNow.ts'
import { servicesMs } from '../pace.ts'
import { environmentWords } from '../words.ts'

const page = getRouteApi('/environments/$name')

export function EnvironmentPage() {
  const { name } = page.useParams()
  const environment = useQuery({ ...ask(routes.environments.show, { params: { name } }), refetchInterval: servicesMs })
  return (
    <Answered query={environment} height={420}>
      {(it) => <Shown key={it.name} it={it} />}
    </Answered>
  )
}

function Shown({ it }: { it: EnvironmentWire }) {
  const word = environmentWords[it.state]
  return (
    <>
      <PageHead
        title={it.name}
        sub={
          <>
            {it.kind}
            {' · '}
            {it.release === null ? (
              'nothing deployed'
            ) : (
              <Link to="/releases/$name" params={{ name: it.release }} className="mono link">
                {it.release}
              </Link>
            )}
            {it.deployedAt !== null && (
              <>
                {' · '}deployed <Time at={it.deployedAt} />
                {it.lastDeployment !== null && (
                  <>
                    {' by '}
                    <Link to="/deployments/$id" params={{ id: it.lastDeployment }} className="link">
                      {it.lastDeployment}
                    </Link>
                  </>
                )}
              </>
            )}
            {it.createdBy !== null && ` · made by ${it.createdBy}`}
            {it.expiresAt !== null && (
              <>
                {' · '}
                <TimeLeft at={it.expiresAt} />
              </>
            )}
          </>
        }
      >
        <Chip word={word} />
        <EnvironmentActions environment={it} />
      </PageHead>
      {it.because && <p className={`because is-${word.tone === 'none' ? 'held' : word.tone}`}>{it.because}</p>}
      {it.lease && <Lease lease={it.lease} />}
      <Panel title="Services on hosts">
        {it.hosts.length === 0 ? <Empty title="No host">belay.yaml gives {it.name} no host.</Empty> : <HostGrid environment={it} />}
      </Panel>
      <Logs it={it} />
      <History name={it.name} />
    </>
  )
}

function Lease({ lease }: { lease: NonNullable<EnvironmentWire['lease']> }) {
  const nowAt = useNow(1_000)
  return (
    <p className="because is-climb" data-tip={`Fence ${lease.fence}: hosts refuse whoever comes with a lower one`}>
      Taken by {lease.owner} for {sayDuration(Math.max(0, nowAt - lease.sinceAt))}: {lease.reason}
      {lease.deployment && (
        <>
          {' '}
          <Link to="/deployments/$id" params={{ id: lease.deployment }} className="link">
            look
          </Link>
        </>
      )}
    </p>
  )
}

function Logs({ it }: { it: EnvironmentWire }) {
  const { service, host, follow } = page.useSearch()
  const navigate = useNavigate({ from: '/environments/$name' })
  const on = follow !== 'no'
  const { lines, open } = useLogs(it.name, service, host, on)
  const services = [...new Set(it.hosts.flatMap((one) => one.services.map((its) => its.service)))]
  const set = (search: { service?: string | undefined; host?: string | undefined; follow?: 'no' | undefined }) =>
    void navigate({ search: (before) => ({ ...before, ...search }), replace: true, resetScroll: false })
  return (
    <Panel
      title="Log"
      aside={
        <>
          <Pick label="Service" value={service} options={services} onChange={(value) => set({ service: value })} main />
          <Pick label="Host" value={host} options={it.hosts.map((one) => one.name)} onChange={(value) => set({ host: value })} />
          <button type="button" className="btn" aria-pressed={on} onClick={() => set({ follow: on ? 'no' : undefined })}>
            {on ? 'Stop' : 'Follow'}
          </button>
        </>
      }
    >
      <Lines
        key={`${service} ${host}`}
        lines={lines}
        label={`Log of ${service ?? 'all services'}`}
        height={300}
        empty={!on ? 'Stopped.' : open ? 'No line yet.' : 'Connecting…'}
      />
    </Panel>
  )
}

function History({ name }: { name: string }) {
  const list = useQuery(ask(routes.deployments.list, { query: { environment: name, limit: 10 } }))
  return (
    <Panel
      title="Deployments here"
      aside={
        <Link to="/deployments" search={{ environment: name }} className="link soft">
          all
        </Link>
      }
    >
      <Answered query={list} height={80}>
        {({ deployments }) =>
          deployments.length === 0 ? (
            <Empty title="Nothing was deployed here yet" command={`belay deploy ${name} RELEASE`} />
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
