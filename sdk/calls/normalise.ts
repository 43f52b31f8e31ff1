/**
 * SQL without what differs from call to call, so that equal statements are seen to be equal, and nothing that somebody
 * typed into a form leaves the service: literals, numbers and parameters become `?`, lists of them after IN and in
 * ARRAY[…] become one, rows after VALUES too, comments go, white space is one space.
 *
 * It is no parser, but one pass over tokens that folds a bracket when it closes; every piece is added once and dropped
 * at most once, so hostile text costs no more than other text of its length.
 */
import { dialectOf } from './literals.ts'
import { kindOf, type StatementKind } from './statement-kinds.ts'
import { isDigit, Tokens } from './tokens.ts'

export type Statement = {
  /** At most `statementCharactersMax`; one that is cut ends with `…`. */
  readonly text: string
  /** What it does to the transaction: one for each statement of a text that holds several; none for an empty text. */
  readonly kinds: readonly StatementKind[]
  /** Outside of a transaction it is one of its own. Of MongoDB and Redis it is none: they have those that somebody begins. */
  readonly standsAlone: boolean
}

/** Enough to know a statement again, and to find it in the code. */
export const statementCharactersMax = 500
/** What comes later is neither read nor told: imports and migrations send megabytes. */
const charactersReadMax = 16_384

/** @param system of OpenTelemetry's `db.system.name` (`postgresql`, `mysql`, `mariadb`, `sqlite`…): which dialect it is. */
export function readStatement(sql: string, system = ''): Statement {
  const cut = sql.length > charactersReadMax
  return new Reading(new Tokens(cut ? sql.slice(0, charactersReadMax) : sql, dialectOf(system)), system).read(cut)
}

export function normaliseStatement(sql: string, system = ''): string {
  return readStatement(sql, system).text
}

/** Of the first, where a text holds several. */
export function classifyStatement(sql: string, system = ''): StatementKind {
  return readStatement(sql, system).kinds[0] ?? 'statement'
}

/** A bracket that is open. */
type Frame = {
  readonly folds: 'list' | 'row' | null
  /** How many pieces there were before it. */
  readonly from: number
  /** Nothing but values in it, so far. */
  plain: boolean
}

/** After these a sign belongs to the number that follows it. */
const beforeValues = new Set('AND BETWEEN BY ELSE IN LIKE LIMIT NOT OFFSET OR RETURN SELECT SET THEN TO WHEN WHERE'.split(' '))
/** Values of `db.system.name`. */
const withoutOwnTransactions = new Set(['mongodb', 'redis', 'valkey', 'memcached', 'elasticsearch', 'opensearch'])
const constants = new Set(['NULL', 'TRUE', 'FALSE'])
const routines = new Set(['TRIGGER', 'PROCEDURE', 'FUNCTION', 'EVENT'])
/** `CREATE DEFINER=a@b PROCEDURE`, `SET SESSION autocommit`: what a statement is shows within so many words. */
const wordsMax = 8

class Reading {
  readonly #tokens: Tokens
  readonly #pieces: string[] = []
  readonly #frames: Frame[] = []
  readonly #kinds: StatementKind[] = []
  #blank = false
  /** The word before this token, in upper case; '' when there is something else. */
  #word = ''
  #signBelongs = true
  /** Where rows follow each other after VALUES: how many brackets are open there, and the pieces up to the first row. */
  #rows: { readonly depth: number; told: number } | undefined
  #words: string[] = []
  #autocommit: string | undefined
  /** The body of a routine has semicolons of its own. */
  #inRoutine = false
  #empty = true

  readonly #system: string

  constructor(tokens: Tokens, system: string) {
    this.#tokens = tokens
    this.#system = system
  }

