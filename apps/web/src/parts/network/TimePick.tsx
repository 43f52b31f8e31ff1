import { Popup } from '../calls/Popup.tsx'
import { FromTo } from '../FromTo.tsx'
import { sayTimes, spanWords } from './asked.ts'
import { spans, type TimeSearch } from './search.ts'

const none: TimeSearch = { range: undefined, from: undefined, to: undefined }
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
  const moment = (text: string | undefined) => (text === undefined ? undefined : Date.parse(text))
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
      <FromTo from={moment(times.from)} to={moment(times.to)} onShow={(from, to) => choose({ from, to })} />
    </>
  )
}
