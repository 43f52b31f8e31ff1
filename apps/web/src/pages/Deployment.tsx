import { sayCount, sayDuration } from '@belay/base'
import { type DeploymentWire, type OutputWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Chip } from '../parts/Chip.tsx'
import { Empty } from '../parts/Empty.tsx'
import { Offers } from '../parts/Offers.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { Elapsed, isOnCourse } from '../parts/Progress.tsx'
import { StepOutput } from '../parts/StepOutput.tsx'
import { Time } from '../parts/Time.tsx'
import { type Bar, chartOf, mostTelling } from '../parts/timeline/bars.ts'
import { Timeline } from '../parts/timeline/Timeline.tsx'
import { useFollow } from '../parts/useFollow.ts'
import { useNow } from '../parts/useNow.ts'
import { sayList, WhatIsIn } from '../parts/WhatIsIn.tsx'
import { deploymentWords, isMoving, nameDeployment, upperFirst } from '../words.ts'

const page = getRouteApi('/deployments/$id')
/** The stream ends for good only in these; one that failed can still be taken up again. */
const over: readonly DeploymentWire['state'][] = ['passed', 'undone', 'aborted']

/** A difference that nobody would plan by: as rehearsed. */
const sameShare = 0.1

function sayAgainstRehearsal(tookMs: number, expectedMs: number | null): string {
  if (expectedMs === null) return ''
  const differenceMs = Math.abs(tookMs - expectedMs)
  if (differenceMs <= expectedMs * sameShare) return ', as rehearsed'
  return `, ${sayDuration(differenceMs)} ${tookMs > expectedMs ? 'slower' : 'quicker'} than rehearsed`
}

/**
 * The state in one sentence: its reason in full when it has one, else what runs or how it went. Always there, so that
 * nothing moves when a reason comes.
 */
function sayState(it: DeploymentWire, bars: readonly Bar[]): string {
  if (it.because) return it.because
  if (it.state === 'waiting-approval') return 'Nothing is done before somebody else approves this plan.'
  const running = bars.filter((bar) => bar.state === 'running')
  if (running.length > 0) {
    const steps = sayList([...new Set(running.map((bar) => (bar.direction === 'undo' ? `the undo of ${bar.step}` : bar.step)))])
    const hosts = [...new Set(running.map((bar) => bar.host))]
    return `Now ${steps} on ${hosts.length > 3 ? sayCount(hosts.length, 'host') : sayList(hosts)}. Nothing has failed.`
  }
  if (it.state === 'passed' && it.startedAt !== null && it.endedAt !== null) {
    const tookMs = it.endedAt - it.startedAt
    return `All steps passed in ${sayDuration(tookMs)}${sayAgainstRehearsal(tookMs, it.expectedMs)}.`
  }
  return isMoving(it.state) ? 'Between two steps. Nothing has failed.' : upperFirst(`${deploymentWords[it.state].says}.`)
}

export function DeploymentPage() {
  const { id } = page.useParams()
  const deployment = useQuery({ ...ask(routes.deployments.show, { params: { id } }), meta: { followed: true } })
  const live = useFollow(id, deployment.data !== undefined && !over.includes(deployment.data.state))
  return (
    <Answered query={deployment} height={420}>
      {(it) => <Shown key={it.id} it={it} live={live} />}
    </Answered>
  )
}

/** Often enough that bars grow instead of jumping: a short deployment moves several pixels in a tenth of a second. */
function paceMs(it: DeploymentWire): number {
  if (!isMoving(it.state)) return 60_000
  return (it.expectedMs ?? 0) > 30_000 ? 250 : 100
}

