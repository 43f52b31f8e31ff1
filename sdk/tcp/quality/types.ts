/** What is said of sessions in words, and of two sets of sessions beside one another. */
import type { SessionRecord } from '../types.ts'

/** A record to which the score has yet to be given. */
export type Unscored = Omit<SessionRecord, 'score'>

/** `happened`: an event or a phase. `limits`: what held the session back. `try`: advice. `trust`: how far the capture can be believed. */
export type Sentence = {
  /** Milliseconds from the session's first packet; only where one moment is known. */
  readonly at?: number
  readonly kind: 'happened' | 'limits' | 'try' | 'trust'
  readonly text: string
}
/** In the order in which it is to be read. */
export type Story = readonly Sentence[]

export type Resources = { readonly cpuMs?: number; readonly memoryBytes?: number }

export type CompareOptions = {
  /** What each solution used while its capture was taken. */
  readonly resources?: { readonly a: Resources; readonly b: Resources }
  /** Of the permutations: the same seed gives the same figures. */
  readonly seed: number
}

export type Outcome = 'better in A' | 'better in B' | 'no difference shown'

/** One measure of the sessions of one side; null where no session had it. */
export type Spread = {
  readonly sessions: number
  readonly p25: number | null
  readonly median: number | null
  readonly p75: number | null
  readonly mean: number | null
}

/** One measure, one figure a session, A beside B. */
export type Compared = {
  /** As in a record, with its unit at the end: `rttP50Ms`. */
  readonly measure: string
  /** For people: `RTT, median`. */
  readonly label: string
  readonly unit: 'ms' | 'bit/s' | 'share' | 'points' | 'count' | 'ratio'
  readonly better: 'lower' | 'higher'
  readonly a: Spread
  readonly b: Spread
  /**
   * Hodges and Lehmann's median of the differences of like sessions, with its 95 % interval. `ratio`: B over A (1 is alike); `difference`:
   * B less A in the measure's unit (0 is alike). Null: too few sessions.
   */
  readonly change: { readonly as: 'ratio' | 'difference'; readonly estimate: number; readonly low: number; readonly high: number } | null
  /** Cliff's delta, -1 to 1: how much more often a session of B is above one of A than below. */
  readonly effect: number | null
  readonly effectSize: 'negligible' | 'small' | 'medium' | 'large' | null
  /** Probability of so great a difference by chance, and the same with regard to how many measures were looked at (Holm). */
  readonly p: number | null
  readonly pAdjusted: number | null
  readonly outcome: Outcome
  /** One sentence with its figures. */
  readonly because: string
}

/** What was compared with what: sessions to one server port and of one size. */
export type Purpose = { readonly port: number; readonly size: string; readonly a: number; readonly b: number }

/** What each solution costs for what it carries. Null: not known. */
export type Costs = {
  readonly goodBytes: number
  readonly wireBytes: number
  readonly wireBytesPerGoodByte: number | null
  readonly packetsPerMegabyte: number | null
  readonly cpuMs: number | null
  readonly cpuMsPerMegabyte: number | null
  readonly memoryBytes: number | null
}

export type Comparison = {
  readonly outcome: Outcome | 'each better in something'
  /** What is to be read first: the outcome with its greatest differences, then the costs. */
  readonly sentences: readonly string[]
  readonly sessions: { readonly a: number; readonly b: number }
  /** Sessions whose purpose only one side has: left out. */
  readonly unmatched: { readonly a: number; readonly b: number }
  /** `pairs`: each request was made once on each side, in the same order. `purposes`: like sessions as groups. */
  readonly by: 'pairs' | 'purposes'
  /** The method in one sentence. */
  readonly method: string
  readonly purposes: readonly Purpose[]
  readonly measures: readonly Compared[]
  readonly costs: { readonly a: Costs; readonly b: Costs }
}
