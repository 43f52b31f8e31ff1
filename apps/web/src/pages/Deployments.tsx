import { sayDuration } from '@belay/base'
import { type DeploymentSummaryWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Empty } from '../parts/Empty.tsx'
import { Pick } from '../parts/Pick.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { DeploymentTable } from '../parts/DeploymentTable.tsx'
import { paceOf } from '../pace.ts'
import { isMoving } from '../words.ts'

const page = getRouteApi('/deployments')
const shownMax = 200

/** "2 run now, 1 waits for a person" or when the last one was. */
function sayList(all: readonly DeploymentSummaryWire[]): string {
  const running = all.filter((it) => isMoving(it.state)).length
  const waiting = all.filter((it) => it.offers.length > 0 && !isMoving(it.state) && it.state !== 'passed').length
  const parts = [running > 0 ? `${running} running` : 'None running', ...(waiting > 0 ? [`${waiting} waiting for a person`] : [])]
  const passed = all.filter((it) => it.state === 'passed' && it.startedAt !== null && it.endedAt !== null)
  if (passed.length > 0) parts.push(`the last that passed took ${sayDuration((passed[0]?.endedAt ?? 0) - (passed[0]?.startedAt ?? 0))}`)
  return `${parts.join(', ')}.`
}

export function DeploymentsPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/deployments' })
  const list = useQuery({
    ...ask(routes.deployments.list, { query: { ...search, limit: shownMax } }),
    placeholderData: (before) => before,
    refetchInterval: ({ state }) => paceOf(state.data?.deployments),
  })
  const environments = useQuery(ask(routes.environments.list, {}))
  const releases = useQuery(ask(routes.releases.list, { query: { limit: shownMax } }))
  return (
    <>
      <PageHead title="Deployments" sub={list.data ? sayList(list.data.deployments) : 'Newest first.'} />
      <div className="filters">
        <Pick
          label="Environment"
          value={search.environment}
          options={environments.data?.environments.map((it) => it.name) ?? []}
          onChange={(environment) => void navigate({ search: (before) => ({ ...before, environment }), replace: true })}
          main
        />
        <Pick
          label="Release"
          value={search.release}
          options={releases.data?.releases.map((it) => it.name) ?? []}
          onChange={(release) => void navigate({ search: (before) => ({ ...before, release }), replace: true })}
        />
      </div>
      <Answered query={list} height={300}>
        {({ deployments }) =>
          deployments.length === 0 ? (
            <Panel title="Deployments">
              {search.environment === undefined && search.release === undefined ? (
                <Empty title="Nothing was deployed yet" command="belay deploy private RELEASE">
                  Take a release to your private cloud first:
                </Empty>
              ) : (
                <Empty title="No deployment fits this filter">
                  <Link to="/deployments" className="link">
                    Show all
                  </Link>
                </Empty>
              )}
            </Panel>
          ) : (
            <div className="panel scroll-x">
              <DeploymentTable deployments={deployments} />
              {deployments.length === shownMax && <p className="soft">The newest {shownMax} are shown; filter to see older ones.</p>}
            </div>
          )
        }
      </Answered>
    </>
  )
}
