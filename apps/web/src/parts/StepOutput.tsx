import { sayDuration } from '@belay/base'
import { type DeploymentWire, type OutputWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { client } from '../api.ts'
import type { Word } from '../words.ts'
import { Answered } from './Answered.tsx'
import { Chip } from './Chip.tsx'
import { Lines } from './lines/Lines.tsx'
import { linesOf, mergePieces } from './lines/lines.ts'
import { Panel } from './Page.tsx'
import type { Bar } from './timeline/bars.ts'

const barWords: Readonly<Record<Bar['state'], Word>> = {
  ahead: { tone: 'none', says: 'still ahead' },
  running: { tone: 'climb', says: 'running' },
  done: { tone: 'top', says: 'done' },
  failed: { tone: 'fall', says: 'failed' },
  interrupted: { tone: 'held', says: 'interrupted' },
  skipped: { tone: 'none', says: 'skipped' },
}
const pagePieces = 2_000
/** Ten pages: more of one step's output than anybody reads in a browser; `belay deployment log` has it all. */
const pagesMax = 10

async function allOutput(id: string, bar: Pick<Bar, 'index' | 'direction'>, signal: AbortSignal): Promise<readonly OutputWire[]> {
  const all: OutputWire[] = []
  for (let page = 0; page < pagesMax; page++) {
    const query = { index: bar.index, direction: bar.direction, after: all.at(-1)?.seq ?? 0, limit: pagePieces }
    const { output, more } = await client.call(routes.deployments.output, { params: { id }, query }, signal)
    all.push(...output)
    if (!more || output.length === 0) break
  }
  return all
}

/** One step on one host: what it is, how it went, and what it printed, live. */
export function StepOutput({
  deployment,
  bar,
  live,
  pinned,
  onFollow,
}: {
  deployment: DeploymentWire
  bar: Bar
  live: readonly OutputWire[]
  pinned: boolean
  onFollow: () => void
}) {
  const item = deployment.plan.items.find((it) => it.index === bar.index)
  const begun = bar.state !== 'ahead'
  const fetched = useQuery({
    // Asked again when the step's state changes, so that nothing is missing if the stream was late or broken.
    queryKey: ['output', deployment.id, bar.index, bar.direction, bar.attempt, bar.state],
    queryFn: ({ signal }) => (begun ? allOutput(deployment.id, bar, signal) : []),
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: (before) => before,
  })
  const lines = useMemo(() => {
    const isMine = (piece: OutputWire) => piece.index === bar.index && piece.direction === bar.direction
    return linesOf(mergePieces((fetched.data ?? []).filter(isMine), live.filter(isMine)))
  }, [live, fetched.data, bar.index, bar.direction])

  const action = bar.direction === 'undo' ? item?.undo : item?.action
  return (
    <Panel
      title={`${bar.host}, ${bar.direction === 'undo' ? 'undo of ' : ''}${bar.step}`}
      aside={
        <>
          {pinned && (
            <button type="button" className="btn small plain" onClick={onFollow} data-tip="Show the step that runs, always">
              Follow what runs
            </button>
          )}
          {bar.attempt > 1 && <span className="tag">try {bar.attempt}</span>}
          <Chip word={barWords[bar.state]} />
        </>
      }
    >
      <div className="step-body">
        <div className="step-facts soft">
          <code className="clip" data-tip={action ?? undefined}>
            {action ?? 'nothing'}
          </code>
          <span className="num nowrap">
            {begun && sayDuration(bar.endMs - bar.startMs)}
            {bar.expectedMs !== null && `${begun ? ', ' : ''}rehearsed in ${sayDuration(bar.expectedMs)}`}
            {item && `, at most ${sayDuration(item.timeLimitMs)}`}
          </span>
        </div>
        {bar.because && <p className={`step-because ${bar.state === 'failed' ? 'is-fall' : 'is-held'}`}>{bar.because}</p>}
        <Answered query={fetched} height={260}>
          {() => (
            <Lines
              key={bar.key}
              lines={lines}
              label={`Output of ${bar.step} on ${bar.host}`}
              empty={
                !begun
                  ? `Has not begun.${item?.undo ? ` Its undo would be: ${item.undo}` : ''}`
                  : bar.state === 'running'
                    ? 'It has printed nothing yet.'
                    : 'It printed nothing.'
              }
            />
          )}
        </Answered>
      </div>
    </Panel>
  )
}
