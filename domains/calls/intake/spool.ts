/**
 * Batches of calls on the disk until the column store has them. What is appended together is flushed together and
 * decided together (`decide`), so many senders share the price of one flush; segments are closed after a second and
 * then handed to the column store, each under a name that makes it count once there.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, Problem } from '@belay/base'
import type { Store } from '@belay/store'
import { decide, standingOf } from './claims.ts'
import { intakeProblem } from './problems.ts'
import { type Entry, openSegment, removeSealed, type Sealed, type Segment } from './segment.ts'

export type SpoolOptions = {
  readonly folder: string
  /** Whose spool this is; the same at every start. */
  readonly name: string
  readonly store: Store
  readonly clock: Clock
  readonly bytesMax: number
  log(line: string, error?: unknown): void
}
export type Spool = {
  /** @returns counted: false when the claim was taken before. @throws Problem `calls-busy`, `calls-disk`, and what the state store throws. */
  put(entry: Entry): Promise<{ counted: boolean }>
  /** The oldest that is closed; closes the open one when it is due (not before whoever asks has `rested`), or when `now` asks for it. */
  next(options?: { readonly now?: boolean; readonly rested?: boolean }): Promise<Sealed | undefined>
  path(sealed: Sealed): string
  /** The column store has it. */
  done(sealed: Sealed): Promise<void>
  state(): { waitingRows: number; waitingBytes: number; oldestAt: number | null }
  close(): Promise<void>
}

/** New calls are seen after this and one insert. Inserts want to be few: 300 of one row each took the engine 2.1 s. */
const closeAfterMs = 1_000
/** A segment is one insert; with a few hundred bytes a row the engine takes it in a few hundred MiB of memory. */
const rowsMax = 250_000
/** Entries of one flush. What comes meanwhile waits for the next; senders wait as well, so this bounds what is in memory. */
const togetherMax = 256
const waitingMax = 2_048
const busyAfterS = 10

type Waiting = { readonly entry: Entry; resolve(it: { counted: boolean }): void; reject(error: unknown): void }

export async function openSpool(options: SpoolOptions): Promise<Spool> {
  const { folder, name, store, clock, bytesMax, log } = options
  await mkdir(folder, { recursive: true })
  const found = await recover(options)
  const sealed = found.sealed
  let next = found.next
  let current: { segment: Segment; refused: number[]; openedAt: number } | undefined
  /** A segment that something went wrong with; its files are whole. */
  let left: number | undefined
  const waiting: Waiting[] = []
  let working: Promise<void> | undefined
  /** Sealing waits for the flush that is under way, and the next flush for it. */
  let turn: Promise<unknown> = Promise.resolve()
  let isClosed = false

  const waitingBytes = () => sealed.reduce((sum, it) => sum + it.bytes, 0) + (current?.segment.bytes() ?? 0)

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work)
    turn = done.catch(() => {})
    return done
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const together = waiting.splice(0, togetherMax)
      await inTurn(async () => {
        try {
          const fresh = await keep(together.map((it) => it.entry))
          together.forEach((it, i) => it.resolve({ counted: fresh[i] as boolean }))
        } catch (error) {
          for (const it of together) it.reject(error)
        }
      })
    }
    working = undefined
  }

  async function keep(entries: readonly Entry[]): Promise<boolean[]> {
    try {
      await finishLeft()
      current ??= { segment: await openSegment(folder, next++), refused: [], openedAt: clock.now() }
      await current.segment.append(entries)
    } catch (error) {
      if (error instanceof Problem) throw error
      throw intakeProblem('calls-disk', { because: (error as NodeJS.ErrnoException).code ?? String(error), afterS: busyAfterS }, error)
    }
    const { segment, refused } = current
    const position = segment.entries() - entries.length
    try {
      const fresh = await decide(store, {
        spool: name,
        from: { segment: segment.number, position, refused },
        claims: entries.map((it) => it.claim),
        now: clock.now(),
      })
      fresh.forEach((isNew, i) => isNew || refused.push(position + i))
      // Here, and not when the next is asked for: that may be long after, and a segment is one insert.
      if (segment.rows() >= rowsMax) await sealCurrent()
      return fresh
    } catch (error) {
      // Nobody knows whether they were decided; what is noted beside the claims will tell.
      await leave()
      throw error
    }
  }

  async function leave(): Promise<void> {
    if (current === undefined) return
    left = current.segment.number
    await current.segment.close()
    current = undefined
  }

  /** There is at most one open segment: what is noted beside the claims is about that one alone. */
  async function finishLeft(): Promise<void> {
    if (left === undefined) return
    const again = await finish(options, left)
    left = undefined
    if (again) sealed.push(again)
  }

  function seal(): Promise<void> {
    return inTurn(async () => {
      await finishLeft()
      await sealCurrent()
    })
  }

  async function sealCurrent(): Promise<void> {
    if (current === undefined) return
    try {
      sealed.push(await current.segment.seal(new Set(current.refused)))
      current = undefined
    } catch (error) {
      await leave()
      log('A segment of calls could not be closed; it is tried again.', error)
    }
  }

  return {
    put(entry) {
      const bytes = waitingBytes()
      if (bytes > bytesMax || waiting.length >= waitingMax || isClosed)
        return Promise.reject(intakeProblem('calls-busy', { waitingBytes: bytes, afterS: busyAfterS }))
      const done = new Promise<{ counted: boolean }>((resolve, reject) => waiting.push({ entry, resolve, reject }))
      working ??= flush()
      return done
    },
    async next({ now = false, rested = true } = {}) {
      if (left !== undefined) await inTurn(finishLeft)
      if (current !== undefined && current.segment.entries() > 0) {
        const isDue = clock.now() - current.openedAt >= closeAfterMs && sealed.length === 0
        if (now || (isDue && rested)) await seal()
      }
      return sealed[0]
    },
    path: (it) => join(folder, it.file),
    async done(it) {
      const index = sealed.indexOf(it)
      if (index >= 0) sealed.splice(index, 1)
      await removeSealed(folder, it)
    },
    state: () => ({
      waitingRows: sealed.reduce((sum, it) => sum + it.rows, 0) + (current?.segment.rows() ?? 0),
      waitingBytes: waitingBytes(),
      oldestAt: current?.openedAt ?? null,
    }),
    async close() {
      await working
      isClosed = true
      await inTurn(async () => current?.segment.close())
      current = undefined
    },
  }
}

