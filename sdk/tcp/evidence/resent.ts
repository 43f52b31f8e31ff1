/** What was sent again, so that it can be called spurious when the other side says that it had it already. */
import type { Packet } from '../packet.ts'
import { FAST, SPURIOUS, TAIL, TIMEOUT } from './kinds.ts'

type Sending = {
  readonly start: number
  readonly end: number
  readonly kind: number
  /** Segments of it that nobody called spurious. */
  left: number
  readonly tsval: number
  readonly id: number
  readonly at: number
}

/** A DSACK comes a round trip later: more than are sent again in one. 40 kB, for sessions that need it. */
const sendingsMax = 512
/** A copy by the capture comes at once. */
const copiesMax = 8

export class Resent {
  readonly #sendings: Sending[] = []
  /** Segments by kind, each under its present one. */
  fast = 0
  timeout = 0
  tail = 0
  spurious = 0
  /** Those with payload, and their payload. */
  dataSegments = 0
  bytes = 0
  /** The highest end of them; holds when there were any. */
  #until = 0

  add(p: Packet, t: number, start: number, end: number, kind: number, segments: number, bytes: number): void {
    this.#count(kind, segments)
    if (bytes > 0) this.dataSegments += segments
    this.bytes += bytes
    if (this.#sendings.length >= sendingsMax) this.#sendings.shift()
    if (this.#sendings.length === 0 || ((end - this.#until) | 0) > 0) this.#until = end
    const left = kind === SPURIOUS ? 0 : segments
    this.#sendings.push({ start, end, kind, left, tsval: p.hasTimestamps ? p.tsval : -1, id: p.ipId, at: t })
  }

  #count(kind: number, segments: number): void {
    if (kind === FAST) this.fast += segments
    else if (kind === TIMEOUT) this.timeout += segments
    else if (kind === TAIL) this.tail += segments
    else this.spurious += segments
  }

  get segments(): number {
    return this.fast + this.timeout + this.tail + this.spurious
  }

  /** The same packet as one of the last, captured a moment ago. */
  isCopy(p: Packet, start: number, end: number, t: number, nearNs: number): boolean {
    const oldest = Math.max(0, this.#sendings.length - copiesMax)
    for (let at = this.#sendings.length - 1; at >= oldest; at--) {
      const one = this.#sendings[at] as Sending
      if (one.start === start && one.end === end && t - one.at <= nearNs && p.ipId > 0 && one.id === p.ipId) return true
    }
    return false
  }

  #becomeSpurious(one: Sending, segments: number): void {
    const moved = Math.min(one.left, segments)
    one.left -= moved
    this.#count(one.kind, -moved)
    this.spurious += moved
  }

  /** The receiver got [left, right) twice (RFC 2883): the latest sending of it was needless. @param mss to count segments by */
  twice(left: number, right: number, mss: number): void {
    for (let at = this.#sendings.length - 1; at >= 0; at--) {
      const one = this.#sendings[at] as Sending
      if (one.left === 0) continue
      const from = ((left - one.start) | 0) > 0 ? left : one.start
      const to = ((right - one.end) | 0) < 0 ? right : one.end
      const bytes = (to - from) | 0
      if (bytes <= 0) continue
      this.#becomeSpurious(one, Math.ceil(bytes / mss))
      return
    }
  }

  /**
   * Eifel (RFC 3522): the acknowledgement that moves beyond `una` echoes a time before the one at which `una` was sent
   * again, so the first sending had arrived. Only of the lowest byte it is sure which packet the receiver echoes.
   */
  echoed(una: number, echo: number): void {
    if (((this.#until - una) | 0) <= 0) return
    for (let at = this.#sendings.length - 1; at >= 0; at--) {
      const one = this.#sendings[at] as Sending
      if (one.left === 0 || one.tsval < 0 || ((una - one.start) | 0) < 0 || ((one.end - una) | 0) <= 0) continue
      if (((echo - one.tsval) | 0) < 0) this.#becomeSpurious(one, one.left)
    }
  }
}
