import { sayCount } from '@belay/base'
import type { CallMethodWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { Panel } from '../../Page.tsx'
import { sayMany, sayPer, sayShare, sayTime } from '../figures.ts'
import { type CallsFilter, type Dimension, dimensions } from '../search.ts'

type Division = CallMethodWire['divisions'][number]
const isDimension = (by: string): by is Dimension => (dimensions as readonly string[]).includes(by)
const nameless: Readonly<Record<string, string>> = {
  status: 'no answer',
  account: 'no account',
  lane: 'no lane',
  release: 'no release',
  host: 'no host',
}

const time = (us: number): string => {
  const { value, unit } = sayTime(us)
  return unit === 'ms' ? value : `${value} ${unit}`
}

/** The same calls, parted by who called and what answered. What has but one part is a line and no table. */
export function Divisions({
  divisions,
  filter,
  service,
  method,
}: {
  divisions: readonly Division[]
  filter: CallsFilter
  service: string
  method: string
}) {
  const parted = divisions.filter((it) => it.rows.length > 1)
  const single = divisions.filter((it) => it.rows.length === 1 && it.rows[0]?.name !== '')
  return (
    <>
      <div className="divisions">
        {parted.map((it) => (
          <One key={it.by} it={it} filter={filter} service={service} method={method} />
        ))}
      </div>
      {single.length > 0 && (
        <p className="soft single-divisions">All of these calls: {single.map((it) => `${it.by} ${it.rows[0]?.name ?? ''}`).join(', ')}.</p>
      )}
    </>
  )
}

function One({ it, filter, service, method }: { it: Division; filter: CallsFilter; service: string; method: string }) {
  const top = Math.max(1, ...it.rows.map((row) => row.realUs))
  const all = it.rows.reduce((sum, row) => sum + row.count, 0)
  const { by } = it
  return (
    <Panel
      title={`By ${by}`}
      aside={
        it.total > it.rows.length && (
          <span className="soft">{`the ${it.rows.length} with most calls of ${it.total.toLocaleString('en')}`}</span>
        )
      }
    >
      <div className="scroll-x">
        <table className="list division">
          <thead>
            <tr>
              <th>{by}</th>
              <th className="num">Calls</th>
              <th>Real, ms</th>
              <th className="num">p95</th>
              <th className="num">Cpu</th>
              <th className="num">Db</th>
              <th className="num">Stc</th>
              <th className="num">Txc</th>
            </tr>
          </thead>
          <tbody>
            {it.rows.map((row) => (
              <tr key={row.name}>
                <td className="division-name">
                  {isDimension(by) && row.name !== '' ? (
                    <Link
                      to="/calls/method"
                      search={{ ...filter, service, method, [by]: row.name }}
                      className="link clip"
                      title={`${row.name}: these calls alone`}
                      resetScroll={false}
                    >
                      {row.name}
                    </Link>
                  ) : (
                    <span className={row.name === '' || row.name === '0' ? 'soft' : ''}>
                      {row.name === '' || (by === 'status' && row.name === '0') ? (nameless[by] ?? 'none') : row.name}
                    </span>
                  )}
                </td>
                <td
                  className="num nowrap"
                  data-tip={`${sayShare(row.count / Math.max(1, all))} of the calls shown here, ${sayCount(row.errors, 'error')}`}
                >
                  {sayMany(row.count)}
                </td>
                <td>
                  <span className="division-bar">
                    <i style={{ width: `${(row.realUs / top) * 100}%` }} />
                    <span>{time(row.realUs)}</span>
                  </span>
                </td>
                <td className="num">{row.p95Us === null ? '–' : time(row.p95Us)}</td>
                <td className="num">{time(row.cpuUs)}</td>
                <td className="num">{time(row.dbUs)}</td>
                <td className="num">{sayPer(row.statements)}</td>
                <td className="num">{sayPer(row.transactions)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  )
}
