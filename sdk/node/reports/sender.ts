/**
 * Sends what was gathered, in batches. A batch has its number before it is sent, and keeps it until the server has
 * acknowledged it; with a spool it is on the disk before that. So each arrives, and is counted, once.
 */
import { randomUUID } from 'node:crypto'
import type { Logger } from '@openfeature/server-sdk'
import type { Clock } from '../clock.ts'
import { because } from '../files.ts'
import { asFailure, type Failure, type Server } from '../server.ts'
import { itemsOf, type Report } from './contents.ts'
import type { Gatherer } from './gather.ts'
import { openSpool, type Spool } from './spool.ts'

export type Sender = {
  /** Soon, not at the next turn. */
  hurry(): void
  /** Everything that was gathered so far; resolves when the server has it, or cannot take it now. Never rejects. */
  flush(): Promise<void>
  /** Flushes, for a bounded time, and sends nothing more. */
  close(): Promise<void>
}

export type SenderOptions = {
  readonly gatherer: Gatherer
  readonly server: Server
  readonly spoolFolder: string | undefined
  /** Whose files of the spool are ours; see `ownerOf`. */
  readonly owner: string
  readonly clock: Clock
  readonly chance: () => number
  readonly logger: Logger
}

/** Counts on the page are as old as this at most; a batch for each process and ten seconds is nothing to the server. */
const everyMs = 10_000
/** While the server is away each turn makes a file of the spool. */
const awayEveryMs = 30_000
/** A process that ends should not hang for a server that is away; with a spool nothing is lost. */
const closeWithinMs = 3_000

export function createSender({ gatherer, server, spoolFolder, owner, clock, chance, logger }: SenderOptions): Sender {
  const source = `node-${randomUUID()}`
  const ending = new AbortController()
  let batch = 0
  /** Taken from the gatherer and not in the spool, because there is none or it could not be written. */
  let inHand: Report | undefined
  let spool: Spool | undefined
  let pushing: Promise<void> | undefined
  let nudge = new AbortController()
  /** One after the other, so that the spool has the batches in order. */
  let stowing: Promise<void> = Promise.resolve()
  /** Entries of reports that the server will never take. */
  let lost = 0
  /** What went wrong last, with the disk and with the server, so that a log has it once. */
  const trouble = { spool: '', server: '' }
  let waitMs = everyMs

  async function theSpool(): Promise<Spool | undefined> {
    if (spoolFolder === undefined || spool !== undefined) return spool
    try {
      spool = await openSpool(spoolFolder, owner, logger)
    } catch (thrown) {
      complain('spool', `reports cannot be kept in ${spoolFolder}, they wait in memory: ${because(thrown)}`)
    }
    return spool
  }

  function complain(of: 'spool' | 'server', sentence: string): void {
    if (sentence !== trouble[of]) logger.warn(`Belay: ${sentence}`)
    trouble[of] = sentence
  }

  /** Gives what was gathered its number, and puts it where it is safe. */
  function stow(): Promise<void> {
    stowing = stowing.then(stowAll)
    return stowing
  }

  async function stowAll(): Promise<void> {
    const spool = await theSpool()
    while (inHand === undefined) {
      const contents = gatherer.take()
      if (contents === undefined) return
      const report = { source, batch: ++batch, ...contents, dropped: contents.dropped + lost + (spool?.takeDropped() ?? 0) }
      lost = 0
      try {
        if (spool === undefined) inHand = report
        else await spool.keep(report)
        if (spool !== undefined) trouble.spool = ''
      } catch (thrown) {
        inHand = report
        complain('spool', `reports cannot be kept in ${spoolFolder}: ${because(thrown)}`)
      }
    }
  }

  /** Sends one report. @throws Failure when it has to be sent again. */
  async function send(report: Report): Promise<void> {
    try {
      await server.post('/api/sdk/reports', JSON.stringify(report), ending.signal)
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.kind !== 'wrong') throw failure
      lost += itemsOf(report)
      logger.error(`Belay: the server refuses a report with ${itemsOf(report)} entries, which is given up: ${failure.message}`)
    }
  }

  async function pushAll(): Promise<void> {
    for (;;) {
      await stow()
      const kept = await spool?.oldest()
      if (kept !== undefined) {
        await send(kept.report)
        await spool?.done(kept.name)
      } else if (inHand !== undefined) {
        await send(inHand)
        inHand = undefined
      } else return
    }
  }

  function push(): Promise<void> {
    pushing ??= pushAll()
      .then(
        () => {
          trouble.server = ''
          waitMs = everyMs
        },
        (thrown: unknown) => {
          if (ending.signal.aborted) return
          const failure: Failure = asFailure(thrown)
          complain('server', `reports wait${spool === undefined ? ' in memory' : ''}: ${failure.message}`)
          waitMs = failure.afterMs ?? awayEveryMs
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
      await clock.sleep(waitMs * (0.9 + 0.2 * chance()), nudge.signal, true).catch(() => {})
      nudge = new AbortController()
      if (!ending.signal.aborted) await push()
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
      // Not while the server is away: the next try has its time.
      if (waitMs === everyMs) nudge.abort()
    },
    flush,
    async close() {
      // First what is safe without the server.
      await stow()
      const enough = new AbortController()
      await Promise.race([flush(), clock.sleep(closeWithinMs, enough.signal).catch(() => {})])
      enough.abort()
      ending.abort(new Error('the provider was closed'))
      nudge.abort()
    },
  }
}
