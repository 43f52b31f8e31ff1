/** Reads one flag's definition, which may be anything. */
import { isMap, pointer, quoted } from './check.ts'
import { frozenJson } from './frozen.ts'
import type { DefinitionProblem, Json, JsonLogic, Metadata } from './types.ts'

/** In place of a definition where a list has two. */
export const twice = Symbol('two flags with one key')

// Of flags that have none, which are most.
export const noProblems: readonly DefinitionProblem[] = []
export const noMetadata: Metadata = Object.freeze({})

/** A flag as it was read; with a problem, what could not be read is missing. */
export type Definition = {
  readonly problems: readonly DefinitionProblem[]
  readonly isDisabled: boolean
  readonly variants: ReadonlyMap<string, Json>
  readonly defaultVariant: string | undefined
  /** Undefined: there is none, or an empty one. */
  readonly targeting: JsonLogic | undefined
  readonly metadata: Metadata
}

export function readDefinition(key: string, definition: unknown): Definition {
  const problems: DefinitionProblem[] = []
  const report = (path: readonly string[], message: string) => void problems.push({ key, path: pointer(path), message })
  const nothingRead: Definition = {
    problems,
    isDisabled: false,
    variants: new Map(),
    defaultVariant: undefined,
    targeting: undefined,
    metadata: noMetadata,
  }
  if (!isMap(definition)) {
    report([], definition === twice ? 'There are two flags with this key.' : 'A flag is an object with `state` and `variants`.')
    return nothingRead
  }
  const own = (name: string): unknown => (Object.hasOwn(definition, name) ? definition[name] : undefined)
  const state = own('state')
  if (state !== 'ENABLED' && state !== 'DISABLED') report(['state'], '`state` is "ENABLED" or "DISABLED".')
  const variants = readVariants(own('variants'), report)
  const defaultVariant = own('defaultVariant') ?? undefined
  if (defaultVariant !== undefined && typeof defaultVariant !== 'string')
    report(['defaultVariant'], '`defaultVariant` is the name of a variant, or null.')
  // flagd takes an empty name for none.
  const named = typeof defaultVariant !== 'string' || (defaultVariant === '' && !variants.has('')) ? undefined : defaultVariant
  if (named !== undefined && !variants.has(named) && problems.length === 0)
    report(['defaultVariant'], `There is no variant ${quoted(named)}.`)
  const targeting = own('targeting') ?? undefined
  const isEmpty = typeof targeting === 'object' && Object.keys(targeting).length === 0
  return {
    problems,
    isDisabled: state === 'DISABLED',
    variants,
    defaultVariant: named !== undefined && variants.has(named) ? named : undefined,
    targeting: isEmpty ? undefined : (targeting as JsonLogic | undefined),
    metadata: readMetadata(own('metadata')),
  }
}

function readVariants(variants: unknown, report: (path: readonly string[], message: string) => void): Map<string, Json> {
  const read = new Map<string, Json>()
  if (!isMap(variants) || Object.keys(variants).length === 0) {
    report(['variants'], '`variants` is an object with at least one variant.')
    return read
  }
  for (const [name, value] of Object.entries(variants)) {
    const frozen = frozenJson(value)
    if (frozen === undefined) report(['variants', name], 'The value of a variant is JSON, nested no deeper than 64 levels.')
    else read.set(name, frozen)
  }
  return read
}

/** Booleans, texts and numbers; what else there is, is not carried on, as OpenFeature knows no other. */
export function readMetadata(metadata: unknown): Metadata {
  if (!isMap(metadata)) return noMetadata
  return Object.freeze(
    Object.fromEntries(
      Object.entries(metadata).filter((entry): entry is [string, string | number | boolean] =>
        ['string', 'number', 'boolean'].includes(typeof entry[1]),
      ),
    ),
  )
}
