/**
 * Sends what was gathered, every few seconds. A parcel has its number before it is sent, and keeps it until the server
 * has acknowledged it; with a spool it is on the disk before that, or as soon as the server has not taken it at once. So
 * each arrives, and is counted, once.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { because } from '../files.ts'
import type { Log } from '../log.ts'
import { asFailure, type Failure, type Server } from '../server.ts'
import type { Parcel } from './parcel.ts'
import { keepNow, nameOf, openSpool, type Spool, type SpoolPlace } from './spool.ts'

export type Sender = {
  /** Enough for a parcel is there: send soon, not at the next turn. */
  hurry(): void
  /** Everything that was gathered so far; resolves when the server has it, or cannot take it now. Never rejects. */
  flush(): Promise<void>
  /** The process ends now: what was gathered goes to the spool, when there is one. Never throws. */
  stowNow(): void
  /** Flushes, for a bounded time, and sends nothing more. */
  close(): Promise<void>
}

export type SenderOptions<Contents> = {
  /** The oldest of what was gathered, as much as a parcel carries; undefined: there is nothing. */
  readonly take: () => Contents | undefined
  /** @param lost entries of parcels that were given up since the last one was sealed. */
  readonly seal: (contents: Contents, numbers: { readonly source: string; readonly batch: number; readonly lost: number }) => Parcel
  /** What it is, in sentences of the log: `reports`. */
  readonly name: string
  readonly path: string
  readonly server: Server
  readonly spool: SpoolPlace | undefined
  /**
   * first: on the disk before it is sent, so that nothing is lost with the process. when-away: what the server takes at
   * once needs no disk, which is cheaper where there is much; what is on its way when the process is killed may be lost.
   */
  readonly spooled: 'first' | 'when-away'
  /** How old what was gathered gets. */
  readonly everyMs: number
  readonly clock: Clock
  readonly chance: () => number
  readonly log: Log
}

/** While the server is away it is tried less and less often, at last so often. */
const awayEveryMs = 30_000
/** A process that ends should not hang for a server that is away; with a spool nothing is lost. */
const closeWithinMs = 3_000

