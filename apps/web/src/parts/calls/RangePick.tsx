import { useState } from 'react'
import { useNow } from '../useNow.ts'
import { Popup } from './Popup.tsx'
import { boundsOf, ranges, sayRange } from './asked.ts'
import { type CallsFilter, rangeNames } from './search.ts'

type RangeSearch = Pick<CallsFilter, 'range' | 'day' | 'from' | 'to'>
const none: RangeSearch = { range: undefined, day: undefined, from: undefined, to: undefined }

/** What `datetime-local` takes and gives is in the viewer's zone and has none; the address says it in UTC. */
const toField = (at: number): string => new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
const fromField = (text: string): string | undefined =>
  Number.isNaN(Date.parse(text)) ? undefined : `${new Date(text).toISOString().slice(0, 16)}Z`

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
  const [first, setFirst] = useState(toField(from))
  const [last, setLast] = useState(toField(to))
  const [begin, end] = [fromField(first), fromField(last)]
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
      <form
        className="popup-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (begin === undefined || end === undefined || begin >= end) return
          onChange({ ...none, from: begin, to: end })
          close()
        }}
      >
        <label className="labelled">
          From
          <input className="field" type="datetime-local" value={first} onChange={(event) => setFirst(event.target.value)} />
        </label>
        <label className="labelled">
          To
          <input className="field" type="datetime-local" value={last} onChange={(event) => setLast(event.target.value)} />
        </label>
        <button type="submit" className="btn small" disabled={begin === undefined || end === undefined || begin >= end}>
          Show
        </button>
      </form>
    </>
  )
}
