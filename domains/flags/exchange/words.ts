/** What readers of several formats say the same way. */
import { flagKeyPattern } from '@belay/protocol'
import { type Bag, isBag, isPoisoned, own } from './json.ts'
import type { ExchangeFormat } from './types.ts'

export function whyNoKey(key: string): string | undefined {
  if (!flagKeyPattern.test(key))
    return `${JSON.stringify(key.slice(0, 100))} is no key here; keys begin with a letter or digit and have letters, digits and . _ - : / up to 200 characters`
  return isPoisoned(key) ? `${key} is a name that programs use themselves` : undefined
}

/** Which other format it may be. */
export function perhapsOf(document: unknown, not: ExchangeFormat): ExchangeFormat | null {
  const guess = isBag(document) ? guessOf(document) : null
  return guess === not ? null : guess
}

function guessOf(document: Bag): ExchangeFormat | null {
  const features = own(document, 'features')
  if (Array.isArray(features)) return 'unleash'
  if (isBag(features) || own(document, 'encryptedFeatures') !== undefined) return 'growthbook'
  return own(document, 'flags') === undefined ? null : 'flagd'
}

/** A key of ours from a name that people gave. */
export function keyFrom(name: string, otherwise: string): string {
  const key = name
    .trim()
    .replace(/[^A-Za-z0-9._:/-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 200)
  return key === '' || isPoisoned(key) ? otherwise : key
}
