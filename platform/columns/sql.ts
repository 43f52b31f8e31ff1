/**
 * SQL with its values written into it. The embedded engine runs all parameterised queries of a process one after the
 * other, so values are spelled as literals, here and nowhere else; a text can only ever become a quoted literal.
 */
export type Sql = { readonly text: string }
export type SqlValue = string | number | bigint | boolean | null | Date | Sql | readonly (string | number)[]

/** `sql\`SELECT … WHERE method = ${name} AND ts >= ${new Date(0)} AND release IN ${['v1', 'v2']}\``; an empty list matches nothing. */
export function sql(parts: TemplateStringsArray, ...values: readonly SqlValue[]): Sql {
  return { text: parts.reduce((text, part, i) => text + literal(values[i - 1] as SqlValue) + part) }
}

/** Text that is SQL already: names of columns and tables that the code chose, never what somebody sent. */
export const raw = (text: string): Sql => ({ text })

export function join(parts: readonly Sql[], between: string): Sql {
  return { text: parts.map((it) => it.text).join(between) }
}

/** One backslash and one quote are all that ClickHouse reads specially between single quotes. */
export const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\0', '\\0')}'`

function literal(value: SqlValue): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value === null) return 'NULL'
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError(`${value} is no number of SQL`)
    return String(value)
  }
  if (value instanceof Date) return `fromUnixTimestamp64Milli(toInt64(${literal(value.getTime())}), 'UTC')`
  if ('text' in value) return value.text
  return value.length === 0 ? '(NULL)' : `(${value.map((it) => literal(it)).join(', ')})`
}
