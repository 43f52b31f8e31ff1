/** Whom a flag is evaluated for, as rows that a person fills in and as the JSON that stands in the address. Pure. */
import type { JsonWire } from '@belay/protocol'
import { readJson } from './rules/jsonText.ts'
import { readValue, sayValue } from './rules/values.ts'

export type Context = Readonly<Record<string, JsonWire>>
export type ContextRow = { readonly name: string; readonly text: string }
export const unitName = 'targetingKey'

/** From the address; what is no object there means nobody in particular. */
export function contextOf(text: string | undefined): Context {
  const { value } = readJson(text ?? '{}')
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Context) : {}
}

/** The targeting key stands in a field of its own. */
export const rowsOfContext = (context: Context): ContextRow[] =>
  Object.entries(context)
    .filter(([name]) => name !== unitName)
    .map(([name, value]) => ({ name, text: sayValue(value) }))

/** Rows without a name say nothing yet. */
export const contextOfRows = (unit: string, rows: readonly ContextRow[]): Context => ({
  ...(unit === '' ? {} : { [unitName]: unit }),
  ...Object.fromEntries(rows.filter((it) => it.name !== '').map((it) => [it.name, readValue(it.text)])),
})

/** For the address; nobody in particular needs none. */
export const sayContext = (context: Context): string | undefined =>
  Object.keys(context).length === 0 ? undefined : JSON.stringify(context)
