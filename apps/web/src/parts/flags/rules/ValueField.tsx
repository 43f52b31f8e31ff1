import type { JsonWire } from '@belay/protocol'
import { useState } from 'react'
import { sameRule } from './draft.ts'
import { readList, readValue, sayList, sayValue } from './values.ts'

/** One line for any plain value, or for a list of them. What was typed stays as typed while it means the value. */
export function ValueField({
  label,
  value,
  list,
  onChange,
}: {
  label: string
  value: JsonWire
  list: boolean
  onChange: (value: JsonWire) => void
}) {
  const read = list ? readList : readValue
  const say = (it: JsonWire) => (list ? sayList(Array.isArray(it) ? it : [it]) : sayValue(it))
  const [typed, setTyped] = useState(() => say(value))
  // The value was changed elsewhere: in the JSON beside, by another version.
  const shown = sameRule(read(typed), value) ? typed : say(value)
  return (
    <input
      className="field mono"
      aria-label={label}
      value={shown}
      placeholder={list ? 'pro, team' : 'value'}
      data-tip={list ? 'Parted by commas' : undefined}
      onChange={(event) => {
        setTyped(event.target.value)
        onChange(read(event.target.value))
      }}
    />
  )
}
