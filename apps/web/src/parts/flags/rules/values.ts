/** Values as a person types them into one line, and back: `pro` is a text, `42`, `true` and `null` are what they look like. Pure. */
import type { JsonWire } from '@belay/protocol'

function parsed(text: string): JsonWire | undefined {
  try {
    return JSON.parse(text) as JsonWire
  } catch {
    return undefined
  }
}

/** What the text means: JSON when it is some, else itself. */
export function readValue(text: string): JsonWire {
  const trimmed = text.trim()
  return parsed(trimmed) ?? (trimmed === 'null' ? null : trimmed)
}

/** The shortest text that means the value. */
export function sayValue(value: JsonWire): string {
  if (typeof value === 'string' && readValue(value) === value) return value
  return JSON.stringify(value)
}

/** `a, b, 3` as a list; a text that is a JSON list is that list. */
export function readList(text: string): JsonWire[] {
  const whole = parsed(text.trim())
  if (Array.isArray(whole)) return whole
  return text.trim() === '' ? [] : text.split(',').map(readValue)
}

export function sayList(values: readonly JsonWire[]): string {
  const text = values.map(sayValue).join(', ')
  return JSON.stringify(readList(text)) === JSON.stringify(values) ? text : JSON.stringify(values)
}

/** For a field that holds nothing but a text. */
export const asText = (value: JsonWire | undefined): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value)
