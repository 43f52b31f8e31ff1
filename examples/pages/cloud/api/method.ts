/** One method of the API: `Noun.verb`, what it takes, what it gives back. */
import { Refusal } from '#shared/server.ts'

export type Asked = Readonly<Record<string, unknown>>
export type Method = {
  /** A write is taken by POST only. */
  writes: boolean
  run: (asked: Asked) => Promise<unknown>
}

export const read = (run: Method['run']): Method => ({ writes: false, run })
export const write = (run: Method['run']): Method => ({ writes: true, run })

/** @throws Refusal 400 when it is missing, empty or longer than `max` characters. */
export function textOf(asked: Asked, name: string, max = 200): string {
  const value = asked[name]
  if (typeof value !== 'string' || value.trim() === '') throw new Refusal(400, 'missing', `${name} is missing.`)
  if (value.length > max) throw new Refusal(400, 'too-long', `${name} may have ${max} characters; got ${value.length}.`)
  return value.trim()
}

export function unknown(what: string, id: string): Refusal {
  return new Refusal(404, 'unknown', `There is no ${what} ${id}.`)
}
