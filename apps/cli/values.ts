/** How values, shares and times are written on the command line. Pure. */
import { InvalidArgumentError } from 'commander'
import { parseDurationMs } from '@belay/base'
import type { JsonWire } from '@belay/protocol'
import { fail } from './problems.ts'

export type Assignment<Value = JsonWire> = readonly [name: string, value: Value]

/** No server takes a body with these; there the sentence would be about JSON. */
const ofJavaScript: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** `name=text`; the text may hold further equals signs. */
export function textAssignment(text: string): Assignment<string> {
  const split = text.indexOf('=')
  if (split < 1) throw new InvalidArgumentError('Write name=value.')
  const name = text.slice(0, split)
  if (ofJavaScript.has(name)) throw new InvalidArgumentError(`${name} is a name that JavaScript uses itself; choose another.`)
  return [name, text.slice(split + 1)]
}

export function assignment(text: string): Assignment {
  const [name, value] = textAssignment(text)
  return [name, parseValue(value)]
}

/** `true`, `3`, `{"json":1}` and `"quoted"` are what JSON says they are; anything else is text as it stands. */
export function parseValue(text: string): JsonWire {
  const trimmed = text.trim()
  if (/^[[{"]/.test(trimmed)) {
    try {
      return JSON.parse(trimmed) as JsonWire
    } catch {
      throw new InvalidArgumentError(`${trimmed} begins like JSON and is not; text that begins so stands in quotes: '"…"'.`)
    }
  }
  if (['true', 'false', 'null'].includes(trimmed)) return JSON.parse(trimmed) as JsonWire
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed)) return text
  const number = Number(trimmed)
  // What JSON cannot carry exactly would arrive as another number.
  if (!Number.isFinite(number) || (Number.isInteger(number) && !Number.isSafeInteger(number)))
    throw new InvalidArgumentError(`${trimmed} is too large for a number; as text it stands in quotes: '"${trimmed}"'.`)
  return number
}

/**
 * Variants as they were given, checked as far as can be seen here.
 * @throws Problem `usage` when a name comes twice, or the values are not all of one type.
 */
export function variantsOf(given: readonly Assignment[]): Record<string, JsonWire> {
  const variants = new Map<string, JsonWire>()
  for (const [name, value] of given) {
    if (variants.has(name)) throw fail('usage', { sentence: `Variant ${name} is given twice.` })
    if (value === null) throw fail('usage', { sentence: `Variant ${name} is null, which is no value; leave it out.` })
    variants.set(name, value)
  }
  const [first, ...others] = variants
  const odd = others.find(([, value]) => typeof value !== typeof first?.[1])
  if (first !== undefined && odd !== undefined) {
    const types = `${first[0]} is a ${typeof first[1]} and ${odd[0]} a ${typeof odd[1]}`
    const hint = types.includes('string') ? ` Text that looks like something else is written so: 'NAME="20"'` : ''
    throw fail('usage', { sentence: `All variants of a flag have values of one type; ${types}.${hint}` })
  }
  return Object.fromEntries(variants)
}

/** `half=50`: a variant and its weight. */
export function weight(text: string): Assignment<number> {
  const [variant, share] = textAssignment(text.replace(/%$/, ''))
  const number = Number(share)
  if (share === '' || !Number.isInteger(number) || number < 0 || number > 100_000)
    throw new InvalidArgumentError('Write variant=weight, the weight a whole number from 0 to 100000.')
  return [variant, number]
}

/** `50`, `50%` or `12.5%`. */
export function percent(text: string): number {
  const digits = text.replace(/%$/, '')
  const number = Number(digits)
  if (!/^\d+(\.\d{1,3})?$/.test(digits) || number > 100) throw new InvalidArgumentError('Write a share from 0 to 100%, to a thousandth.')
  return number
}

const isoTime = /^(\d{4}-\d{2}-(\d{2}))(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/

/** A time in milliseconds: `2h` from now, or a date with or without a clock time; without a zone it is local. */
export function parseTime(text: string, nowMs: number): number {
  const durationMs = parseDurationMs(text)
  if (durationMs !== undefined) return Math.round(nowMs + durationMs)
  const [, date, day, clock = '00:00', zone = ''] = isoTime.exec(text.trim()) ?? []
  const at = Date.parse(`${date}T${clock}${zone}`)
  // JavaScript takes 31 February for 3 March.
  if (Number.isNaN(at) || new Date(`${date}T00:00Z`).getUTCDate() !== Number(day))
    throw new InvalidArgumentError('Write for example 2h, 90d, 2027-01-31 or 2027-01-31T08:00+01:00.')
  return at
}

export const timeOption = (text: string): number => parseTime(text, Date.now())
