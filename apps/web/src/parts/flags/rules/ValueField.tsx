import type { JsonWire } from '@belay/protocol'
import { useState } from 'react'
import { sameRule } from './draft.ts'
import { asText, readList, readValue, sayList, sayValue } from './values.ts'

const readers = { any: readValue, text: (text: string): JsonWire => text, list: readList } as const

/** One line for any plain value, or for a list of them. What was typed stays as typed while it means the value. */
export function ValueField({
  label,
  value,
  kind,
  onChange,
}: {
  label: string
  value: JsonWire
  kind: 'any' | 'text' | 'list'
  onChange: (value: JsonWire) => void
}) {
  const read = readers[kind]
  const say = (it: JsonWire) => (kind === 'list' ? sayList(Array.isArray(it) ? it : [it]) : kind === 'text' ? asText(it) : sayValue(it))
  const [typed, setTyped] = useState(() => say(value))
  // The value was changed elsewhere: in the JSON beside, by another version.
  const shown = sameRule(read(typed), value) ? typed : say(value)
  return (
    <input
      className="field mono"
      aria-label={label}
      value={shown}
      placeholder={kind === 'list' ? 'pro, team' : 'value'}
      data-tip={kind === 'list' ? 'Parted by commas' : undefined}
      onChange={(event) => {
        setTyped(event.target.value)
        onChange(read(event.target.value))
      }}
    />
  )
}
