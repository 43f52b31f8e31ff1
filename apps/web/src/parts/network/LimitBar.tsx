import { limits, type Limit, type SessionRecord } from '@belay/tcp'
import { limitWords, sayMs, sayPercent } from './words.ts'

/** A session's life as one bar: where its time went. Each part has a pattern of its own, and its name and figure beside it. */
export function LimitBar({ record }: { record: SessionRecord }) {
  const whole = limits.reduce((sum, it) => sum + record.limits[it], 0)
  if (whole <= 0) return <p className="soft">It was too short to say what limited it.</p>
  const share = (it: Limit) => record.limits[it] / whole
  const shown = limits.filter((it) => record.limits[it] > 0)
  return (
    <>
      <div className="limit-bar" role="img" aria-label={shown.map((it) => `${limitWords[it].short} ${sayPercent(share(it))}`).join(', ')}>
        {shown.map((it) => (
          <i
            key={it}
            className={`limit-${it}`}
            style={{ flexGrow: share(it) }}
            data-tip={`${limitWords[it].short}, ${sayPercent(share(it))}: ${limitWords[it].says}`}
          />
        ))}
      </div>
      <dl className="limit-legend">
        {limits.map((it) => (
          <div key={it} className={record.limits[it] > 0 ? '' : 'is-none'} data-tip={limitWords[it].says}>
            <dt>
              <i className={`limit-${it}`} aria-hidden="true" />
              {limitWords[it].short}
            </dt>
            <dd>
              <span className={it === record.verdict.limit ? 'strong' : ''}>{sayPercent(share(it))}</span>{' '}
              <span className="soft">{sayMs(record.limits[it])}</span>
            </dd>
          </div>
        ))}
      </dl>
    </>
  )
}