export function createSender<Contents>(options: SenderOptions<Contents>): Sender {
  const { take, seal, name, path, server, spool: place, spooled, everyMs, clock, chance, log } = options
  const source = `node-${randomUUID()}`
  const ending = new AbortController()
  let batch = 0
  /** Taken from the gatherer and not in the spool, because there is none or it could not be written. */
  let inHand: Parcel | undefined
  let spool: Spool | undefined
  let pushing: Promise<void> | undefined
  let nudge = new AbortController()
  /** One after the other, so that the spool has the batches in order. */
  let stowing: Promise<void> = Promise.resolve()
  /** Entries of parcels that the server will never take. */
  let lost = 0
  /** What went wrong last, with the disk and with the server, so that a log has it once. */
  const trouble = { spool: '', server: '' }
  /** How often the server did not take anything, one after the other, and when it is tried again. */
  let failures = 0
  let tryAt = 0
  /** What is gathered while parcels are sent becomes one when enough is there or its time has come, not one for each answer. */
  let isMuch = false
  let stowedAt = 0

  async function theSpool(): Promise<Spool | undefined> {
    if (place === undefined || spool !== undefined) return spool
    try {
      spool = await openSpool(place, log)
    } catch (thrown) {
      complain('spool', `${name} cannot be kept in ${place.folder}, they wait in memory: ${because(thrown)}`)
    }
    return spool
  }

  function complain(of: 'spool' | 'server', sentence: string): void {
    if (sentence !== trouble[of]) log.warn(`Belay: ${sentence}`)
    trouble[of] = sentence
  }

  /** Gives what was gathered its number. */
  function next(): Parcel | undefined {
    const contents = take()
    if (contents === undefined) return undefined
    const parcel = seal(contents, { source, batch: ++batch, lost: lost + (spool?.takeDropped() ?? 0) })
    lost = 0
    return parcel
  }

  /** Puts what was gathered where it is safe. */
  function stow(): Promise<void> {
    isMuch = false
    stowedAt = clock.now()
    stowing = stowing.then(stowAll)
    return stowing
  }

  /** Takes what was gathered: to the disk, or in hand where the server is likely to take it at once. */
  async function seize(): Promise<void> {
    if (spooled === 'first' || failures > 0 || (await theSpool())?.isEmpty === false) return stow()
    isMuch = false
    stowedAt = clock.now()
    inHand ??= next()
  }

  async function stowAll(): Promise<void> {
    const spool = await theSpool()
    for (;;) {
      // Until it is on the disk, it is in hand: the process may end meanwhile.
      inHand ??= next()
      if (inHand === undefined || spool === undefined) return
      const parcel = inHand
      try {
        await spool.keep(parcel)
        if (inHand === parcel) inHand = undefined
        trouble.spool = ''
      } catch (thrown) {
        complain('spool', `${name} cannot be kept in ${place?.folder}: ${because(thrown)}`)
        return
      }
    }
  }

  /** Sends one parcel. @throws Failure when it has to be sent again. */
  async function send({ items, text }: { readonly items: number; readonly text: string }): Promise<void> {
    try {
      await server.post(path, text, ending.signal)
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.kind !== 'wrong') throw failure
      lost += items
      log.error(`Belay: the server refuses ${name} with ${items} entries, which are given up: ${failure.message}`)
    }
  }

  /** A server that takes long may be dying, and this process with it: the disk takes the parcel meanwhile. */
  async function sendFromHand(parcel: Parcel): Promise<void> {
    const answered = new AbortController()
    if (place !== undefined) clock.sleep(everyMs, answered.signal, true).then(stow, () => {})
    try {
      await send(parcel)
    } finally {
      answered.abort()
    }
    await stowing
    if (inHand === parcel) inHand = undefined
    else if (place !== undefined) await spool?.done(nameOf(place, parcel))
  }

  async function pushAll(): Promise<void> {
    // Nothing more is taken while a parcel is in hand; it is when that has gone.
    let isWaiting = inHand !== undefined
    await seize()
    for (;;) {
      if (isMuch || clock.now() - stowedAt >= everyMs) await seize()
      const kept = await spool?.oldest()
      if (kept !== undefined) {
        await send(kept)
        await spool?.done(kept.name)
      } else if (inHand !== undefined) {
        await sendFromHand(inHand)
        if (isWaiting) await seize()
        isWaiting = false
      } else return
    }
  }

  function push(): Promise<void> {
    pushing ??= pushAll()
      .then(
        () => {
          trouble.server = ''
          failures = 0
          tryAt = 0
        },
        async (thrown: unknown) => {
          if (!ending.signal.aborted) {
            const failure: Failure = asFailure(thrown)
            complain('server', `${name} wait${spool === undefined ? ' in memory' : ''}: ${failure.message}`)
            failures++
            tryAt = clock.now() + (failure.afterMs ?? Math.min(awayEveryMs, everyMs * 2 ** failures)) * (0.9 + 0.2 * chance())
          }
          await stow()
        },
      )
      .finally(() => {
        pushing = undefined
      })
    return pushing
  }

  async function run(): Promise<void> {
    // What another process left goes first.
    await push()
    while (!ending.signal.aborted) {
      await clock.sleep(everyMs * (0.9 + 0.2 * chance()), nudge.signal, true).catch(() => {})
      nudge = new AbortController()
      if (ending.signal.aborted) return
      // The disk takes what the server does not: a process that is killed now has lost no more than it would otherwise.
      if (clock.now() >= tryAt) await push()
      else if (place !== undefined) await stow()
    }
  }
  void run()

  async function flush(): Promise<void> {
    // A push that is under way may have looked before the last was gathered.
    await pushing
    await push()
  }

  return {
    hurry: () => {
      isMuch = true
      // While the server is away the next try has its time, but the disk takes what is there.
      if (failures === 0) nudge.abort()
      else if (spool !== undefined) void stow()
    },
    flush,
    stowNow() {
      if (place === undefined) return
      try {
        for (let parcel = inHand ?? next(); parcel !== undefined; parcel = next()) {
          inHand = undefined
          keepNow(place, parcel)
        }
      } catch (thrown) {
        complain('spool', `${name} cannot be kept in ${place.folder}: ${because(thrown)}`)
      }
    },
    async close() {
      // First what is safe without the server.
      await stow()
      const enough = new AbortController()
      await Promise.race([flush(), clock.sleep(closeWithinMs, enough.signal).catch(() => {})])
      enough.abort()
      ending.abort(new Error('it was closed'))
      nudge.abort()
    },
  }
}
