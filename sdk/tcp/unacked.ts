/**
 * Segments that wait for their acknowledgement, of all sessions in one pool: a session that waits for nothing costs
 * nothing, and none of them makes an object. Singly linked from the oldest to the newest.
 */
export class Pool {
  seq = new Int32Array(1024)
  end = new Int32Array(1024)
  time = new Float64Array(1024)
  /** The next newer one; -1: none. Of free places: the next free one. */
  link = new Int32Array(1024)
  #free = -1
  #used = 0

  take(seq: number, end: number, time: number): number {
    let at = this.#free
    if (at >= 0) this.#free = this.link[at] as number
    else {
      at = this.#used++
      if (at === this.seq.length) this.#grow()
    }
    this.seq[at] = seq
    this.end[at] = end
    this.time[at] = time
    this.link[at] = -1
    return at
  }

  give(at: number): void {
    this.link[at] = this.#free
    this.#free = at
  }

  #grow(): void {
    const size = this.seq.length * 2
    const { seq, end, time, link } = this
    this.seq = new Int32Array(size)
    this.end = new Int32Array(size)
    this.time = new Float64Array(size)
    this.link = new Int32Array(size)
    this.seq.set(seq)
    this.end.set(end)
    this.time.set(time)
    this.link.set(link)
  }
}

/** As many as tshark keeps (TCP_MAX_UNACKED_SEGMENTS): what it labels depends on it, and it bounds a session's memory. */
export const unackedMax = 10_000

/** The list of one side. */
export class Unacked {
  #oldest = -1
  #newest = -1
  count = 0
  /** Every segment begins where its elder ended or later: then only the oldest end of the list needs a look. */
  #ordered = true
  /** Lowest sequence and highest end; hold while `count` > 0. */
  lowest = 0
  highest = 0

  get oldest(): number {
    return this.#oldest
  }

  append(pool: Pool, seq: number, end: number, time: number): void {
    const at = pool.take(seq, end, time)
    if (this.count++ === 0) {
      this.#oldest = at
      this.lowest = seq
      this.highest = end
      this.#ordered = true
    } else {
      pool.link[this.#newest] = at
      if (((seq - (pool.end[this.#newest] as number)) | 0) < 0) this.#ordered = false
      if (((seq - this.lowest) | 0) < 0) this.lowest = seq
      if (((end - this.highest) | 0) > 0) this.highest = end
    }
    this.#newest = at
  }

  /** Forgets what `ack` covers and shortens what it covers in part. @returns when the segment that ends there was sent; -1: none does */
  acknowledge(pool: Pool, ack: number): number {
    if (this.count === 0) return -1
    // Of an ordered list all is kept when its first is, and when the numbers of its last have not wrapped past `ack`.
    if (!this.#ordered || ((this.highest - ack) | 0) < 0) return this.#walk(pool, ack)
    let at = this.#oldest
    let sent = -1
    const { seq, end, link } = pool
    while (at >= 0) {
      const past = (ack - (end[at] as number)) | 0
      if (past < 0) break
      if (past === 0 && sent < 0) sent = pool.time[at] as number
      const next = link[at] as number
      pool.give(at)
      this.count--
      at = next
    }
    this.#oldest = at
    if (at >= 0) {
      if ((((seq[at] as number) - ack) | 0) < 0) seq[at] = ack
      this.lowest = seq[at] as number
    } else this.#newest = -1
    return sent
  }

  #walk(pool: Pool, ack: number): number {
    let at = this.#oldest
    let kept = -1
    let sent = -1
    let ordered = true
    const { seq, end, link } = pool
    this.#oldest = -1
    this.count = 0
    while (at >= 0) {
      const next = link[at] as number
      const past = (ack - (end[at] as number)) | 0
      if (past < 0) {
        if ((((seq[at] as number) - ack) | 0) < 0) seq[at] = ack
        const from = seq[at] as number
        const to = end[at] as number
        if (kept < 0) {
          this.#oldest = at
          this.lowest = from
          this.highest = to
        } else {
          link[kept] = at
          if (((from - (end[kept] as number)) | 0) < 0) ordered = false
          if (((from - this.lowest) | 0) < 0) this.lowest = from
          if (((to - this.highest) | 0) > 0) this.highest = to
        }
        kept = at
        this.count++
      } else {
        if (past === 0 && sent < 0) sent = pool.time[at] as number
        pool.give(at)
      }
      at = next
    }
    this.#newest = kept
    if (kept >= 0) link[kept] = -1
    this.#ordered = ordered
    return sent
  }

  clear(pool: Pool): void {
    for (let at = this.#oldest; at >= 0; ) {
      const next = pool.link[at] as number
      pool.give(at)
      at = next
    }
    this.#oldest = -1
    this.#newest = -1
    this.count = 0
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.#oldest = -1
    this.#newest = -1
    this.count = 0
    this.#ordered = true
    this.lowest = 0
    this.highest = 0
  }
}
