/**
 * Two ends that talk, for tests of evidence without a capture around it:
 *
 *     const talk = new Talk()
 *     talk.open(40)                                  // SYN, SYN+ACK, ACK: 40 ms
 *     talk.says('a', { ms: 50, seq: 1, length: 1000 })   // 'new'
 *     talk.says('b', { ms: 90, ack: 1001 })
 */
import { ACK, Packet, SYN } from '../packet.ts'
import { Side } from '../side.ts'
import { type Kind, kinds } from '../types.ts'

export type Said = {
  readonly ms: number
  /** Relative to the first number of its side; the SYN has 0. */
  readonly seq?: number
  readonly ack?: number
  readonly length?: number
  readonly flags?: number
  readonly window?: number
  readonly id?: number
  readonly stamps?: readonly [value: number, echo: number]
  /** Relative, too. */
  readonly sack?: readonly (readonly [left: number, right: number])[]
}

export class Talk {
  readonly a = new Side()
  readonly b = new Side()
  readonly #packet = new Packet()
  readonly #first: { readonly a: number; readonly b: number }
  /** What each side last said, so that what is left out stays as it was. */
  readonly #last = { a: { seq: 0, ack: 0 }, b: { seq: 0, ack: 0 } }

  constructor(first: { readonly a: number; readonly b: number } = { a: 1000, b: 5000 }) {
    this.#first = first
  }

  open(ms = 40): void {
    this.says('a', { ms: 0, seq: 0, flags: SYN })
    this.says('b', { ms: ms / 2, seq: 0, ack: 1, flags: SYN | ACK })
    this.says('a', { ms, seq: 1, ack: 1 })
  }

  /** @returns the segment's kind; undefined: it is an acknowledgement alone */
  says(who: 'a' | 'b', said: Said): Kind | undefined {
    const other = who === 'a' ? 'b' : 'a'
    const mine = this[who]
    const theirs = this[other]
    const p = this.#packet
    const { flags = ACK, length = 0, window = 1000, id = -1, stamps, sack = [] } = said
    const last = this.#last[who]
    last.seq = said.seq ?? last.seq
    last.ack = said.ack ?? last.ack
    p.seq = (this.#first[who] + last.seq) | 0
    p.ack = (flags & ACK) !== 0 ? (this.#first[other] + last.ack) | 0 : 0
    Object.assign(p, {
      flags,
      length,
      window,
      ipId: id,
      hasTimestamps: stamps !== undefined,
      tsval: stamps?.[0] ?? 0,
      tsecr: stamps?.[1] ?? 0,
    })
    p.sacks = sack.length
    for (const [at, [left, right]] of sack.entries()) {
      p.sack[2 * at] = (this.#first[other] + left) | 0
      p.sack[2 * at + 1] = (this.#first[other] + right) | 0
    }
    const t = said.ms * 1e6
    const span = length + ((flags & SYN) !== 0 ? 1 : 0) + (flags & 1)
    const probe = length === 0 && mine.known && p.seq === ((mine.next - 1) | 0) && span === 0
    const kind = span > 0 || probe ? mine.evidence.segment(p, t, mine, theirs) : -1
    if ((flags & ACK) !== 0) theirs.evidence.acknowledged(p, t, theirs, mine)
    this.#count(mine, p, span)
    if (span > 0 && length > 0) last.seq += length
    return kind < 0 ? undefined : kinds[kind]
  }

  /** As much of the engine's bookkeeping as evidence looks at. */
  #count(mine: Side, p: Packet, span: number): void {
    if (!mine.known) {
      mine.known = true
      mine.next = p.seq
    }
    const end = (p.seq + span) | 0
    if (((end - mine.next) | 0) > 0) mine.next = end
    if (p.length > 0) mine.dataPackets++
    mine.window = p.window
    mine.windowKnown = true
    if ((p.flags & SYN) !== 0) {
      mine.synSeen = true
      mine.sackPermitted = true
      mine.mss = 1460
    }
  }

  summary(who: 'a' | 'b') {
    return this[who].evidence.summary(this[who].dataPackets)
  }
}
