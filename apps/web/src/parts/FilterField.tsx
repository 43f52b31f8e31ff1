import { useEffect, useRef, useState } from 'react'

/** Typing pauses this long before the address and the query follow. */
const pauseMs = 200

/** A text filter that lives in the address; the field itself answers every key at once. `/` goes to it. */
export function FilterField({
  label,
  placeholder,
  value,
  onChange,
  main = true,
  list,
  onType,
}: {
  label: string
  placeholder: string
  value: string | undefined
  onChange: (value: string | undefined) => void
  /** The page's first filter, where `/` leads. */
  main?: boolean
  list?: string
  /** Each key as it is typed, for a list that is at hand. */
  onType?: (typed: string) => void
}) {
  const [typed, setTyped] = useState(value ?? '')
  const told = useRef(value)
  useEffect(() => {
    // The address changed by something else than this field: a link, the back button.
    if (value !== told.current) {
      told.current = value
      setTyped(value ?? '')
    }
  }, [value])
  const tell = useRef(onChange)
  tell.current = onChange
  useEffect(() => {
    const wanted = typed.trim() === '' ? undefined : typed.trim()
    if (wanted === told.current) return
    const timer = setTimeout(() => {
      told.current = wanted
      tell.current(wanted)
    }, pauseMs)
    return () => clearTimeout(timer)
  }, [typed])
  return (
    <input
      className="field"
      type="search"
      aria-label={label}
      placeholder={placeholder}
      value={typed}
      list={list}
      data-filter={main ? '' : undefined}
      style={main ? { flex: '1 1 260px', maxWidth: 420 } : { flex: '0 1 170px', width: 170 }}
      onChange={(event) => {
        setTyped(event.target.value)
        onType?.(event.target.value)
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        // The browser would empty the field: leaving it is not the same as giving up its filter.
        event.preventDefault()
        event.currentTarget.blur()
      }}
    />
  )
}
