import type { JsonWire } from '@belay/protocol'
import { readValue, sayValue } from './rules/values.ts'
import './form.css'

export type VariantRow = { readonly name: string; readonly text: string }
export const rowsOf = (variants: Readonly<Record<string, JsonWire>>): VariantRow[] =>
  Object.entries(variants).map(([name, value]) => ({ name, text: sayValue(value) }))

const typeOf = (value: JsonWire): string => (typeof value === 'object' ? 'object' : typeof value)

/** What the rows say, or what is wrong with them. */
export function variantsOf(
  rows: readonly VariantRow[],
): { variants: Record<string, JsonWire>; error: undefined } | { variants: undefined; error: string } {
  const names = rows.map((it) => it.name)
  const wrong = (error: string) => ({ variants: undefined, error })
  if (rows.length === 0) return wrong('A flag has at least one variant.')
  if (names.includes('')) return wrong('Each variant has a name.')
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return wrong(`There are two variants named ${twice}.`)
  const variants = Object.fromEntries(rows.map((it) => [it.name, readValue(it.text)]))
  const types = [...new Set(Object.values(variants).map(typeOf))]
  return types.length > 1 ? wrong(`All variants are of one type; these are ${types.join(' and ')}.`) : { variants, error: undefined }
}

/** Names and values of variants; a value is JSON, or a text without quotes. */
export function VariantFields({
  rows,
  onChange,
  what = 'Variants',
  one = 'variant',
}: {
  rows: readonly VariantRow[]
  onChange: (rows: readonly VariantRow[]) => void
  what?: string
  /** What a row is called. */
  one?: string
}) {
  const set = (nth: number, change: Partial<VariantRow>) => onChange(rows.map((it, index) => (index === nth ? { ...it, ...change } : it)))
  return (
    <div className="labelled" role="group" aria-label={what}>
      {what}
      {rows.map((row, nth) => (
        // A row is known by its place: its name is what is being typed.
        <div key={nth} className="variant-row">
          <input
            className="field mono"
            aria-label={`Name of ${one} ${nth + 1}`}
            value={row.name}
            maxLength={100}
            onChange={(event) => set(nth, { name: event.target.value.trim() })}
          />
          <input
            className="field mono"
            aria-label={`Value of ${one} ${row.name || nth + 1}`}
            value={row.text}
            onChange={(event) => set(nth, { text: event.target.value })}
          />
          <button
            type="button"
            className="btn small plain"
            aria-label={`Remove ${one} ${row.name || nth + 1}`}
            onClick={() => onChange(rows.filter((_, index) => index !== nth))}
          >
            ✕
          </button>
        </div>
      ))}
      <div>
        <button type="button" className="btn small" onClick={() => onChange([...rows, { name: '', text: '' }])}>
          Add a {one}
        </button>
      </div>
    </div>
  )
}
