import { useState } from 'react'

/** What `datetime-local` takes and gives is in the viewer's zone and has none; an address says it in UTC. */
const toField = (at: number | undefined): string =>
  at === undefined ? '' : new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
const fromField = (text: string): string | undefined =>
  Number.isNaN(Date.parse(text)) ? undefined : `${new Date(text).toISOString().slice(0, 16)}Z`

/** From one moment to another; `onShow` gets both as an address writes them. */
export function FromTo({
  from,
  to,
  onShow,
}: {
  from: number | undefined
  to: number | undefined
  onShow: (from: string, to: string) => void
}) {
  const [first, setFirst] = useState(toField(from))
  const [last, setLast] = useState(toField(to))
  const [begin, end] = [fromField(first), fromField(last)]
  const isRange = begin !== undefined && end !== undefined && begin < end
  return (
    <form
      className="popup-form"
      onSubmit={(event) => {
        event.preventDefault()
        if (isRange) onShow(begin, end)
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
      <button type="submit" className="btn small" disabled={!isRange}>
        Show
      </button>
    </form>
  )
}
