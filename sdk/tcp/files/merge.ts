/**
 * The shares of one capture are put together again: sessions get the number that they would have had in one piece (that of
 * tshark's tcp.stream), by the order of their first frames.
 */
import { CaptureError } from '../read/index.ts'
import type { CaptureSummary, SessionRecord, Turn } from '../types.ts'
import type { News, Told } from './messages.ts'

export type Receiver = {
  readonly onSession: (record: SessionRecord) => void | Promise<void>
  readonly onTurn?: (turn: Turn, session: number) => void
  /** `sliceBytes` more have been read; the last slice is shorter. */
  readonly onSlice?: () => void
}

type Share = {
  readonly waiting: News[]
  /** Number within the share to that in the capture, of sessions that have not come out. */
  readonly numbers: Map<number, number>
  begun: number
  summary: CaptureSummary | undefined
}

export class Merge {
  readonly #shares: readonly Share[]
  readonly #receiver: Receiver
  /** Told of each message that was dealt with, so that its share may send another. */
  readonly #taken: (share: number) => void
  #sessions = 0
  #busy = false

  constructor(shares: number, receiver: Receiver, taken: (share: number) => void) {
    this.#shares = Array.from({ length: shares }, () => ({ waiting: [], numbers: new Map(), begun: 0, summary: undefined }))
    this.#receiver = receiver
    this.#taken = taken
  }

  /** All of it, once every share has told its own. */
  get summary(): CaptureSummary | undefined {
    const [first] = this.#shares
    if (first?.summary === undefined || this.#shares.some(({ summary }) => summary === undefined)) return undefined
    const summaries = this.#shares.map(({ summary }) => summary as CaptureSummary)
    return {
      ...first.summary,
      tcpPackets: sum(summaries, 'tcpPackets'),
      sessions: sum(summaries, 'sessions'),
      warnings: [...new Set(summaries.flatMap(({ warnings }) => warnings))],
    }
  }

  /** @throws what went wrong in the share */
  async add(share: number, news: News): Promise<void> {
    ;(this.#shares[share] as Share).waiting.push(news)
    // Whoever is at it goes on with what comes meanwhile.
    if (this.#busy) return
    this.#busy = true
    try {
      while (await this.#step());
    } finally {
      this.#busy = false
    }
  }

  async #step(): Promise<boolean> {
    let moved = false
    for (const [index, share] of this.#shares.entries()) {
      const [head] = share.waiting
      if (head === undefined || head.kind === 'slice') continue
      share.waiting.shift()
      await this.#take(share, head)
      this.#taken(index)
      moved = true
    }
    if (this.#shares.every(({ waiting }) => waiting[0]?.kind === 'slice')) {
      this.#number()
      moved = true
    }
    return moved
  }

  async #take(share: Share, news: News): Promise<void> {
    if (news.kind === 'failed') throw failure(news)
    if (news.kind === 'done') share.summary = news.summary
    if (news.kind !== 'sessions') return
    const numberOf = (within: number) => share.numbers.get(within) as number
    const { turns, records } = JSON.parse(news.told) as Told
    for (const [turn, session] of turns) this.#receiver.onTurn?.(turn, numberOf(session))
    for (const record of records) {
      await this.#receiver.onSession({ ...record, number: numberOf(record.number) })
      share.numbers.delete(record.number)
    }
  }

  /** Each share has told the same slice: what began in it is numbered. */
  #number(): void {
    const begun = this.#shares.flatMap((share) => {
      const slice = share.waiting.shift()
      return slice?.kind === 'slice' ? slice.begun.map((frame) => ({ share, frame })) : []
    })
    begun.sort((one, other) => one.frame - other.frame)
    for (const { share } of begun) share.numbers.set(share.begun++, this.#sessions++)
    for (const index of this.#shares.keys()) this.#taken(index)
    this.#receiver.onSlice?.()
  }
}

function sum(summaries: readonly CaptureSummary[], field: 'tcpPackets' | 'sessions'): number {
  return summaries.reduce((total, summary) => total + summary[field], 0)
}

function failure({ message, at, code }: Extract<News, { kind: 'failed' }>): Error {
  if (at !== undefined) return new CaptureError(message, at)
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}
