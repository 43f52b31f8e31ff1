/**
 * Who is in which list segment. The lists stay with the server, for they may have a million keys; what was asked of it
 * is remembered here, bounded, and forgotten when the server says that a list changed.
 */
import type { Logger } from '@openfeature/server-sdk'
import type { Clock } from './clock.ts'
import { because } from './files.ts'
import { createGenerations } from './generations.ts'

export type Answered = { readonly revision: number; readonly members: Readonly<Record<string, readonly string[]>> }

export type Memberships = {
  /** Undefined: not known. Whoever evaluates finds the key in `missed` then, or when what is known is outdated. */
  inSegment(segment: string, key: string): boolean | undefined
  /** The keys that were not known, since this was last emptied; not more than one question may have. */
  readonly missed: Set<string>
  /** Asks for these keys. Resolves when all are known, or at once when there is no hope of it now; never rejects. */
  learn(keys: readonly string[]): Promise<void>
  /** What was learnt before this revision of these lists (or of all) is outdated. */
  outdate(segments: readonly string[] | 'all', revision: number): void
}

/**
 * The most recently used 50,000 to 100,000 keys are remembered: 17 MB with keys of 36 characters, measured. The active users
 * of one process are fewer; with more, the server is asked again.
 */
export const rememberedMax = 50_000
/** The server takes so many in one question. */
const askedMax = 1_000
/** Evaluations that begin within this time ask together. Nobody notices it beside the question itself. */
const gatherMs = 2
/** Questions under way at once: 16,000 keys. Beyond that the server is not keeping up, and waiting would not help. */
const questionsMax = 16
/** After a question in vain nobody waits for another one for a while. */
const restMs = 1_000
/** Servers of one database hear of each other's changes within milliseconds. */
const hearMs = 1_000

/**
 * `asOf` is a number of our own that grows with everything we are told, for several servers of one database have one order
 * of revisions, but an environment that nobody asked one of them for has an older revision there.
 */
type Known = { readonly asOf: number; readonly segments: readonly string[] }
const inNone: readonly string[] = []

type Question = { readonly keys: Set<string>; readonly answered: Promise<void>; readonly full: () => void }

export function createMemberships(ask: (keys: string[]) => Promise<Answered>, clock: Clock, logger: Logger): Memberships {
  const known = createGenerations<Known>(rememberedMax)
  const missed = new Set<string>()
  /** How often we were told of changes; and when that was, of each list and of everything. */
  let told = 0
  const changedAt = new Map<string, number>()
  let everythingAt = 0
  /** The newest that we were told of. */
  let toldRevision = Number.NEGATIVE_INFINITY
  let gathering: Question | undefined
  const underWay = new Set<Question>()
  /** By key: the question whose answer will be new enough. */
  const asked = new Map<string, Question>()
  let resting = false
  let complained = false

  function begin(): Question {
    const wait = new AbortController()
    const keys = new Set<string>()
    const question: Question = {
      keys,
      full: () => wait.abort(),
      answered: clock
        .sleep(gatherMs, wait.signal)
        .catch(() => {})
        .then(send),
    }
    async function send(): Promise<void> {
      if (gathering === question) gathering = undefined
      await put([...keys])
      underWay.delete(question)
      for (const key of keys) if (asked.get(key) === question) asked.delete(key)
    }
    underWay.add(question)
    return question
  }

  async function put(keys: string[], again = false): Promise<void> {
    const [asOf, wanted] = [told, toldRevision]
    try {
      const { revision, members } = await ask(keys)
      for (const key of keys) {
        if ((known.get(key)?.asOf ?? 0) > asOf) continue
        const segments = Object.hasOwn(members, key) ? (members[key] as readonly string[]) : inNone
        known.set(key, { asOf, segments: segments.length === 0 ? inNone : segments })
      }
      complained = false
      if (revision < wanted && !again) {
        // Perhaps from a server that has not heard yet what we have. It is the best there is; a moment later it has heard.
        void clock.sleep(hearMs, undefined, true).then(() => put(keys, true))
      }
    } catch (thrown) {
      rest(because(thrown))
    }
  }

  function rest(why: string): void {
    if (resting) return
    resting = true
    if (!complained)
      logger.warn(`Belay: the server was asked in vain who is in which segment; who is not known counts as not in it. ${why}`)
    complained = true
    void clock.sleep(restMs, undefined, true).then(() => {
      resting = false
    })
  }

  return {
    missed,
    inSegment(segment, key) {
      const it = known.get(key)
      if (it === undefined || it.asOf < everythingAt || it.asOf < (changedAt.get(segment) ?? 0)) {
        if (missed.size < askedMax) missed.add(key)
        if (it === undefined) return undefined
      }
      return it.segments.includes(segment)
    },
    async learn(keys) {
      if (resting) return
      const questions = new Set<Question>()
      for (const key of keys) {
        const before = asked.get(key)
        if (before !== undefined) {
          questions.add(before)
          continue
        }
        if (gathering === undefined) {
          if (underWay.size >= questionsMax) break
          gathering = begin()
        }
        const question = gathering
        question.keys.add(key)
        asked.set(key, question)
        questions.add(question)
        if (question.keys.size >= askedMax) {
          gathering = undefined
          question.full()
        }
      }
      await Promise.all([...questions].map((it) => it.answered))
    },
    outdate(segments, revision) {
      // What is under way may be answered with what was true before; whoever asks from now on needs a question of their own.
      asked.clear()
      gathering = undefined
      told++
      toldRevision = revision
      if (segments === 'all') {
        everythingAt = told
        changedAt.clear()
      } else for (const segment of segments) changedAt.set(segment, told)
    },
  }
}
