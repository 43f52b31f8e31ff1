/** SQL cut into what a normaliser needs to tell apart. */
import { afterBlockComment, afterDollarQuoted, afterLine, afterNumber, afterQuoted, afterWord, type Dialect } from './literals.ts'

export type TokenKind =
  /** White space and comments. */
  | 'blank'
  /** A literal or a parameter, its prefix (N'…', _utf8'…') included. */
  | 'value'
  | 'word'
  | 'open'
  | 'close'
  | 'comma'
  | 'semicolon'
  /** `::` */
  | 'cast'
  /** + or -, which may belong to the number after it. */
  | 'sign'
  | 'other'

/** One after the other; `end` is always beyond `start`, so whoever goes on comes to the end. */
export class Tokens {
  kind: TokenKind = 'blank'
  start = 0
  end = 0
  readonly sql: string
  readonly #dialect: Dialect

  constructor(sql: string, dialect: Dialect) {
    this.sql = sql
    this.#dialect = dialect
  }

  /** False at the end. */
  next(): boolean {
    this.start = this.end
    if (this.start >= this.sql.length) return false
    this.#read(this.sql.charCodeAt(this.start), this.sql.charCodeAt(this.start + 1))
    return true
  }

  #read(code: number, next: number): void {
    const { sql, start } = this
    const dialect = this.#dialect
    if (isBlank(code)) return this.#is('blank', start + 1)
    if (isNameStart(code)) return this.#word()
    if (isDigit(code) || (code === dot && isDigit(next))) return this.#is('value', afterNumber(sql, start))
    switch (sql.charAt(start)) {
      case "'":
        return this.#quoted(true)
      case '"':
        return this.#quoted(dialect.doubleQuotesText)
      case '`':
        return this.#is('other', afterQuoted(sql, start, false))
      case '(':
      case '[':
        return this.#is('open', start + 1)
      case ')':
      case ']':
        return this.#is('close', start + 1)
      case ',':
        return this.#is('comma', start + 1)
      case ';':
        return this.#is('semicolon', start + 1)
      case '-':
        // MySQL reads 5--3 as 5 - (-3).
        if (next === dash && (!dialect.hashComments || !(sql.charCodeAt(start + 2) > space)))
          return this.#is('blank', afterLine(sql, start))
        return this.#is('sign', start + 1)
      case '+':
        return this.#is('sign', start + 1)
      case '/':
        if (next === star) return this.#is('blank', afterBlockComment(sql, start, dialect.nestedComments))
        break
      case '#':
        if (dialect.hashComments) return this.#is('blank', afterLine(sql, start))
        break
      case '?':
        return this.#is('value', isDigit(next) ? afterNumber(sql, start + 1) : start + 1)
      case ':':
        if (next === colon) return this.#is('cast', start + 2)
        if (isNameStart(next) || isDigit(next)) return this.#is('value', afterWord(sql, start + 1))
        break
      case '@':
        if (dialect.atParameters && isNameStart(next)) return this.#is('value', afterWord(sql, start + 1))
        break
      case '$':
        return this.#dollar(next)
    }
    this.#is('other', start + 1)
  }

  #word(): void {
    const { sql, start } = this
    const end = afterWord(sql, start)
    const length = end - start
    if (sql.charAt(end) === "'" && (length === 1 ? /[nxbe]/i.test(sql.charAt(start)) : sql.charAt(start) === '_')) {
      const escapes = this.#dialect.backslash || (length === 1 && /e/i.test(sql.charAt(start)))
      return this.#is('value', afterQuoted(sql, end, escapes))
    }
    if (length === 1 && /u/i.test(sql.charAt(start)) && sql.startsWith("&'", end))
      return this.#is('value', afterQuoted(sql, end + 1, false))
    this.#is('word', end)
  }

  #quoted(text: boolean): void {
    const end = afterQuoted(this.sql, this.start, text && this.#dialect.backslash)
    const isName = !text || (this.#dialect.documents && this.sql.charCodeAt(end) === colon)
    this.#is(isName ? 'other' : 'value', end)
  }

  #dollar(next: number): void {
    const { sql, start } = this
    const quoted = this.#dialect.dollarQuotes ? afterDollarQuoted(sql, start) : start
    if (quoted > start) return this.#is('value', quoted)
    if (isDigit(next) || isNameStart(next)) return this.#is(this.#dialect.documents ? 'other' : 'value', afterWord(sql, start + 1))
    this.#is('other', start + 1)
  }

  #is(kind: TokenKind, end: number): void {
    this.kind = kind
    this.end = end
  }
}

const space = 0x20
const star = 0x2a
const dash = 0x2d
const dot = 0x2e
const colon = 0x3a

function isBlank(code: number): boolean {
  return code <= space || code === 0xa0 || code === 0xfeff
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function isNameStart(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f || (code >= 0x80 && code !== 0xa0 && code !== 0xfeff)
  )
}
