/** Where literals and comments of SQL end. Each takes the text and a position, and answers the position after it. */

/** What differs between databases; everything else is read the same for all. */
export type Dialect = {
  /** A backslash in a plain literal escapes what follows: MySQL. */
  readonly backslash: boolean
  /** `"…"` is a text, not a name: MySQL. */
  readonly doubleQuotesText: boolean
  /** `$tag$…$tag$`: PostgreSQL. */
  readonly dollarQuotes: boolean
  /** `#` begins a comment, `--` only before a space: MySQL. */
  readonly hashComments: boolean
  /** Comments inside comments: PostgreSQL. */
  readonly nestedComments: boolean
  /** `$in` is an operator, and what stands in quotes before a colon a name: MongoDB. */
  readonly documents: boolean
  /** `@name` is a parameter: SQLite, SQL Server. */
  readonly atParameters: boolean
}

const standard: Dialect = {
  backslash: false,
  doubleQuotesText: false,
  dollarQuotes: true,
  hashComments: false,
  nestedComments: false,
  documents: false,
  atParameters: false,
}
const postgres: Dialect = { ...standard, nestedComments: true }
const mysql: Dialect = { ...standard, backslash: true, doubleQuotesText: true, dollarQuotes: false, hashComments: true }
const sqlite: Dialect = { ...standard, dollarQuotes: false, atParameters: true }
const mongodb: Dialect = { ...standard, backslash: true, doubleQuotesText: true, dollarQuotes: false, documents: true }
const redis: Dialect = { ...standard, backslash: true, doubleQuotesText: true, dollarQuotes: false }

/** Values of OpenTelemetry's `db.system.name`, and of its forerunner `db.system`. */
const dialects: ReadonlyMap<string, Dialect> = new Map([
  ['postgresql', postgres],
  ['cockroachdb', postgres],
  ['mysql', mysql],
  ['mariadb', mysql],
  ['sqlite', sqlite],
  ['mongodb', mongodb],
  ['redis', redis],
  ['valkey', redis],
  ['mssql', sqlite],
  ['microsoft.sql_server', sqlite],
])

export function dialectOf(system: string): Dialect {
  return dialects.get(system) ?? standard
}

const backslash = 0x5c

/** @param at of the opening quote. A quote that is doubled does not end it. */
export function afterQuoted(sql: string, at: number, escapes: boolean): number {
  const quote = sql.charAt(at)
  let from = at + 1
  if (!escapes) {
    for (;;) {
      const end = sql.indexOf(quote, from)
      if (end < 0) return sql.length
      if (sql.charAt(end + 1) !== quote) return end + 1
      from = end + 2
    }
  }
  const code = quote.charCodeAt(0)
  for (; from < sql.length; from++) {
    const found = sql.charCodeAt(from)
    if (found === backslash) from++
    else if (found === code) {
      if (sql.charCodeAt(from + 1) !== code) return from + 1
      from++
    }
  }
  return sql.length
}

/** @param at of the first dollar. The same position when no dollar quote begins there. */
export function afterDollarQuoted(sql: string, at: number): number {
  dollarTag.lastIndex = at
  const [tag] = dollarTag.exec(sql) ?? []
  if (tag === undefined) return at
  const end = sql.indexOf(tag, at + tag.length)
  return end < 0 ? sql.length : end + tag.length
}
/** PostgreSQL cuts names at 63 bytes, so no longer tag is worth the search. */
const dollarTag = /\$(?:[a-z_\x80-\uffff][\w\x80-\uffff]{0,62})?\$/iy

export function afterLine(sql: string, at: number): number {
  const end = sql.indexOf('\n', at)
  return end < 0 ? sql.length : end + 1
}

/** @param at of `/*`. */
export function afterBlockComment(sql: string, at: number, nested: boolean): number {
  if (!nested) {
    const end = sql.indexOf('*/', at + 2)
    return end < 0 ? sql.length : end + 2
  }
  commentEdge.lastIndex = at + 2
  for (let depth = 1; depth > 0; ) {
    const edge = commentEdge.exec(sql)
    if (edge === null) return sql.length
    depth += edge[0] === '/*' ? 1 : -1
  }
  return commentEdge.lastIndex
}
const commentEdge = /\/\*|\*\//g

/** 12, 1.5e-3, .5, 0xFF, 1_000, and what hangs on them. */
export function afterNumber(sql: string, at: number): number {
  number.lastIndex = at
  return number.test(sql) ? number.lastIndex : at + 1
}
const number = /0x[0-9a-f_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:e[+-]?\d+)?/iy

export function afterWord(sql: string, at: number): number {
  word.lastIndex = at
  return word.test(sql) ? word.lastIndex : at + 1
}
const word = /[\w$\x80-\uffff]+/y
