import { sayCount, sayDuration } from '@belay/base'
import { type RehearsalWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ask, client } from '../api.ts'
import { ActionButton } from '../parts/Allowed.tsx'
import { Answered } from '../parts/Answered.tsx'
import { Chip } from '../parts/Chip.tsx'
import { Confirm } from '../parts/Confirm.tsx'
import { Lines } from '../parts/lines/Lines.tsx'
import { linesOf } from '../parts/lines/lines.ts'
import { PageHead, Panel } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import { useNow } from '../parts/useNow.ts'
import { phaseWords, rehearsalWords } from '../words.ts'
import '../parts/rehearsal.css'

const page = getRouteApi('/rehearsals/$id')

type Phase = RehearsalWire['phases'][number]
const phaseSays: Readonly<Record<Phase['name'], string>> = {
  baseline: "Bring it to production's release",
  deploy: 'Deploy, as production would',
  tests: 'Run the tests',
  costs: 'Look at what calls cost',
  undo: 'Undo every step',
  'deploy-again': 'Deploy again',
}

/** Its phases pass without a fact of their own. */
const runningMs = 1_000

export function RehearsalPage() {
  const { id } = page.useParams()
  const rehearsal = useQuery({
    ...ask(routes.rehearsals.show, { params: { id } }),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? runningMs : false),
  })
  return (
    <Answered query={rehearsal} height={420}>
      {(it) => <Shown it={it} />}
    </Answered>
  )
}

function Shown({ it }: { it: RehearsalWire }) {
  const [asked, setAsked] = useState(false)
  const word = rehearsalWords[it.state]
  const tested = it.phases.find((phase) => phase.name === 'tests')
  const costs = it.phases.find((phase) => phase.name === 'costs')
  const deployed = it.phases.find((phase) => phase.name === 'deploy')
  return (
    <>
      <PageHead
        title={`Rehearsal of ${it.release} on ${it.environment}`}
        sub={
          <>
            Begun <Time at={it.startedAt} as="clock" /> by {it.actor}
            {it.endedAt !== null && ` · took ${sayDuration(it.endedAt - it.startedAt)}`}
            {it.withUndo && ' · with its undo'}
            {it.chaos && ` · the controller was killed ${sayCount(it.kills.length, 'time')}`}
            {' · '}
            <Link to="/releases/$name" params={{ name: it.release }} className="mono link">
              {it.release}
            </Link>
            {deployed?.deployment && (
              <>
                {' · '}
                <Link to="/deployments/$id" params={{ id: deployed.deployment }} className="link">
                  its steps, timed
                </Link>
              </>
            )}
          </>
        }
      >
        <Chip word={word} />
        {it.state === 'running' && (
          <ActionButton needs="rehearsal.start" look="danger" onClick={() => setAsked(true)}>
            Abort
          </ActionButton>
        )}
      </PageHead>
      {it.because && <p className={`because is-${word.tone}`}>{it.because}</p>}
      <Panel title="Phases">
        <Phases it={it} />
      </Panel>
      {it.kills.length > 0 && (
        <Panel title="Each time the controller was killed">
          <Kills kills={it.kills} />
        </Panel>
      )}
      {tested && tested.state !== 'skipped' && (
        <Panel title="Output of the tests" aside={<Chip word={phaseWords[tested.state]} />}>
          <Lines
            lines={linesOf(tested.output === null ? [] : [{ seq: 1, at: 0, text: tested.output }]).map((line) => ({ ...line, at: null }))}
            label="Output of the tests"
            height={320}
            empty={
              tested.state === 'pending'
                ? 'The tests have not begun.'
                : tested.state === 'running'
                  ? 'The tests run.'
                  : 'They printed nothing.'
            }
          />
        </Panel>
      )}
      {costs?.output && (
        <Panel title="What calls cost" aside={<Chip word={phaseWords[costs.state]} />}>
          <Lines
            lines={linesOf([{ seq: 1, at: 0, text: costs.output }]).map((line) => ({ ...line, at: null }))}
            label="What each method with a budget cost"
            height={200}
            empty="No method has a budget."
          />
        </Panel>
      )}
      {asked && (
        <Confirm
          title="Abort this rehearsal?"
          does="Abort"
          danger
          reason="none"
          act={() => client.call(routes.rehearsals.abort, { params: { id: it.id }, body: {} })}
          onClose={() => setAsked(false)}
        >
          It stops, and {it.release} counts as not rehearsed by it.
        </Confirm>
      )}
    </>
  )
}

/** Each phase as a bar on the rehearsal's own time, so that one sees what took long. */
function Phases({ it }: { it: RehearsalWire }) {
  const nowAt = useNow(it.state === 'running' ? 500 : 60_000)
  const endAt = it.endedAt ?? nowAt
  const wholeMs = Math.max(1, endAt - it.startedAt)
  const share = (ms: number) => `${(Math.max(0, ms) / wholeMs) * 100}%`
  return (
    <ol className="phases">
      {it.phases.map((phase) => {
        const word = phaseWords[phase.state]
        const tookMs = phase.startedAt === null ? null : (phase.endedAt ?? nowAt) - phase.startedAt
        return (
          <li key={phase.name} className={`tone-${word.tone}`}>
            <span className="phase-name">
              {phase.deployment ? (
                <Link to="/deployments/$id" params={{ id: phase.deployment }} className="link" data-row="">
                  {phaseSays[phase.name]}
                </Link>
              ) : (
                phaseSays[phase.name]
              )}
            </span>
            <span className="phase-track">
              {phase.startedAt !== null && tookMs !== null && (
                <i
                  className={`phase-bar phase-${phase.state}`}
                  style={{ left: share(phase.startedAt - it.startedAt), width: share(tookMs) }}
                />
              )}
            </span>
            <span className="num nowrap soft">{tookMs === null ? '' : sayDuration(tookMs)}</span>
            <Chip word={word} />
            {phase.because && <p className="soft phase-because">{phase.because}</p>}
          </li>
        )
      })}
    </ol>
  )
}

const momentSays = { begun: 'had begun', done: 'was done' } as const

function Kills({ kills }: { kills: RehearsalWire['kills'] }) {
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>Killed when</th>
            <th>How it went on</th>
            <th className="num">After</th>
          </tr>
        </thead>
        <tbody>
          {kills.map((kill) => (
            <tr key={`${kill.afterItem} ${kill.moment}`}>
              <td>
                step {kill.afterItem + 1} {momentSays[kill.moment]}
              </td>
              <td>{kill.resumedMs === null ? <span className="chip is-fall">did not resume</span> : 'resumed by itself'}</td>
              <td className="num">{kill.resumedMs === null ? '' : sayDuration(kill.resumedMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
