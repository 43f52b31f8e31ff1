import { sayCount } from '@belay/base'
import { type ExemplarWire, routes } from '@belay/protocol'
import { useElementSize } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ask } from '../../../api.ts'
import { sayClock } from '../../../time.ts'
import { Answered } from '../../Answered.tsx'
import { CopyButton } from '../../Command.tsx'
import { Empty } from '../../Empty.tsx'
import { Panel } from '../../Page.tsx'
import { Time } from '../../Time.tsx'
import { useNow } from '../../useNow.ts'
import { sayFigure, sayTime } from '../figures.ts'
import { queryOf } from '../asked.ts'
import { type CallsFilter } from '../search.ts'
import { useRangeNow } from '../useCalls.ts'
import { axisOf, sayWhy, timelineOf, type TimelineRow } from './timeline.ts'

const time = (us: number): string => {
  const { value, unit } = sayTime(us)
  return `${value} ${unit}`
}
/** The list shows so many until somebody wants all. */
const shownFirst = 12
const tickPx = 86

/** Calls that were kept whole: which, why, and what one of them did when. */
export function Exemplars({
  filter,
  service,
  method,
  trace,
  onTrace,
}: {
  filter: CallsFilter
  service: string
  method: string
  trace: string | undefined
  onTrace: (trace: string) => void
}) {
  const nowAt = useRangeNow()
  const { compare: _, ...query } = queryOf(filter, nowAt)
  const list = useQuery({
    ...ask(routes.calls.exemplars, { query: { ...query, service, method } }),
    placeholderData: (before) => before,
  })
  return (
    <Panel
      title="Calls that were kept"
      aside={
        <>
          <span className="soft">the slowest, the failed, the odd, and some usual ones</span>
          <Link to="/network/calls" search={{ environment: filter.environment, service, method }} className="link">
            Was it the network or the server?
          </Link>
        </>
      }
    >
      <Answered query={list} height={220}>
        {({ exemplars }) =>
          exemplars.length === 0 ? (
            <Empty title="None was kept in this range">
              Belay&apos;s recorder keeps some of each method; of access logs there are none.
            </Empty>
          ) : (
            <Chosen exemplars={exemplars} trace={trace} onTrace={onTrace} />
          )
        }
      </Answered>
    </Panel>
  )
}

const keyOf = (it: ExemplarWire): string => (it.trace === '' ? it.span : it.trace)

function Chosen({
  exemplars,
  trace,
  onTrace,
}: {
  exemplars: readonly ExemplarWire[]
  trace: string | undefined
  onTrace: (trace: string) => void
}) {
  const nowAt = useNow(60_000)
  const [all, setAll] = useState(false)
  const asked = exemplars.find((it) => keyOf(it) === trace)
  const chosen = asked ?? exemplars[0]
  const at = chosen === undefined ? 0 : exemplars.indexOf(chosen)
  const shown = all || at >= shownFirst ? exemplars : exemplars.slice(0, shownFirst)
  return (
    <div className="exemplars">
      <div className="exemplar-list" role="group" aria-label="Calls, the slowest first">
        {shown.map((it) => (
          <button
            key={`${it.trace} ${it.span} ${it.at}`}
            type="button"
            className="exemplar"
            aria-pressed={it === chosen}
            data-row=""
            onClick={() => onTrace(keyOf(it))}
          >
            <span className="strong nowrap">{time(it.realUs)}</span>
            <span className={it.failed ? 'ink-fall' : 'soft'}>
              {it.failed ? `failed${it.status > 0 ? ` with ${it.status}` : ''}` : sayWhy(it.why)}
            </span>
            <span className="soft right nowrap">{sayClock(it.at, nowAt)}</span>
          </button>
        ))}
        {shown.length < exemplars.length && (
          <button type="button" className="btn small plain" onClick={() => setAll(true)}>
            {exemplars.length - shown.length} more
          </button>
        )}
      </div>
      {chosen !== undefined && (
        <div>
          {trace !== undefined && asked === undefined && (
            <p className="store-notice">The call {trace.slice(0, 12)} is not among those kept in this range; this is the slowest.</p>
          )}
          <One it={chosen} />
        </div>
      )}
    </div>
  )
}

