import { sayCount } from '@belay/base'
import { type EnvironmentWire, environmentKinds, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Command } from '../parts/Command.tsx'
import { Empty } from '../parts/Empty.tsx'
import { EnvironmentCard } from '../parts/EnvironmentCard.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { servicesMs } from '../pace.ts'

const kindSays = { private: 'Private', qa: 'QA', sandbox: 'Sandboxes', production: 'Production' } as const

function sayAll(all: readonly EnvironmentWire[]): string {
  if (all.length === 0) return 'Where the services run.'
  const unwell = all.filter((it) => it.state === 'unhealthy' || it.state === 'held').map((it) => it.name)
  return `${sayCount(all.length, 'environment')} on ${sayCount(
    all.reduce((sum, it) => sum + it.hosts.length, 0),
    'host',
  )}, ${unwell.length === 0 ? 'none unwell' : `unwell: ${unwell.join(', ')}`}.`
}

export function EnvironmentsPage() {
  const list = useQuery({ ...ask(routes.environments.list, {}), refetchInterval: servicesMs })
  return (
    <>
      <PageHead title="Environments" sub={list.data ? sayAll(list.data.environments) : 'Where the services run.'} />
      <Answered query={list} height={300}>
        {({ environments }) =>
          environments.length === 0 ? (
            <Panel title="Environments">
              <Empty title="No environment yet" command="belay init">
                belay.yaml names them, with their hosts. Write one:
              </Empty>
            </Panel>
          ) : (
            <>
              {environmentKinds.toReversed().map((kind) => {
                const these = environments.filter((it) => it.kind === kind)
                if (these.length === 0 && kind !== 'sandbox') return null
                return (
                  <section key={kind} aria-label={kindSays[kind]}>
                    <h2>{kindSays[kind]}</h2>
                    {these.length === 0 ? (
                      <p className="soft" style={{ marginBottom: 14 }}>
                        None. One from the present commit, gone after two hours: <Command>belay sandbox create --ttl 2h</Command>
                      </p>
                    ) : (
                      <div className="cards">
                        {these.map((it) => (
                          <EnvironmentCard key={it.name} environment={it} />
                        ))}
                      </div>
                    )}
                  </section>
                )
              })}
            </>
          )
        }
      </Answered>
    </>
  )
}