/** What a server that ended left: closed segments as they are; open ones decided to their end, and closed. */
async function recover(options: SpoolOptions): Promise<{ sealed: Sealed[]; next: number }> {
  const { folder } = options
  const names = (await readdir(folder)).toSorted()
  const sealed: Sealed[] = []
  for (const name of names.filter((it) => it.endsWith('.sealed')))
    sealed.push(JSON.parse(await readFile(join(folder, name), 'utf8')) as Sealed)
  const numbers = names.map((name) => Number.parseInt(name, 10)).filter((it) => Number.isSafeInteger(it))
  const closed = new Set(sealed.map((it) => it.number))
  const files = new Set(sealed.map((it) => it.file))
  for (const name of names) {
    const number = Number.parseInt(name, 10)
    if (name.endsWith('.sealed') || files.has(name)) continue
    const isOpen = !closed.has(number) && names.includes(`${String(number).padStart(12, '0')}.log`)
    // Rows without a log were acknowledged to nobody, or are in the column store.
    if (!isOpen) await rm(join(folder, name), { force: true })
    else if (name.endsWith('.log')) {
      const it = await finish(options, number)
      if (it) sealed.push(it)
    }
  }
  sealed.sort((a, b) => a.number - b.number)
  // Numbers are never used twice: they are what makes a segment count once.
  const standing = await standingOf(options.store, options.name)
  return { sealed, next: Math.max(standing?.segment ?? 0, ...numbers) + 1 }
}

/** Decides about all that is in an open segment and was not decided, and closes it. Undefined: there is nothing in it. */
async function finish({ folder, name, store, clock }: SpoolOptions, number: number): Promise<Sealed | undefined> {
  const segment = await openSegment(folder, number)
  const standing = await standingOf(store, name)
  // A standing of an earlier segment says that nothing of this one was decided.
  const from = standing?.segment === number ? standing : { segment: number, position: 0, refused: [] }
  const claims = segment.claims.slice(from.position)
  const refused = new Set(from.refused)
  if (claims.length > 0) {
    const fresh = await decide(store, { spool: name, from, claims, now: clock.now() })
    fresh.forEach((isNew, i) => isNew || refused.add(from.position + i))
  }
  const sealed = await segment.seal(refused)
  if (sealed.rows > 0 || Object.keys(sealed.extras).length > 0) return sealed
  await removeSealed(folder, sealed)
  return undefined
}
