import { useState } from 'react'
import { Popup } from './Popup.tsx'
import { readNames, sayNames, writeNames } from './asked.ts'

/** Fewer are found with the eye. */
const findFrom = 9
/** More than anybody scrolls through; typing finds the rest. */
const shownMax = 100

/** Some names of one kind: only these, or all but these. A name that is not listed can be typed. */
export function NamesPick({
  label,
  value,
  options,
  onChange,
}: {
  label: string
  value: string | undefined
  options: readonly string[]
  onChange: (value: string | undefined) => void
}) {
  return (
    <Popup label={label} name={`Filter by ${label}`} value={sayNames(value)}>
      {() => <Names label={label} value={value} options={options} onChange={onChange} />}
    </Popup>
  )
}

function Names({ label, value, options, onChange }: Parameters<typeof NamesPick>[0]) {
  const its = readNames(value)
  const [mode, setMode] = useState(its.without)
  const [typed, setTyped] = useState('')
  const chosen = new Set(its.names)
  const known = [...options, ...its.names.filter((it) => !options.includes(it))]
  const needle = typed.trim().toLowerCase()
  const found = known.filter((it) => it.toLowerCase().includes(needle))
  const set = (names: readonly string[], without: boolean) => onChange(writeNames({ names, without }))
  const toggle = (name: string) => set(chosen.has(name) ? its.names.filter((it) => it !== name) : [...its.names, name], mode)
  const isNew = needle !== '' && !known.some((it) => it.toLowerCase() === needle) && !typed.includes(',')
  return (
    <>
      <div className="segments" role="group" aria-label={`What to do with the chosen of ${label}`}>
        {[false, true].map((without) => (
          <button
            key={String(without)}
            type="button"
            className="segment-button"
            aria-pressed={mode === without}
            onClick={() => {
              setMode(without)
              if (its.names.length > 0) set(its.names, without)
            }}
          >
            {without ? 'All but' : 'Only'}
          </button>
        ))}
        {its.names.length > 0 && (
          <button type="button" className="btn small plain push" onClick={() => onChange(undefined)}>
            All
          </button>
        )}
      </div>
      {(known.length >= findFrom || label === 'account') && (
        <input
          className="field"
          type="search"
          aria-label={`Find or name one of ${label}`}
          placeholder={known.length === 0 ? `Name of an ${label}` : 'Find'}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => {
            const only = isNew ? typed.trim() : found.length === 1 ? found[0] : undefined
            if (event.key !== 'Enter' || only === undefined) return
            toggle(only)
            setTyped('')
          }}
        />
      )}
      <div className="popup-list">
        {found.slice(0, shownMax).map((name) => (
          <label key={name} className="popup-option">
            <input type="checkbox" checked={chosen.has(name)} onChange={() => toggle(name)} />
            <span className="clip" title={name}>
              {name}
            </span>
          </label>
        ))}
        {isNew && (
          <button type="button" className="popup-option" onClick={() => (toggle(typed.trim()), setTyped(''))}>
            Take “{typed.trim()}”
          </button>
        )}
        {found.length > shownMax && <p className="soft">{found.length - shownMax} more: type a part of the name.</p>}
        {found.length === 0 && !isNew && <p className="soft">None is known yet.</p>}
      </div>
    </>
  )
}
