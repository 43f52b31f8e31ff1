/**
 * Outcomes as OFREP spells them. An evaluator gives the same object for the same flag, variant and reason, so each is
 * spelled once, and an answer for all flags is looked up by the outcomes that it is made of.
 */
import { hash } from 'node:crypto'
import type { Evaluation, Metadata } from '@belay/flag-evaluator'

/** `schema`: reasons that the published schema knows, DEFAULT as UNKNOWN; `flagd`: DEFAULT as it is, as flagd sends it. */
export type Reasons = 'schema' | 'flagd'

export type Outcome = {
  /** Small and unique: what answers are looked up by. */
  readonly id: number
  readonly flag: string
  readonly variant: string | null
  readonly status: 200 | 400 | 404
  /** Alone. */
  readonly text: string
  readonly bytes: number
  /** Among others, where what is said of all flags is said once and not by each. */
  readonly short: string
  /** Evaluations that were not yet told on. */
  count: number
}

/** An answer for all flags, ready to be sent. */
export type BulkAnswer = {
  readonly outcomes: readonly Outcome[]
  readonly body: Buffer
  /** SHA-256 of the body, without quotes. */
  readonly tag: string
  count: number
}

export type Outcomes = {
  /** `common` is the metadata of the set, which evaluators repeat in each flag's. */
  of(evaluation: Evaluation, common: Metadata): Outcome
  /** `tail` closes the answer after the list of flags; other tails make other answers. */
  answer(evaluations: readonly Evaluation[], common: Metadata, tail: string): BulkAnswer
  /** Calls for each flag and variant that was evaluated since the last time, and how often. */
  tell(evaluated: (flag: string, variant: string | null, count: number) => void): void
}

/**
 * A product has some dozen different audiences at a time, whatever the number of its users, and 50 flags make 5 KB:
 * this holds three thousand such answers. With 5,000 flags it holds thirty, and others are made anew each time.
 */
const answersMaxBytes = 16 * 1_024 * 1_024
/** So many answers wait at most to be counted before they are counted at once. */
const untoldMax = 2_000

/** Twice as many as there can be flags: one failure each, and room for those that say the name of a variant. */
const failuresMax = 10_000

const reasonOf = { STATIC: 'STATIC', TARGETING_MATCH: 'TARGETING_MATCH', DISABLED: 'DISABLED' } as const
const failureCodes: readonly string[] = ['PARSE_ERROR', 'TARGETING_KEY_MISSING', 'INVALID_CONTEXT', 'FLAG_NOT_FOUND']

