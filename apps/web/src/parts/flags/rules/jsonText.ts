/**
 * JSON as a person edits it: where an error is, by line and column, and where a part of the value stands. Browsers tell
 * errors each in their own way, and keep the last of two members of one name; here that is an error. Pure.
 */
import type { JsonWire } from '@belay/protocol'

export type Place = { readonly line: number; readonly column: number; readonly offset: number }
export type JsonError = Place & { readonly says: string }
export type JsonText =
  | { readonly value: JsonWire; readonly error: undefined; placeOf(path: readonly (string | number)[]): Place }
  | { readonly value: undefined; readonly error: JsonError }

/** A rule that is deeper is not one that somebody wrote, and evaluators refuse it. */
const depthMax = 200

class Wrong extends Error {
  readonly offset: number
  constructor(offset: number, says: string) {
    super(says)
    this.offset = offset
  }
}

function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - before.lastIndexOf('\n'), offset }
}

/** One walk over the text; values themselves are left to JSON.parse, piece by piece. */
class Reader {
  readonly text: string
  readonly places = new Map<string, number>()
  at = 0

  constructor(text: string) {
    this.text = text
  }
  wrong(says: string): never {
    throw new Wrong(this.at, this.at >= this.text.length ? 'the text ends too early' : says)
  }
  skip(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++
  }
  take(sign: string): boolean {
    this.skip()
    if (this.text[this.at] !== sign) return false
    this.at++
    return true
  }
  piece(pattern: RegExp, says: string): JsonWire {
    pattern.lastIndex = this.at
    const [found] = pattern.exec(this.text) ?? []
    if (found === undefined) this.wrong(says)
    try {
      const value = JSON.parse(found) as JsonWire
      this.at += found.length
      return value
    } catch {
      return this.wrong(says)
    }
  }
  word(): string {
    this.skip()
    if (this.text[this.at] !== '"') this.wrong('a name in double quotes belongs here')
    return this.piece(/"(?:[^"\\\n]|\\.)*"/y, 'this text has no closing quote, or a character that must be escaped') as string
  }
  value(path: readonly (string | number)[]): JsonWire {
    if (path.length > depthMax) this.wrong(`more than ${depthMax} levels deep`)
    this.skip()
    this.places.set(JSON.stringify(path), this.at)
    const sign = this.text[this.at]
    if (sign === '{') return this.object(path)
    if (sign === '[') return this.list(path)
    if (sign === '"') return this.word()
    return this.piece(/[^\s,:[\]{}"]+/y, 'a value belongs here: a text in double quotes, a number, true, false, null, a list or an object')
  }
  list(path: readonly (string | number)[]): JsonWire {
    this.at++
    const found: JsonWire[] = []
    if (this.take(']')) return found
    do found.push(this.value([...path, found.length]))
    while (this.take(','))
    if (!this.take(']')) this.wrong('a comma or ] belongs here')
    return found
  }
  object(path: readonly (string | number)[]): JsonWire {
    this.at++
    const found: [string, JsonWire][] = []
    if (this.take('}')) return {}
    do {
      this.skip()
      const begin = this.at
      const name = this.word()
      if (found.some(([other]) => other === name)) throw new Wrong(begin, `the name "${name}" stands here a second time`)
      if (!this.take(':')) this.wrong('a colon belongs here')
      found.push([name, this.value([...path, name])])
    } while (this.take(','))
    if (!this.take('}')) this.wrong('a comma or } belongs here')
    return Object.fromEntries(found)
  }
}

export function readJson(text: string): JsonText {
  const reader = new Reader(text)
  try {
    const value = reader.value([])
    reader.skip()
    if (reader.at < text.length) reader.wrong('the value has ended, and something follows')
    return { value, error: undefined, placeOf: (path) => placeAt(text, placeOf(reader.places, path)) }
  } catch (error) {
    if (!(error instanceof Wrong)) throw error
    return { value: undefined, error: { ...placeAt(text, error.offset), says: error.message } }
  }
}

/** Of the part itself, or of the nearest that holds it. */
function placeOf(places: ReadonlyMap<string, number>, path: readonly (string | number)[]): number {
  for (let length = path.length; length >= 0; length--) {
    const offset = places.get(JSON.stringify(path.slice(0, length)))
    if (offset !== undefined) return offset
  }
  return 0
}

/** As wide as the editor beside the form shows without scrolling. */
const widthMax = 56

/** JSON for reading: what fits a line stands in one. */
export function sayJson(value: JsonWire, indent = ''): string {
  const line = JSON.stringify(value)
  if (typeof value !== 'object' || value === null || line.length + indent.length <= widthMax) return spaced(value)
  const inner = `${indent}  `
  const parts = Array.isArray(value)
    ? value.map((it) => sayJson(it, inner))
    : Object.entries(value as Record<string, JsonWire>).map(([name, it]) => `${JSON.stringify(name)}: ${sayJson(it, inner)}`)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return parts.length === 0 ? `${open}${close}` : `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`
}

function spaced(value: JsonWire): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  const members = Object.entries(value as Record<string, JsonWire>).map(([name, it]) => `${JSON.stringify(name)}: ${spaced(it)}`)
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