function Shown({ it, live }: { it: DeploymentWire; live: readonly OutputWire[] }) {
  const chosen = page.useSearch()
  const navigate = useNavigate({ from: '/deployments/$id' })
  const moving = isMoving(it.state)
  const nowAt = useNow(paceMs(it))
  const chart = useMemo(() => chartOf(it, nowAt), [it, nowAt])
  const pinned =
    chosen.item === undefined
      ? undefined
      : chart.bars.findLast((bar) => bar.index === chosen.item && bar.direction === (chosen.direction ?? 'do'))
  const bar = pinned ?? mostTelling(chart.bars) ?? chart.bars[0]
  const word = deploymentWords[it.state]
  return (
    <>
      <PageHead title={nameDeployment(it)} tab={`${word.says}: ${nameDeployment(it)}`} sub={<Sub it={it} />}>
        <Chip word={word} />
        <Offers deployment={it} />
      </PageHead>
      <p className={`because is-${word.tone}`}>{sayState(it, chart.bars)}</p>
      <Panel
        title={`Steps on hosts${it.expectedMs === null ? ', not rehearsed before' : ", with the rehearsal's times behind them"}`}
        aside={<Legend />}
      >
        {it.plan.items.length === 0 ? (
          <Empty title="Nothing had to be done">Every service already runs this very build and configuration.</Empty>
        ) : (
          <Timeline
            chart={chart}
            label="Steps on hosts over time"
            chosen={bar && { item: bar.index, direction: bar.direction }}
            onChoose={({ item, direction }) => void navigate({ search: { item, direction }, replace: true, resetScroll: false })}
          />
        )}
      </Panel>
      <div className="beside">
        {bar ? (
          <StepOutput
            deployment={it}
            bar={bar}
            live={live}
            pinned={pinned !== undefined && moving}
            onFollow={() => void navigate({ search: {}, replace: true, resetScroll: false })}
          />
        ) : (
          <span />
        )}
        <Panel title="What is in it">
          <WhatIsIn release={it.release} plan={it.plan} />
        </Panel>
      </div>
    </>
  )
}

function Sub({ it }: { it: DeploymentWire }) {
  const moving = isMoving(it.state)
  const parts = [
    <span key="begun">
      {it.startedAt === null ? 'Asked for ' : 'Begun '}
      <Time at={it.startedAt ?? it.createdAt} as="clock" /> by {it.actor}
    </span>,
    (moving || it.endedAt !== null) && (
      <span key="took" className="num">
        {/* How an ended one compares is the sentence below. */}
        <Elapsed it={moving ? it : { ...it, expectedMs: null }} />
        {moving && it.expectedMs !== null && isOnCourse(it) && ' as rehearsed'}
      </span>
    ),
    <span key="steps" className="num">
      {it.itemsDone} of {sayCount(it.itemsTotal, 'step')}
    </span>,
    it.from !== null && <span key="from">from {it.from}</span>,
    it.approval.needed && (
      <span key="approval">
        {it.approval.by === null ? 'needs the approval of a second person' : `approved by ${it.approval.by}`}
        {it.approval.at !== null && (
          <>
            {' '}
            <Time at={it.approval.at} />
          </>
        )}
      </span>
    ),
    it.rehearsal !== null && (
      <Link key="rehearsal" to="/rehearsals/$id" params={{ id: it.rehearsal }} className="link">
        rehearsal {it.rehearsal}
      </Link>
    ),
    <span key="plan" data-tip={`Content hash of the plan\n${it.planHash}`}>
      plan <code>{it.planHash.slice(0, 8)}</code>
    </span>,
    it.forced && <span key="forced">forced</span>,
    it.reason && <span key="reason">“{it.reason}”</span>,
  ].filter(Boolean)
  return (
    <span className="deployment-facts">
      {parts.map((part, index) => (
        // The parts never change their order.
        <span key={index}>
          {index > 0 && ' · '}
          {part}
        </span>
      ))}
    </span>
  )
}

/** What the bars' looks mean, small. */
function Legend() {
  return (
    <span className="legend soft" aria-hidden="true">
      <span>
        <i className="legend-expected" /> rehearsed
      </span>
      <span>
        <i className="legend-ahead" /> ahead
      </span>
      <span>
        <i className="legend-undo" /> undo
      </span>
    </span>
  )
}
