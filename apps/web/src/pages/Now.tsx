import { type DeploymentSummaryWire, type FactWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Empty } from '../parts/Empty.tsx'
import { EnvironmentCard } from '../parts/EnvironmentCard.tsx'
import { FactLines } from '../parts/FactLines.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { ProgressRow } from '../parts/Progress.tsx'
import { RopeRows } from '../parts/RopeRows.tsx'
import { paceOf } from '../pace.ts'
import { hasEnded, isMoving } from '../words.ts'

const recentShown = 8
/** Enough that a rolling deployment, which writes two facts a step, leaves something else to show. */
const recentRead = 150
/** Steps are on the deployment's own page; here they would push away what a person did. */
const isStep = (fact: FactWire): boolean => fact.kind.startsWith('step.')

/** What moves, and what stands until a person does something: also one whose undo failed. */
const needsEyes = (it: DeploymentSummaryWire): boolean => !hasEnded(it.state) || it.state === 'failed'
const movingFirst = (a: DeploymentSummaryWire, b: DeploymentSummaryWire): number =>
  Number(isMoving(b.state)) - Number(isMoving(a.state)) || b.createdAt - a.createdAt

/** The page's one question is answered by its first line; a glance goes no further down than that. */
export function NowPage() {
  const now = useQuery({ ...ask(routes.now, {}), refetchInterval: ({ state }) => paceOf(state.data?.deployments) })
  const recent = useQuery(ask(routes.ledger.list, { query: { limit: recentRead } }))
  return (
    <Answered query={now} height={420}>
      {(it) => {
        const moving = it.deployments.filter((deployment) => needsEyes(deployment)).sort(movingFirst)
        return (
          <>
            <PageHead title={it.sentence} tab="Now" sub={it.detail} />
            {moving.length > 0 && (
              <Panel title="On the way">
                <div>
                  {moving.map((deployment) => (
                    <ProgressRow key={deployment.id} it={deployment} />
                  ))}
                </div>
              </Panel>
            )}
            <Panel title="On the rope">
              {it.rope.length > 0 ? (
                <RopeRows rows={it.rope} deployments={it.deployments} />
              ) : (
                <Empty title="No release yet" command="belay release cut">
                  A release is built from a commit of your repository and then climbs from environment to environment. Cut one:
                </Empty>
              )}
            </Panel>
            {it.environments.length > 0 ? (
              <div className="cards cards-fit">
                {it.environments.map((environment) => (
                  <EnvironmentCard key={environment.name} environment={environment} />
                ))}
              </div>
            ) : (
              <Panel title="Environments">
                <Empty title="No environment yet" command="belay init">
                  belay.yaml names them, with their hosts. Write one:
                </Empty>
              </Panel>
            )}
            <Panel
              title="What happened last"
              aside={
                <Link to="/ledger" className="link soft">
                  all facts
                </Link>
              }
            >
              <Answered query={recent} height={280}>
                {({ facts }) =>
                  facts.length > 0 ? (
                    <FactLines facts={facts.filter((fact) => !isStep(fact)).slice(0, recentShown)} />
                  ) : (
                    <Empty title="Nothing has happened yet" />
                  )
                }
              </Answered>
            </Panel>
          </>
        )
      }}
    </Answered>
  )
}