function One({ it }: { it: ExemplarWire }) {
  const rows = timelineOf(it.events)
  const figures = [
    ['Real', time(it.realUs)],
    ['Cpu', it.cpuUs === null ? 'not measured' : time(it.cpuUs)],
    ['Db', time(it.dbUs)],
    ['Statements', String(it.statements)],
    ['Transactions', String(it.transactions)],
  ]
  const about = [
    it.release === '' ? undefined : it.release,
    it.lane === '' ? undefined : `lane ${it.lane}`,
    it.host === '' ? undefined : `on ${it.host}`,
    it.audience,
    it.account === '' ? undefined : `account ${it.account}`,
    it.status === 0 ? 'no answer' : `status ${it.status}`,
  ].filter((one) => one !== undefined && one !== '')
  return (
    <>
      <div className="exemplar-head">
        {figures.map(([name, value]) => (
          <span key={name}>
            <span className="soft">{name} </span>
            <span className="strong">{value}</span>
          </span>
        ))}
      </div>
      <p className="soft exemplar-about">
        <Time at={it.at} as="clock" /> · {about.join(' · ')}
        {it.variants.map((variant) => (
          <span key={variant} className="tag">
            {variant}
          </span>
        ))}
        {it.trace !== '' && (
          <span className="nowrap">
            trace <code>{it.trace.slice(0, 16)}…</code>
            <CopyButton text={it.trace} />
          </span>
        )}
      </p>
      {rows.length === 0 ? (
        <Empty title="It did nothing that is watched">No statement, no call to another service, no flag.</Empty>
      ) : (
        <Timeline rows={rows} spanUs={Math.max(it.realUs, ...it.events.map((event) => event.atUs + event.tookUs))} />
      )}
      {it.cut > 0 && <p className="soft">{sayCount(it.cut, 'more event')} found no room.</p>}
    </>
  )
}

const kindWords: Readonly<Record<string, string>> = {
  statement: 'statement',
  transaction: 'transaction',
  external: 'call to another service',
  evaluation: 'flag',
  error: 'error',
}

function Timeline({ rows, spanUs }: { rows: readonly TimelineRow[]; spanUs: number }) {
  const { ref, width } = useElementSize()
  const ticks = width === 0 ? [] : axisOf(spanUs, Math.max(2, Math.floor(width / tickPx)))
  const x = (us: number) => `${(us / spanUs) * 100}%`
  return (
    <div className="call-timeline">
      <div className="call-axis" aria-hidden="true">
        <div ref={ref}>
          {ticks.map((us) => (
            <span key={us} style={{ left: x(us) }}>
              {us === 0 ? '0' : time(us)}
            </span>
          ))}
        </div>
      </div>
      <ol>
        {rows.map((row) => (
          <li key={row.key} className={`kind-${row.kind}`}>
            <div className="call-did">
              {row.count > 1 && <span className="repeat-badge">× {row.count}</span>}
              <details>
                <summary>
                  <span className="hidden">{kindWords[row.kind] ?? row.kind}: </span>
                  <code className="clip">{row.text}</code>
                </summary>
                <pre>{row.text}</pre>
              </details>
              <span className={`nowrap right ${row.failed ? 'ink-fall' : 'soft'}`}>
                {row.failed && 'failed, '}
                {row.tookUs > 0 ? time(row.tookUs) : ''}
              </span>
            </div>
            <div className="call-track">
              {ticks.map((us) => (
                <i key={us} className="call-grid" style={{ left: x(us) }} />
              ))}
              {row.bars.map((bar, at) => (
                <i
                  // Two may begin in the same microsecond.
                  key={`${bar.atUs} ${at}`}
                  className={`call-bar ${bar.failed ? 'is-failed' : ''}`}
                  style={{ left: x(bar.atUs), width: x(bar.tookUs) }}
                  data-tip={`${kindWords[row.kind] ?? row.kind}${row.system === '' ? '' : `, ${row.system}`}\nat ${time(bar.atUs)}, took ${sayFigure('real', bar.tookUs)}${bar.failed ? ', failed' : ''}`}
                />
              ))}
            </div>
          </li>
        ))}
      </ol>
    </div>
  )
}
