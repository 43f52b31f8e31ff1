/** Each body once: written to the journal, applied, its rows taken by the intake; however often it comes. See journal.ts. */
import { createHash } from 'node:crypto'
import { type Clock, Problem } from '@belay/base'
import type { ExemplarRow, Intake } from '../intake/types.ts'
import type { CallRow } from '../row.ts'
import type { Body } from './body.ts'
import { type JournalBody, openJournal, replay } from './journal.ts'
import { limits } from './limits.ts'
import { packed } from './packing.ts'
import { otlpProblem } from './problems.ts'

/** What a body came to. */
export type Taking = { readonly rows: readonly CallRow[]; readonly exemplars: readonly ExemplarRow[] }
export type About = Pick<JournalBody, 'environment' | 'signal' | 'encoding'>

export type Once = {
  /**
   * @param apply runs when the body is on the disk, in the order of bodies; not at all when it was applied before.
   * @returns the rows that it came to, when the intake has them.
   * @throws Problem `otlp-busy`, `otlp-disk`, and what the intake throws.
   */
  take(about: About, body: Body, apply: (at: number) => Taking): Promise<readonly CallRow[]>
  /** What the intake refused is on the disk and applied: it is counted also when its sender has given up. */
  retry(): Promise<void>
  readonly unsettled: number
  readonly journalBytes: number
  close(): Promise<void>
}

/** A body that was applied and whose rows are not taken: the same body, sent again, has these and no others. */
type Unsettled = Taking & { taking: Promise<void> | undefined }

/** Rows of bodies that the intake refused; senders that come meanwhile are refused before anything is made of what they sent. */
const unsettledRowsMax = 200_000

export async function openOnce(it: {
  readonly folder: string
  readonly clock: Clock
  readonly intake: Pick<Intake, 'take'>
  /** What waits for its call now. */
  saved(): string
  restore(saved: string): void
  /** Of a body that was taken before the last end. */
  applyAgain(body: JournalBody): Taking
  log(line: string, error?: unknown): void
}): Promise<Once> {
  const { folder, clock, intake, log } = it
  const unsettled = new Map<string, Unsettled>()
  const working = new Map<string, Promise<readonly CallRow[]>>()
  let unsettledRows = 0

  const withoutRows: string[] = []
  for await (const found of replay(folder)) {
    if (found.kind === 'saved') {
      it.restore(found.saved)
      continue
    }
    const taking = appliedAgain(found.body)
    if (found.isSettled) continue
    if (taking !== undefined && taking.rows.length > 0) unsettle(found.body.hash, taking)
    else withoutRows.push(found.body.hash)
  }
  const journal = await openJournal(folder, clock.now, it.saved)
  for (const hash of withoutRows) journal.settled(hash)
  await retry()

  /** A body that made something fail must not keep the server from starting. */
  function appliedAgain(body: JournalBody): Taking | undefined {
    try {
      return it.applyAgain(body)
    } catch (error) {
      log(`A body of OpenTelemetry (${body.hash}) could not be applied again; what it said of calls under way is lost.`, error)
      return undefined
    }
  }

  async function takeNew(hash: string, about: About, body: Body, apply: (at: number) => Taking): Promise<readonly CallRow[]> {
    if (unsettledRows > unsettledRowsMax) throw busy('Calls that came before wait for room')
    if (journal.bytes > limits.journalBytesMax) throw busy('More was sent in the last minutes than is kept for a crash')
    const kept = await packed(body)
    const at = clock.now()
    const written = journal.append({ hash, ...about, at, ...kept }, () => {
      const taking = apply(at)
      return taking.rows.length === 0 ? undefined : unsettle(hash, taking)
    })
    const applied = await written.catch((error: unknown) => {
      const { code } = error as NodeJS.ErrnoException
      throw code === undefined ? error : otlpProblem('otlp-disk', { because: code, afterS: diskAfterS }, error)
    })
    if (applied !== undefined) {
      await settle(hash, applied)
      return applied.rows
    }
    journal.settled(hash)
    return []
  }

  function unsettle(hash: string, taking: Taking): Unsettled {
    const made: Unsettled = { ...taking, taking: undefined }
    unsettled.set(hash, made)
    unsettledRows += taking.rows.length
    return made
  }

  function settle(hash: string, applied: Unsettled): Promise<void> {
    const { rows, exemplars } = applied
    applied.taking ??= intake
      .take({ claim: { source: `otlp.${hash}`, batch: 1 }, rows, exemplars })
      .then(() => {
        if (unsettled.delete(hash)) unsettledRows -= rows.length
        journal.settled(hash)
      })
      .finally(() => {
        applied.taking = undefined
      })
    return applied.taking
  }

  async function retry(): Promise<void> {
    for (const [hash, applied] of unsettled) {
      try {
        await settle(hash, applied)
      } catch (error) {
        // There is no room yet; the others would hear the same.
        if (!(error instanceof Problem)) log('Calls from OpenTelemetry could not be taken; it is tried again.', error)
        return
      }
    }
  }

  return {
    take(about, body, apply) {
      const hash = createHash('sha256').update(`${about.environment}\n`).update(body.bytes).digest('hex').slice(0, hashDigits)
      const known = working.get(hash)
      if (known !== undefined) return known
      const again = unsettled.get(hash)
      const work = again === undefined ? takeNew(hash, about, body, apply) : settle(hash, again).then(() => again.rows)
      working.set(hash, work)
      return work.finally(() => working.delete(hash))
    },
    retry,
    get unsettled() {
      return unsettled.size
    },
    get journalBytes() {
      return journal.bytes
    },
    async close() {
      await Promise.allSettled([...working.values(), ...[...unsettled.values()].map(({ taking }) => taking)])
      await journal.close()
    },
  }
}

/** 160 bits of SHA-256: claims have room for 64 characters. */
const hashDigits = 40
const diskAfterS = 10

const busy = (because: string) => otlpProblem('otlp-busy', { because, afterS: limits.busyAfterS })
