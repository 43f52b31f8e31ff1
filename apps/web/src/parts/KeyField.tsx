/** The first field of a dialog that makes something: what code or other people will call it by. */
export function KeyField(it: {
  label: string
  value: string
  lengthMax: number
  placeholder: string
  wrong: boolean
  onChange: (value: string) => void
  hint?: string
}) {
  return (
    <label>
      {it.label}
      <input
        className="field mono"
        value={it.value}
        maxLength={it.lengthMax}
        onChange={(event) => it.onChange(event.target.value.trim())}
        placeholder={it.placeholder}
        aria-invalid={it.wrong}
        data-autofocus
      />
      {it.hint !== undefined && <small>{it.hint}</small>}
    </label>
  )
}
