import { useRef } from 'react'
import type { Place } from './jsonText.ts'

/** Enough lines to see a rule whole; more scroll. */
const rowsMin = 8
const rowsMax = 28

/** JSON as text. Each complaint names its line and column, and leads there. */
export function JsonEditor({
  label,
  text,
  wrong,
  placeholder,
  onChange,
  readOnly = false,
}: {
  label: string
  text: string
  wrong: readonly { readonly place: Place; readonly says: string }[]
  placeholder?: string
  onChange: (text: string) => void
  readOnly?: boolean
}) {
  const area = useRef<HTMLTextAreaElement>(null)
  const goTo = ({ offset }: Place) => {
    area.current?.focus()
    area.current?.setSelectionRange(offset, Math.min(text.length, offset + 1))
  }
  return (
    <div className="json-editor">
      <textarea
        ref={area}
        className="field area"
        aria-label={label}
        aria-invalid={wrong.length > 0}
        spellCheck={false}
        readOnly={readOnly}
        rows={Math.min(rowsMax, Math.max(rowsMin, text.split('\n').length + 1))}
        value={text}
        placeholder={placeholder}
        onChange={(event) => onChange(event.target.value)}
      />
      <div role="status">
        {wrong.map(({ place, says }) => (
          <p key={`${place.offset} ${says}`} className="ink-fall">
            <button type="button" className="btn small plain" onClick={() => goTo(place)}>
              Line {place.line}, column {place.column}
            </button>{' '}
            {says}
          </p>
        ))}
      </div>
    </div>
  )
}
