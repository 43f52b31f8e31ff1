/** JSON from elsewhere: where it is broken, and what of it is never looked into. */
import { exchangeProblem } from './problems.ts'

/** Five thousand flags of 2 KB: what the largest teams have. Longer lists of keys belong into segments. */
export const documentBytesMax = 10 * 1_024 * 1_024
/** Values of flags are settings, and rules that people read have ten levels; whatever is deeper was made to hurt. */
const depthMax = 100

export type Bag = { readonly [name: string]: unknown }
export const isBag = (it: unknown): it is Bag => typeof it === 'object' && it !== null && !Array.isArray(it)
export const isText = (it: unknown): it is string => typeof it === 'string'
/** A member that the object itself has: `constructor` is not one of every object. */
export const own = (it: Bag, name: string): unknown => (Object.hasOwn(it, name) ? it[name] : undefined)
export const listOf = (it: unknown): readonly unknown[] => (Array.isArray(it) ? it : [])

/** Names that would reach into objects themselves where a program is careless with them. */
export const isPoisoned = (name: string): boolean => name === '__proto__' || name === 'constructor' || name === 'prototype'

/**
 * @throws Problem `import-too-large`, `import-not-json` with line and column.
 */
export function parseDocument(text: string): unknown {
  if (Buffer.byteLength(text) > documentBytesMax) throw exchangeProblem('import-too-large', { bytesMax: documentBytesMax })
  // What some editors begin a UTF-8 file with; no JSON has it.
  const json = text.startsWith('\uFEFF') ? text.slice(1) : text
  try {
    return JSON.parse(json) as unknown
  } catch (error) {
    const { at, because } = firstError(json)
    const before = json.slice(0, at).split('\n')
    throw exchangeProblem('import-not-json', { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, because }, error)
  }
}

/** Why this part of a document is not looked into; undefined: it is harmless. Goes as deep as it likes without recursion. */
export function whyUnsafe(part: unknown): string | undefined {
  const open: { value: unknown; depth: number }[] = [{ value: part, depth: 1 }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > depthMax) return `it is nested deeper than ${depthMax} levels`
    for (const name of Object.keys(value)) {
      if (name === '__proto__') return 'it has a member __proto__, which nothing harmless has'
      open.push({ value: (value as Bag)[name], depth: depth + 1 })
    }
  }
  return undefined
}

/** As a person finds it in the document: `features[3].strategies[0]`. */
export const pathOf = (...steps: readonly (string | number)[]): string =>
  steps.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('')

const tokens =
  /[ \t\r\n]+|[{}[\],:]|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
type Expected = 'value' | 'value or ]' | 'name' | 'name or }' | 'colon' | 'comma or end' | 'nothing'
const said: Record<Expected, string> = {
  value: 'a value is missing here',
  'value or ]': 'a value or ] is missing here',
  name: 'a name in double quotes is missing here (is there a comma too many?)',
  'name or }': 'a name in double quotes or } is missing here',
  colon: 'a colon is missing here',
  'comma or end': 'a comma or the closing bracket is missing here',
  nothing: 'nothing may stand after the end',
}

/**
 * Where JSON is broken. V8 tells the place of some errors and not of others ("Unexpected token"), and never that of a
 * text that ends too early.
 */
export function firstError(json: string): { at: number; because: string } {
  const open: ('{' | '[')[] = []
  let expected: Expected = 'value'
  const closed = (): Expected => (open.length === 0 ? 'nothing' : 'comma or end')
  for (let at = 0; at < json.length; at = tokens.lastIndex) {
    tokens.lastIndex = at
    const token = tokens.exec(json)?.[0]
    if (token === undefined) return { at, because: because(json, at, expected) }
    const first = token.charAt(0)
    if (' \t\r\n'.includes(first)) continue
    const next = follow(first, expected, open, closed)
    if (next === undefined) return { at, because: said[expected] }
    expected = next
  }
  return { at: json.length, because: expected === 'nothing' ? 'it is broken' : `it ends too early: ${said[expected]}` }
}

function because(json: string, at: number, expected: Expected): string {
  if (json[at] === '"') return 'this text has no closing quote, or a character in it that must be escaped'
  if (json[at] === "'") return 'JSON has double quotes only'
  if (json.startsWith('//', at) || json.startsWith('/*', at)) return 'JSON has no comments'
  return said[expected]
}

/** What must come after this token; undefined: the token cannot stand here. */
function follow(first: string, expected: Expected, open: ('{' | '[')[], closed: () => Expected): Expected | undefined {
  const isValue = expected === 'value' || expected === 'value or ]'
  const isName = expected === 'name' || expected === 'name or }'
  switch (first) {
    case '{':
    case '[':
      if (!isValue) return undefined
      open.push(first)
      return first === '{' ? 'name or }' : 'value or ]'
    case '}':
    case ']': {
      const fits = expected === 'comma or end' || expected === (first === '}' ? 'name or }' : 'value or ]')
      if (!fits || open.at(-1) !== (first === '}' ? '{' : '[')) return undefined
      open.pop()
      return closed()
    }
    case ',':
      return expected === 'comma or end' ? (open.at(-1) === '{' ? 'name' : 'value') : undefined
    case ':':
      return expected === 'colon' ? 'value' : undefined
    case '"':
      return isName ? 'colon' : isValue ? closed() : undefined
    default:
      return isValue ? closed() : undefined
  }
}
