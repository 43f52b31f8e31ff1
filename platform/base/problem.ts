/**
 * A refusal or a failure of the world that a person has to read: a stable code for machines, the facts as
 * fields, a sentence that says what to do. Everything else that is thrown is a broken promise of ours.
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: string
  /** HTTP status that fits: 4xx when the asker can mend it, 5xx when the operator must. */
  readonly status: number
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: string, status: number, sentence: string, facts: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause })
    this.code = code
    this.status = status
    this.facts = facts
  }
}

type Entry = { readonly status: number; readonly say: (facts: never) => string }
type FactsOf<E extends Entry> = Parameters<E['say']>[0]

/**
 * One small catalogue per domain. Returns a maker: `fail('flag-key-taken', { key })` gives the Problem to throw.
 * A test walks every catalogue against the reference page, so codes are part of the product.
 */
export function defineProblems<C extends Record<string, Entry>>(catalogue: C) {
  const fail = <K extends keyof C & string>(code: K, facts: FactsOf<C[K]>, cause?: unknown): Problem => {
    const entry = catalogue[code] as C[K]
    return new Problem(code, entry.status, (entry.say as (f: unknown) => string)(facts), facts as Record<string, unknown>, cause)
  }
  return Object.assign(fail, { catalogue })
}

/** The sentence to show for anything that was thrown; never a stack. */
export function sentenceOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
