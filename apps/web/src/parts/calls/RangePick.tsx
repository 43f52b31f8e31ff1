import { FromTo } from '../FromTo.tsx'
import { useNow } from '../useNow.ts'
import { Popup } from './Popup.tsx'
import { boundsOf, ranges, sayRange } from './asked.ts'
import { type CallsFilter, rangeNames } from './search.ts'

type RangeSearch = Pick<CallsFilter, 'range' | 'day' | 'from' | 'to'>
const none: RangeSearch = { range: undefined, day: undefined, from: undefined, to: undefined }

/** The last hour, day, week, month; one day; from one moment to another. */
export function RangePick({ filter, onChange }: { filter: CallsFilter; onChange: (range: RangeSearch) => void }) {
  return (
    <Popup label="range" name="Range of time" value={sayRange(filter)}>
      {(close) => <Ranges filter={filter} onChange={onChange} close={close} />}
    </Popup>
  )
}

function Ranges({ filter, onChange, close }: Parameters<typeof RangePick>[0] & { close: () => void }) {
  const nowAt = useNow(60_000)
  const { from, to } = boundsOf(filter, nowAt)
  const isNamed = filter.day === undefined && filter.from === undefined
  return (
    <>
      <div className="popup-list">
        {rangeNames.map((name) => (
          <button
            key={name}
            type="button"
            className="popup-option"
            aria-pressed={isNamed && (filter.range ?? '24h') === name}
            onClick={() => {
              onChange({ ...none, range: name === '24h' ? undefined : name })
              close()
            }}
          >
            {ranges[name].says}
          </button>
        ))}
      </div>
      <label className="labelled">
        One day (UTC)
        <input
          className="field"
          type="date"
          value={filter.day ?? ''}
          max={new Date(nowAt).toISOString().slice(0, 10)}
          onChange={(event) => event.target.value !== '' && onChange({ ...none, day: event.target.value })}
        />
      </label>
      <FromTo
        from={from}
        to={to}
        onShow={(begin, end) => {
          onChange({ ...none, from: begin, to: end })
          close()
        }}
      />
    </>
  )
}
