/**
 * Finds the session of a packet: an open-addressing table of typed arrays, so that a packet costs a hash, a look and
 * no object. Both directions have one key; VLANs are no part of it, as in tshark.
 */
import { addressText } from './addresses.ts'
import type { Packet } from './packet.ts'
import { Session } from './session.ts'
import type { Endpoint } from './types.ts'

/** Words of a key: both addresses, both ports, the family. `a` is the end that sent the first packet. */
const keyWords = 10
/** Sessions that are kept for others to come: those that leave at a sweep, about 8 kB each. */
const spareMax = 1024

export class Flows {
  /** Slot + 1 of each place; 0: free. */
  #table = new Int32Array(2048)
  #keys = new Int32Array(1024 * keyWords)
  #hashes = new Int32Array(1024)
  #sessions: (Session | undefined)[] = []
  #free: number[] = []
  readonly #spare: Session[] = []
  /** Sessions that are in the table. */
  live = 0
  #last = -1
  /** Of the packet last asked for: it was sent by `a`. */
  fromA = true

  /** The newest session of the packet's addresses and ports; undefined when there is none. Sets `fromA`. */
  find(p: Packet): Session | undefined {
    const last = this.#last
    if (last >= 0 && this.#isOf(last, p)) return this.#sessions[last]
    const hash = hashOf(p)
    const mask = this.#table.length - 1
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = (this.#table[place] as number) - 1
      if (slot < 0) return undefined
      if (this.#hashes[slot] === hash && this.#isOf(slot, p)) {
        this.#last = slot
        return this.#sessions[slot]
      }
    }
  }

  /** Whether the packet belongs to this slot; sets `fromA`. */
  #isOf(slot: number, p: Packet): boolean {
    const keys = this.#keys
    const at = slot * keyWords
    const ports = keys[at + 8] as number
    if (ports === ((p.sport << 16) | p.dport)) {
      if (
        keys[at + 3] === p.src3 &&
        keys[at + 7] === p.dst3 &&
        keys[at + 9] === p.family &&
        (p.family === 4 ||
          (keys[at] === p.src0 &&
            keys[at + 1] === p.src1 &&
            keys[at + 2] === p.src2 &&
            keys[at + 4] === p.dst0 &&
            keys[at + 5] === p.dst1 &&
            keys[at + 6] === p.dst2))
      ) {
        this.fromA = true
        return true
      }
    }
    if (
      ports === ((p.dport << 16) | p.sport) &&
      keys[at + 3] === p.dst3 &&
      keys[at + 7] === p.src3 &&
      keys[at + 9] === p.family &&
      (p.family === 4 ||
        (keys[at] === p.dst0 &&
          keys[at + 1] === p.dst1 &&
          keys[at + 2] === p.dst2 &&
          keys[at + 4] === p.src0 &&
          keys[at + 5] === p.src1 &&
          keys[at + 6] === p.src2))
    ) {
      this.fromA = false
      return true
    }
    return false
  }

  /** A new session that `p` begins. It takes the place of an older one on the same addresses and ports, which must have been removed. */
  begin(p: Packet): Session {
    const slot = this.#free.pop() ?? this.#sessions.length
    if ((slot + 1) * keyWords > this.#keys.length) {
      this.#keys = widened(this.#keys)
      this.#hashes = widened(this.#hashes)
    }
    const at = slot * keyWords
    const keys = this.#keys
    keys[at] = p.src0
    keys[at + 1] = p.src1
    keys[at + 2] = p.src2
    keys[at + 3] = p.src3
    keys[at + 4] = p.dst0
    keys[at + 5] = p.dst1
    keys[at + 6] = p.dst2
    keys[at + 7] = p.dst3
    keys[at + 8] = (p.sport << 16) | p.dport
    keys[at + 9] = p.family
    this.#hashes[slot] = hashOf(p)
    const session = this.#spare.pop() ?? new Session()
    session.slot = slot
    this.#sessions[slot] = session
    this.live++
    // Half full at most: a look seldom takes more than two steps.
    if (this.live * 2 > this.#table.length) {
      this.#table = new Int32Array(this.#table.length * 2)
      for (let other = 0; other < this.#sessions.length; other++) if (this.#sessions[other] !== undefined) this.#place(other)
    } else this.#place(slot)
    this.#last = slot
    this.fromA = true
    return session
  }

  #place(slot: number): void {
    const mask = this.#table.length - 1
    let place = (this.#hashes[slot] as number) & mask
    while (this.#table[place] !== 0) place = (place + 1) & mask
    this.#table[place] = slot + 1
  }

  remove(session: Session): void {
    const { slot } = session
    const table = this.#table
    const mask = table.length - 1
    let place = (this.#hashes[slot] as number) & mask
    while (table[place] !== slot + 1) place = (place + 1) & mask
    // What was pushed past this place moves up, so that no look ends early (Knuth, volume 3, 6.4, algorithm R).
    for (let next = (place + 1) & mask; table[next] !== 0; next = (next + 1) & mask) {
      const home = (this.#hashes[(table[next] as number) - 1] as number) & mask
      if (((next - home) & mask) >= ((next - place) & mask)) {
        table[place] = table[next] as number
        place = next
      }
    }
    table[place] = 0
    this.#sessions[slot] = undefined
    this.#free.push(slot)
    this.live--
    if (this.#last === slot) this.#last = -1
  }

  /** A session that was removed and that nobody looks at any more is used again. */
  recycle(session: Session): void {
    if (this.#spare.length >= spareMax) return
    session.renew()
    this.#spare.push(session)
  }

  *[Symbol.iterator](): Generator<Session> {
    for (const session of this.#sessions) if (session !== undefined) yield session
  }

  /** One end of a session, for its record. */
  endpointOf({ slot }: Session, ofA: boolean): Endpoint {
    const at = slot * keyWords
    const ports = this.#keys[at + 8] as number
    const address = addressText(this.#keys, ofA ? at : at + 4, this.#keys[at + 9] as number)
    return { address, port: ofA ? ports >>> 16 : ports & 0xffff }
  }
}

/** The same for both directions: the two ends' own hashes are added. */
function hashOf(p: Packet): number {
  let src = Math.imul(p.src3 ^ (p.sport << 16) ^ p.sport, 0x9e3779b1)
  let dst = Math.imul(p.dst3 ^ (p.dport << 16) ^ p.dport, 0x9e3779b1)
  if (p.family === 6) {
    src ^= Math.imul(p.src0 ^ Math.imul(p.src1, 31) ^ Math.imul(p.src2, 961), 0x85ebca6b)
    dst ^= Math.imul(p.dst0 ^ Math.imul(p.dst1, 31) ^ Math.imul(p.dst2, 961), 0x85ebca6b)
  }
  src ^= src >>> 15
  dst ^= dst >>> 15
  let hash = Math.imul((src + dst) | 0, 0x85ebca6b)
  hash ^= hash >>> 13
  return hash
}

/** For which of two halves, thirds ... of all sessions a packet is. The same for both directions. */
export function shardOf(p: Packet, of: number): number {
  return (hashOf(p) >>> 20) % of
}

function widened(words: Int32Array): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(words.length * 2)
  wider.set(words)
  return wider
}
