/** What a fact is, how it is chained, and how a broken chain is told. Pure. */
import { canonicalJson, sayDuration } from '@belay/base'
import type { FactWire } from '@belay/protocol'

export type Fact = FactWire
export type NewFact = {
  /** Who did it: a person's name, `token:NAME`, or `belay` for what the program does by itself. */
  readonly actor: string
  /** Dotted, past tense: `release.cut`. */
  readonly kind: string
  /** What it happened to, `type:name`: `release:v2`. */
  readonly subject: string
  /** One sentence for people. Never a secret: facts are kept for ever and shown to everyone who may look. */
  readonly says: string
  readonly data?: Readonly<Record<string, unknown>>
}
export type Head = { readonly seq: number; readonly at: number; readonly hash: string }

/** What the first fact names as its predecessor. */
export const beginning = '0'.repeat(64)
/** A sentence, not a log; what is longer (a command's error output) is cut and says so. */
export const saysMaxChars = 2_000
/** A fact names things and keeps figures; what is larger is stored elsewhere and named by its hash. */
export const dataMaxBytes = 64 * 1_024
/** Clocks that are set by NTP step by less than this; more is a reason to look. */
export const clockBackMs = 2_000

/** The text that is hashed; `contentHash` over the fact without its hash gives the same. */
export function hashedText(fact: Omit<Fact, 'hash'>): string {
  const { seq, at, actor, kind, subject, says, data, previous } = fact
  return canonicalJson({ seq, at, actor, kind, subject, says, data, previous })
}

/** Texts as both databases keep them: no NUL (PostgreSQL), no half of a surrogate pair (UTF-8). */
export function asStored(fact: NewFact): Required<NewFact> {
  const says = clean(fact.says)
  return {
    actor: clean(fact.actor),
    kind: clean(fact.kind),
    subject: clean(fact.subject),
    says: says.length <= saysMaxChars ? says : `${says.slice(0, saysMaxChars - 1).toWellFormed()}…`,
    // What JSON cannot carry (a Date's type, undefined members) must not be in the hash either.
    data: JSON.parse(JSON.stringify(fact.data ?? {})) as Record<string, unknown>,
  }
}
const clean = (text: string) => text.toWellFormed().replaceAll('\0', '')

/**
 * The `at` of the next fact, which is never before the last one's, and the fact that tells of a clock that was moved
 * back: once, until it has caught up.
 */
export function timeOf(nowMs: number, head: Head, isBehind: boolean): { at: number; isBehind: boolean; tell: NewFact | undefined } {
  const lagMs = head.at - nowMs
  if (lagMs <= 0) return { at: nowMs, isBehind: false, tell: undefined }
  const mustTell = lagMs > clockBackMs && !isBehind
  return { at: head.at, isBehind: isBehind || mustTell, tell: mustTell ? clockMovedBack(lagMs, nowMs) : undefined }
}

const clockMovedBack = (lagMs: number, nowMs: number): NewFact => ({
  actor: 'belay',
  kind: 'clock.moved-back',
  subject: 'clock:server',
  says: `This machine's clock is ${sayDuration(lagMs)} behind the last fact. Until it has caught up, facts keep that fact's time.`,
  data: { lagMs, clockAt: nowMs },
})

/** Why this row is not the link that follows `before`; undefined when it is. */
export function whyBroken(row: StoredFact, before: Head, sha256: (text: string) => string): { seq: number; because: string } | undefined {
  const expected = before.seq + 1
  if (row.seq !== expected) return { seq: expected, because: `fact ${expected} is missing; the next one is fact ${row.seq}` }
  const because = whyChanged(row, sha256) ?? whyUnlinked(row, before)
  return because === undefined ? undefined : { seq: row.seq, because }
}

/** A fact as its row has it: `data` still as text. */
export type StoredFact = Omit<Fact, 'data'> & { readonly data: string }

function whyChanged(row: StoredFact, sha256: (text: string) => string): string | undefined {
  let data: Fact['data']
  try {
    data = JSON.parse(row.data) as Fact['data']
  } catch {
    return 'its content was changed after it was written: its data is no longer JSON'
  }
  if (canonicalJson(data) !== row.data) return 'its content was changed after it was written: its data is spelled differently'
  const hash = sha256(hashedText({ ...row, data }))
  if (hash === row.hash) return undefined
  return `its content was changed after it was written: it hashes to ${hash.slice(0, 12)}…, recorded was ${row.hash.slice(0, 12)}…`
}

function whyUnlinked(row: StoredFact, before: Head): string | undefined {
  if (row.previous !== before.hash)
    return `it does not link to the fact before it: it names ${row.previous.slice(0, 12)}…, fact ${before.seq} is ${before.hash.slice(0, 12)}…`
  if (row.at < before.at) return `it is out of order: its time is ${before.at - row.at} ms before that of fact ${before.seq}`
  return undefined
}
