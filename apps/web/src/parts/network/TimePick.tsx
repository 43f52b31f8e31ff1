import { useState } from 'react'
import { Popup } from '../calls/Popup.tsx'
import { sayTimes, spanWords } from './asked.ts'
import { spans, type TimeSearch } from './search.ts'

const none: TimeSearch = { range: undefined, from: undefined, to: undefined }
/** What `datetime-local` takes and gives is in the viewer's zone and has none; the address says it in UTC. */
const toField = (moment: string | undefined): string => {
  if (moment === undefined) return ''
  const at = Date.parse(moment)
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
const fromField = (text: string): string | undefined =>
  Number.isNaN(Date.parse(text)) ? undefined : `${new Date(text).toISOString().slice(0, 16)}Z`

/** When sessions began: any time, lately, or from one moment to another. */
export function TimePick({
  times,
  onChange,
  usual = 'any time',
}: {
  times: TimeSearch
  onChange: (times: TimeSearch) => void
  usual?: string
}) {
  return (
    <Popup label="begun" name="Range of time" value={sayTimes(times) ?? usual}>
      {(close) => <Times times={times} onChange={onChange} close={close} usual={usual} />}
    </Popup>
  )
}

function Times({
  times,
  onChange,
  close,
  usual,
}: {
  times: TimeSearch
  onChange: (times: TimeSearch) => void
  close: () => void
  usual: string
}) {
  const [first, setFirst] = useState(toField(times.from))
  const [last, setLast] = useState(toField(times.to))
  const [from, to] = [fromField(first), fromField(last)]
  const choose = (next: TimeSearch) => {
    onChange({ ...none, ...next })
    close()
  }
  const isIt = (range: TimeSearch['range']) => times.from === undefined && times.range === range
  return (
    <>
      <div className="popup-list">
        <button type="button" className="popup-option" aria-pressed={isIt(undefined)} onClick={() => choose({})}>
          {usual}
        </button>
        {spans.map((range) => (
          <button key={range} type="button" className="popup-option" aria-pressed={isIt(range)} onClick={() => choose({ range })}>
            {spanWords[range].says}
          </button>
        ))}
      </div>
      <form
        className="popup-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (from !== undefined && to !== undefined && from < to) choose({ from, to })
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
        <button type="submit" className="btn small" disabled={from === undefined || to === undefined || from >= to}>
          Show
        </button>
      </form>
    </>
  )
}
