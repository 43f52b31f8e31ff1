/**
 * Sends what an analysis found to the server, part by part: each part counts once, however often it is sent, so one whose
 * answer was lost is simply sent again.
 */
import type { CapturePartInput } from '@belay/protocol'
import { networkPartMax } from '@belay/protocol'
import type { CaptureSummary, SessionRecord, Turn } from '@belay/tcp'

export type SendHead = Pick<CapturePartInput, 'id' | 'environment' | 'host' | 'label' | 'resources'>

/** A server takes 4 MiB; base64 and the summary need some room. */
const partBytesMax = 3 * 1_024 * 1_024
const turnBytes = 400
/** Turns whose session has not been told yet: 40 MB at most. */
const turnsHeldMax = 200_000

type Place = Pick<SessionRecord, 'client' | 'server' | 'startedMs'>

export class CaptureSender {
  readonly #head: SendHead
  readonly #post: (part: CapturePartInput) => Promise<{ readonly counted: boolean }>
  #part = 0
  #sessions: SessionRecord[] = []
  #bytes = 0
  #turns: NonNullable<CapturePartInput['turns']> = []
  /** By session, until it is known whose they are. */
  readonly #held = new Map<number, Turn[]>()
  #heldCount = 0
  readonly #places = new Map<number, Place>()
  /** One part after the other: who asks meanwhile waits. */
  #turnOf: Promise<unknown> = Promise.resolve()
  /** From the front, in the part that is under way. */
  #underWay = { sessions: 0, turns: 0 }
  /** What was sent, for the last sentence. */
  readonly sent = { parts: 0, sessions: 0, turns: 0, traces: 0, again: 0 }
  /** What there was no room for. */
  readonly dropped = { turns: 0, sessions: 0 }

  constructor(head: SendHead, post: (part: CapturePartInput) => Promise<{ readonly counted: boolean }>) {
    this.#head = head
    this.#post = post
  }

  /** A session that has come out. */
  session(record: SessionRecord): void {
    this.#sessions.push(record)
    this.#bytes += JSON.stringify(record).length
    this.know(record)
    this.#places.delete(record.number)
  }

  /** Whose turns they are: also of a session that is still open. */
  know(record: SessionRecord): void {
    const { client, server, startedMs } = record
    this.#places.set(record.number, { client, server, startedMs })
    const held = this.#held.get(record.number)
    if (held === undefined) return
    this.#held.delete(record.number)
    this.#heldCount -= held.length
    for (const turn of held) this.turn(turn, record.number)
  }

  /** A session that is not to be sent, nor its turns. */
  forget(session: number): void {
    this.#heldCount -= this.#held.get(session)?.length ?? 0
    this.#held.delete(session)
    this.#places.delete(session)
  }

  turn(turn: Turn, session: number): void {
    const place = this.#places.get(session)
    if (place !== undefined) {
      this.#turns.push({ ...turn, session, client: place.client, server: place.server, sessionStartedMs: place.startedMs })
    } else if (this.#heldCount < turnsHeldMax) {
      const held = this.#held.get(session)
      if (held === undefined) this.#held.set(session, [turn])
      else held.push(turn)
      this.#heldCount++
    } else this.dropped.turns++
  }

  get waiting(): number {
    return this.#sessions.length
  }
  /** Enough for a part. */
  get isFull(): boolean {
    return (
      this.#sessions.length >= networkPartMax.sessions ||
      this.#turns.length >= networkPartMax.turns ||
      this.#bytes + this.#turns.length * turnBytes >= partBytesMax
    )
  }

  /** Lets go of the oldest sessions beyond this, where the server stays away. */
  dropBeyond(most: number): void {
    const { sessions, turns } = this.#underWay
    const over = Math.min(this.#sessions.length - most, this.#sessions.length - sessions)
    if (over > 0) {
      this.dropped.sessions += over
      this.#sessions.splice(sessions, over)
    }
    const turnsOver = Math.min(this.#turns.length - turnsHeldMax, this.#turns.length - turns)
    if (turnsOver > 0) {
      this.dropped.turns += turnsOver
      this.#turns.splice(turns, turnsOver)
    }
  }

  /** Everything that waits. @throws what posting throws; then the same part goes first the next time */
  flush(summary: CaptureSummary): Promise<void> {
    return this.#alone(async () => {
      while (this.#sessions.length > 0 || this.#turns.length > 0) await this.#one(summary, {})
    })
  }

  /** Full parts, if there are any. */
  flushFull(summary: CaptureSummary): Promise<void> {
    return this.#alone(async () => {
      while (this.isFull) await this.#one(summary, {})
    })
  }

  /** Every segment of a session, packed: in as many parts as it has chunks. */
  trace(session: number, packed: Uint8Array, summary: CaptureSummary): Promise<void> {
    // Base64 has four characters for three bytes, and a chunk is within the bound of one and of the part.
    const chunkBytes = Math.floor((networkPartMax.traceChunk * 3) / 4)
    const chunks = Math.max(1, Math.ceil(packed.length / chunkBytes))
    return this.#alone(async () => {
      for (let chunk = 0; chunk < chunks; chunk++) {
        const data = Buffer.from(packed.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes)).toString('base64')
        await this.#one(summary, { traces: [{ session, chunk, chunks, data }] })
      }
      this.sent.traces++
    })
  }

  /** The last part: nothing comes after it. */
  async end(summary: CaptureSummary): Promise<void> {
    await this.flush(summary)
    await this.#alone(() => this.#one(summary, { last: true }))
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turnOf.then(work, work)
    this.#turnOf = mine.catch(() => undefined)
    return mine
  }

  async #one(summary: CaptureSummary, more: Partial<CapturePartInput>): Promise<void> {
    const sessions: SessionRecord[] = []
    let bytes = 0
    if (more.traces === undefined) {
      for (const record of this.#sessions) {
        const size = JSON.stringify(record).length
        if (sessions.length === networkPartMax.sessions || (sessions.length > 0 && bytes + size > partBytesMax)) break
        sessions.push(record)
        bytes += size
      }
    }
    const room = Math.max(0, Math.min(networkPartMax.turns, Math.floor((partBytesMax - bytes) / turnBytes)))
    const turns = more.traces === undefined ? this.#turns.slice(0, room) : []
    this.#underWay = { sessions: sessions.length, turns: turns.length }
    const { counted } = await this.#post({
      ...this.#head,
      part: this.#part + 1,
      last: false,
      capture: summary,
      sessions,
      turns,
      ...more,
    } as CapturePartInput).finally(() => {
      this.#underWay = { sessions: 0, turns: 0 }
    })
    this.#part++
    this.#sessions.splice(0, sessions.length)
    this.#turns.splice(0, turns.length)
    this.#bytes = Math.max(0, this.#bytes - bytes)
    this.sent.parts++
    this.sent.sessions += sessions.length
    this.sent.turns += turns.length
    if (!counted) this.sent.again++
  }
}
