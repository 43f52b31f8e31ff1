/** A choice that narrows a list; the first entry is no choice at all. */
export function Pick({
  label,
  value,
  options,
  onChange,
  main = false,
}: {
  label: string
  value: string | undefined
  options: readonly string[]
  onChange: (value: string | undefined) => void
  main?: boolean
}) {
  const known = value === undefined || options.includes(value) ? options : [value, ...options]
  return (
    <select
      className="field"
      aria-label={label}
      value={value ?? ''}
      data-filter={main ? '' : undefined}
      onChange={(event) => onChange(event.target.value === '' ? undefined : event.target.value)}
    >
      <option value="">{label}: all</option>
      {known.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  )
}