  read(cut: boolean): Statement {
    while (this.#tokens.next()) this.#take()
    while (this.#frames.length > 0) this.#close('')
    this.#endStatement()
    while (this.#pieces.at(-1)?.trim() === ';') this.#pieces.pop()
    return { text: shortened(this.#pieces, cut), kinds: shared(this.#kinds), standsAlone: !withoutOwnTransactions.has(this.#system) }
  }

  #take(): void {
    const { kind, start, end, sql } = this.#tokens
    if (kind === 'blank') {
      this.#blank = true
      return
    }
    if (kind === 'semicolon' && this.#frames.length === 0 && !this.#inRoutine) {
      this.#endStatement()
      this.#say(';')
      return
    }
    this.#empty = false
    const before = this.#word
    this.#word = ''
    switch (kind) {
      case 'word':
        return this.#name(sql.slice(start, end), before)
      case 'value':
        this.#noteAutocommit(sql.slice(start, Math.min(end, start + 8)))
        this.#say('?')
        this.#signBelongs = false
        return
      case 'open':
        return this.#open(sql.charAt(start), before)
      case 'close':
        return this.#close(sql.charAt(start))
      case 'comma':
        this.#say(',')
        this.#signBelongs = true
        return
      case 'cast':
        this.#say('::')
        this.#word = '::'
        return
      case 'sign':
        if (this.#signBelongs && isDigit(sql.charCodeAt(end))) return
        this.#signBelongs = true
        break
      default:
        this.#signBelongs = end === start + 1
    }
    this.#impure()
    this.#say(sql.slice(start, Math.min(end, start + statementCharactersMax)))
  }

  #name(written: string, before: string): void {
    const word = written.length > 32 ? ' ' : written.toUpperCase()
    this.#word = word
    this.#signBelongs = beforeValues.has(word)
    this.#noteAutocommit(word)
    if (this.#words.length < wordsMax) {
      this.#words.push(word)
      if (this.#words[0] === 'CREATE' && routines.has(word)) this.#inRoutine = true
    }
    if (this.#rows?.depth === this.#frames.length && word !== 'ROW') this.#rows = undefined
    // Its rows begin after this word.
    if (word === 'VALUES' || word === 'VALUE') this.#rows = { depth: this.#frames.length, told: -1 }
    if (before !== '::' && !constants.has(word)) this.#impure()
    this.#say(written.slice(0, statementCharactersMax))
  }

  #open(bracket: string, before: string): void {
    const around = this.#frames.at(-1)
    let folds: Frame['folds'] = null
    if (bracket === '(' && this.#rows?.depth === this.#frames.length && /^(VALUES?|ROW)?$/.test(before)) folds = 'row'
    else if (before === 'IN' || bracket === '[' || (around?.folds === 'list' && before === '')) folds = 'list'
    else this.#impure()
    this.#frames.push({ folds, from: this.#pieces.length, plain: true })
    this.#say(bracket)
    this.#signBelongs = true
  }

  /** @param bracket '' when the text ended before it. */
  #close(bracket: string): void {
    this.#signBelongs = false
    const frame = this.#frames.pop()
    const opened = frame && this.#pieces[frame.from]
    const empty = frame !== undefined && this.#pieces.length === frame.from + 1
    if (frame === undefined || opened === undefined || frame.folds === null || (frame.folds === 'list' && (!frame.plain || empty))) {
      if (bracket !== '') this.#say(bracket)
      if (frame?.folds === 'list') this.#impure()
      return
    }
    this.#pieces.length = frame.from
    this.#blank = false
    if (frame.folds === 'row' && this.#rows !== undefined) {
      if (this.#pieces.at(-1)?.trim().toUpperCase() === 'ROW') this.#pieces.pop()
      if (this.#rows.told >= 0) this.#pieces.length = this.#rows.told
      else {
        this.#pieces.push(' (?)')
        this.#rows.told = this.#pieces.length
      }
    } else this.#pieces.push(opened.endsWith('(') ? `${opened}?)` : `${opened}?]`)
  }

  #say(piece: string): void {
    this.#pieces.push(this.#blank && this.#pieces.length > 0 ? ` ${piece}` : piece)
    this.#blank = false
  }

  #impure(): void {
    const frame = this.#frames.at(-1)
    if (frame !== undefined) frame.plain = false
  }

  #noteAutocommit(said: string): void {
    if (this.#words.at(-1) === 'AUTOCOMMIT') this.#autocommit ??= said
  }

  #endStatement(): void {
    if (!this.#empty) this.#kinds.push(kindOf(this.#words, this.#autocommit, this.#system))
    this.#words = []
    this.#word = ''
    this.#autocommit = undefined
    this.#inRoutine = false
    this.#rows = undefined
    this.#empty = true
    this.#signBelongs = true
  }
}

function shortened(pieces: readonly string[], cut: boolean): string {
  let text = ''
  for (const piece of pieces) {
    text += piece
    if (text.length > statementCharactersMax) break
  }
  text = text.trim()
  if (!cut && text.length <= statementCharactersMax) return text
  // Half of a character would be none.
  return `${text.slice(0, statementCharactersMax - 1).replace(/[\ud800-\udbff]$/, '')}…`
}

/** Nearly all texts are one statement; they share their lists. */
function shared(kinds: readonly StatementKind[]): readonly StatementKind[] {
  return kinds.length === 1 ? alone[kinds[0] as StatementKind] : kinds
}
const alone: Readonly<Record<StatementKind, readonly StatementKind[]>> = {
  statement: ['statement'],
  begin: ['begin'],
  end: ['end'],
  savepoint: ['savepoint'],
}
