/** What the stream's events say, checked once where they come in. */
import { checkDocument } from './cache.ts'
import type { Edition, News } from './definitions.ts'
import type { StreamEvent } from './events.ts'
import { because } from './files.ts'
import { Failure, parseAnswer } from './server.ts'

export type Told =
  | { readonly kind: 'document'; readonly edition: Edition & { revision: number } }
  | { readonly kind: 'patch'; readonly news: News }

/** Undefined: an event that a newer server may send and that is not for us. @throws Failure when it cannot be read. */
export function readNews({ event, data }: StreamEvent): Told | undefined {
  if (event !== 'document' && event !== 'patch') return undefined
  const told = parseAnswer(data, 'the stream') as Record<string, unknown> | null
  try {
    const revision = asNumber(told?.revision, 'revision')
    const etag = String(told?.etag)
    if (event === 'document') return { kind: 'document', edition: { document: checkDocument(told?.document), revision, etag } }
    const patch = told?.patch as News['patch'] | undefined
    if (!isObject(patch) || !isObject(patch.set) || !Array.isArray(patch.remove)) throw new Error('patch has no "set" and "remove"')
    const segments = Array.isArray(told?.segments) ? (told.segments as string[]) : []
    return { kind: 'patch', news: { revision, from: asNumber(told?.from, 'from'), etag, patch, segments } }
  } catch (thrown) {
    throw new Failure('away', `the stream told something that cannot be read: ${because(thrown)}`)
  }
}

function asNumber(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new Error(`${name} is no number`)
  return value
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
