import type { FlagDocument, FlagPatch, FlagSet } from '@belay/flag-evaluator'

/** What those who evaluate in process are told when something changed. */
export type LiveNews = {
  /** Grows with every change of anything that is served, by any server of one database. */
  readonly revision: number
  /** The revision before it, which the patch starts from. */
  readonly from: number
  readonly etag: string
  readonly patch: FlagPatch
  /** Lists whose members changed: what was remembered of them is old. */
  readonly segments: readonly string[]
}

/** One environment's flags, compiled and ready. Everything here is in memory and answers at once. */
export type LiveEnvironment = {
  readonly name: string
  revision(): number
  /** Of the document: changes when and only when the document does. Without quotes. */
  etag(): string
  set(): FlagSet
  document(): FlagDocument
  /** From a revision that a client has to the present one; undefined: too long ago, send the document. */
  since(revision: number): LiveNews | undefined
  /** Called after each change, at most once per turn of the event loop. Returns the way to stop listening. */
  onChange(listener: (news: LiveNews) => void): () => void
}

export type LiveFlags = {
  /** @throws Problem `unknown-environment`. */
  environment(name: string): LiveEnvironment
  environments(): readonly LiveEnvironment[]
  /** For who names none: the only environment of kind production, else undefined. */
  usual(): LiveEnvironment | undefined
}