export function openOutcomes(reasons: Reasons): Outcomes {
  const known = new WeakMap<Evaluation, Outcome>()
  /** An evaluator makes most errors anew each time; by their text they are the same outcome all the same. */
  const failures = new Map<string, Outcome>()
  const answers = new Map<number, BulkAnswer>()
  let answersBytes = 0
  let answersTail = ''
  let ids = 0
  /** Of the answer that is asked for now: one list for all of them, so that finding an answer allocates nothing. */
  const found: Outcome[] = []
  const untold = new Set<Outcome>()
  const untoldAnswers: BulkAnswer[] = []

  function of(evaluation: Evaluation, common: Metadata): Outcome {
    const it = known.get(evaluation)
    if (it !== undefined) return it
    const { key, errorCode } = evaluation
    const spelled = (metadata: Metadata | undefined) =>
      JSON.stringify(errorCode === undefined ? successOf(evaluation, metadata, reasons) : failureOf(evaluation, metadata))
    const text = spelled(evaluation.metadata)
    const same = errorCode === undefined ? undefined : failures.get(text)
    if (same !== undefined) return same
    const made: Outcome = {
      id: ids++,
      flag: key,
      variant: evaluation.variant ?? null,
      status: errorCode === undefined ? 200 : errorCode === 'FLAG_NOT_FOUND' ? 404 : 400,
      text,
      bytes: Buffer.byteLength(text),
      short: spelled(without(evaluation.metadata, common)),
      count: 0,
    }
    known.set(evaluation, made)
    if (errorCode !== undefined && errorCode !== 'FLAG_NOT_FOUND') {
      if (failures.size >= failuresMax) failures.clear()
      failures.set(text, made)
    }
    return made
  }

  function count(answer: BulkAnswer): void {
    if (answer.count++ === 0 && untoldAnswers.push(answer) >= untoldMax) gather()
  }
  function gather(): void {
    for (const answer of untoldAnswers.splice(0)) {
      for (const outcome of answer.outcomes) {
        outcome.count += answer.count
        untold.add(outcome)
      }
      answer.count = 0
    }
  }

  return {
    of(evaluation, common) {
      const outcome = of(evaluation, common)
      // Names that are no flag's are without number.
      if (outcome.status !== 404 && outcome.count++ === 0) untold.add(outcome)
      return outcome
    },
    answer(evaluations, common, tail) {
      if (tail !== answersTail) {
        answers.clear()
        answersBytes = 0
        answersTail = tail
      }
      found.length = 0
      // FNV-1a over the ids: where to look; what is found there is compared.
      let place = 0x811c9dc5
      for (const evaluation of evaluations) {
        const outcome = of(evaluation, common)
        found.push(outcome)
        place = Math.imul(place ^ outcome.id, 0x01000193)
      }
      const before = answers.get(place)
      if (before !== undefined && isSame(before.outcomes, found)) {
        count(before)
        return before
      }
      const outcomes = [...found]
      const body = Buffer.from(`{"flags":[${outcomes.map(({ short }) => short).join(',')}${tail}`)
      const answer: BulkAnswer = { outcomes, body, tag: hash('sha256', body), count: 0 }
      answersBytes += sizeOf(answer) - (before ? sizeOf(before) : 0)
      answers.set(place, answer)
      for (const [oldest, it] of answers) {
        if (answersBytes <= answersMaxBytes) break
        answers.delete(oldest)
        answersBytes -= sizeOf(it)
      }
      count(answer)
      return answer
    },
    tell(evaluated) {
      gather()
      for (const outcome of untold) {
        evaluated(outcome.flag, outcome.variant, outcome.count)
        outcome.count = 0
      }
      untold.clear()
    },
  }
}

const sizeOf = ({ body, outcomes }: BulkAnswer): number => body.length + 8 * outcomes.length

function isSame(some: readonly Outcome[], others: readonly Outcome[]): boolean {
  if (some.length !== others.length) return false
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false
  return true
}

/** OFREP's evaluationSuccess. Without `value` the code's default counts (ADR-0006): disabled, or no default variant. */
function successOf({ key, reason, variant, value }: Evaluation, metadata: Metadata | undefined, reasons: Reasons) {
  const told = reason === 'DEFAULT' && reasons === 'flagd' ? 'DEFAULT' : (reasonOf[reason as keyof typeof reasonOf] ?? 'UNKNOWN')
  return { key, reason: told, variant, value, metadata: orNothing(metadata) }
}

/** OFREP's evaluationFailure; codes that it lacks are GENERAL. */
function failureOf({ key, errorCode = 'GENERAL', errorMessage }: Evaluation, metadata: Metadata | undefined) {
  return {
    key,
    errorCode: failureCodes.includes(errorCode) ? errorCode : 'GENERAL',
    errorDetails: errorMessage,
    metadata: orNothing(metadata),
  }
}

const orNothing = (metadata: Metadata | undefined) => (metadata === undefined || Object.keys(metadata).length === 0 ? undefined : metadata)

const without = (metadata: Metadata | undefined, common: Metadata): Metadata | undefined =>
  metadata && Object.fromEntries(Object.entries(metadata).filter(([name, value]) => !Object.hasOwn(common, name) || common[name] !== value))
