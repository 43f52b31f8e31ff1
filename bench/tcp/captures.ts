/**
 * Captures of TCP sessions that never were: the same bytes for the same plan. Sessions are told one packet at a time in the
 * order of the wire, some of them live at once: a handshake with options, questions and answers of many segments
 * under a window, an ACK for every second segment, timestamps, segments lost before and behind the capture point,
 * SACK, fast retransmissions, timeouts, late segments, closed windows, a close by FIN or RST.
 *
 * What is simulated is only what decides which packet comes next; millions are written in some seconds.
 */
import { closeSync, openSync, writeSync } from 'node:fs'

export type CapturePlan = {
  /** About so many; a session ends when its share of them is used up. */
  readonly packets: number
  readonly sessions: number
  /** So many sessions are open at any time. */
  readonly live: number
  /** Bytes of each packet that are kept. */
  readonly snaplen: number
  readonly seed: number
}
export type CaptureMade = { readonly packets: number; readonly sessions: number; readonly bytes: number; readonly seconds: number }

/** Room for many packets, so that the system is asked once in a while and not for each. */
const bufferBytes = 8 << 20
const startSec = 1_767_225_600

export function writeCapture(file: string, plan: CapturePlan): CaptureMade {
  const chance = new Chance(plan.seed)
  const out = new Writer(file, plan.snaplen)
  try {
    const queue = new Queue(plan.live)
    let opened = 0
    const open = (flow: Flow) => {
      flow.open(opened, Math.round((plan.packets - out.packets - queue.owed()) / (plan.sessions - opened)))
      opened++
    }
    for (let slot = 0; slot < Math.min(plan.live, plan.sessions); slot++) {
      const flow = new Flow(chance)
      open(flow)
      // Sessions do not all begin at once; so many a second are what a busy server sees.
      queue.add(flow, slot * 100_000)
    }
    let ns = 0
    while (queue.size > 0) {
      const flow = queue.first
      ns = queue.firstNs
      const pauseNs = flow.step(out, ns)
      if (pauseNs >= 0) queue.again(ns + pauseNs)
      else if (opened < plan.sessions) {
        open(flow)
        queue.again(ns + 1_000 + chance.below(1_000_000))
      } else queue.remove()
    }
    return { packets: out.packets, sessions: opened, bytes: out.finish(), seconds: ns / 1e9 }
  } finally {
    out.close()
  }
}

/** Marsaglia's xorshift with 32 bits: enough for a capture, and nothing is allocated. */
class Chance {
  #state: number
  constructor(seed: number) {
    this.#state = Math.imul(seed | 0, 0x9e3779b1) | 1
  }
  /** An int32. */
  word(): number {
    let it = this.#state
    it ^= it << 13
    it ^= it >>> 17
    it ^= it << 5
    this.#state = it
    return it
  }
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return (this.word() >>> 0) % limit
  }
}

/** The flow whose packet is next, by a heap whose root is replaced in place. */
class Queue {
  readonly #flows: Flow[] = []
  readonly #ns: Float64Array
  constructor(room: number) {
    this.#ns = new Float64Array(room)
  }
  get size(): number {
    return this.#flows.length
  }
  get first(): Flow {
    return this.#flows[0] as Flow
  }
  get firstNs(): number {
    return this.#ns[0] as number
  }
  /** Packets that live flows still have to send. */
  owed(): number {
    let sum = 0
    for (const flow of this.#flows) sum += Math.max(0, flow.budget - flow.sent)
    return sum
  }
  /** Flows are added in the order of their first packet, so they stand where they belong. */
  add(flow: Flow, ns: number): void {
    this.#ns[this.#flows.length] = ns
    this.#flows.push(flow)
  }
  again(ns: number): void {
    this.#sink(this.first, ns)
  }
  remove(): void {
    const last = this.#flows.length - 1
    const ns = this.#ns[last] as number
    const flow = this.#flows.pop() as Flow
    if (last > 0) this.#sink(flow, ns)
  }
  #sink(flow: Flow, ns: number): void {
    const [flows, all] = [this.#flows, this.#ns]
    const size = flows.length
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= size) break
      if (child + 1 < size && (all[child + 1] as number) < (all[child] as number)) child++
      if ((all[child] as number) >= ns) break
      all[at] = all[child] as number
      flows[at] = flows[child] as Flow
      at = child
    }
    all[at] = ns
    flows[at] = flow
  }
}

const FIN = 1
const SYN = 2
const RST = 4
const PSH = 8
const ACK = 16
const ethernetBytes = 14
const ipBytes = 20
const tcpBytes = 20
/** NOP, NOP, timestamps. */
const timestampBytes = 12

/** Ethernet, IPv4 and TCP, written in place; captured are at most `snaplen` bytes of each. */
class Writer {
  packets = 0
  #at = 24
  #bytes = 0
  readonly #file: number
  readonly #snaplen: number
  readonly #buffer = Buffer.alloc(bufferBytes)

  constructor(file: string, snaplen: number) {
    this.#file = openSync(file, 'w')
    this.#snaplen = snaplen
    const b = this.#buffer
    b.writeUInt32LE(0xa1b2c3d4, 0)
    b.writeUInt16LE(2, 4)
    b.writeUInt16LE(4, 6)
    b.writeUInt32LE(snaplen, 16)
    b.writeUInt32LE(1, 20)
  }

  /** `blocks`: left and right edges of SACK blocks; how many edges hold is `edges`. */
  packet(ns: number, from: End, to: End, flags: number, seq: number, payload: number, edges: number, blocks: Int32Array): void {
    const syn = (flags & SYN) !== 0
    const options = syn ? 20 : timestampBytes + (edges > 0 ? 4 + 4 * edges : 0)
    const headers = ethernetBytes + ipBytes + tcpBytes + options
    const wire = headers + payload
    const captured = Math.min(wire, this.#snaplen)
    if (this.#at + 16 + wire > bufferBytes) this.#flush()
    const b = this.#buffer
    let at = this.#at
    const us = Math.floor(ns / 1000)
    const sec = Math.floor(us / 1e6)
    little(b, at, startSec + sec)
    little(b, at + 4, us - sec * 1e6)
    little(b, at + 8, captured)
    little(b, at + 12, wire)
    at += 16
    b[at] = b[at + 6] = 2
    b[at + 1] = b[at + 2] = b[at + 3] = b[at + 4] = b[at + 7] = b[at + 8] = b[at + 9] = b[at + 10] = 0
    b[at + 5] = to.mac
    b[at + 11] = from.mac
    b[at + 12] = 8
    b[at + 13] = 0
    at += ethernetBytes
    const total = wire - ethernetBytes
    from.ipId = (from.ipId + 1) & 0xffff
    big(b, at, 0x45000000 | total)
    big(b, at + 4, (from.ipId << 16) | 0x4000)
    big(b, at + 8, 0x40060000)
    big(b, at + 12, from.address)
    big(b, at + 16, to.address)
    let sum = 0x4500 + total + from.ipId + 0x4000 + 0x4006
    sum += (from.address >>> 16) + (from.address & 0xffff) + (to.address >>> 16) + (to.address & 0xffff)
    sum = (sum & 0xffff) + (sum >>> 16)
    sum = (sum & 0xffff) + (sum >>> 16)
    b[at + 10] = (~sum >>> 8) & 0xff
    b[at + 11] = ~sum & 0xff
    at += ipBytes
    big(b, at, (from.port << 16) | to.port)
    big(b, at + 4, seq)
    big(b, at + 8, (flags & ACK) === 0 ? 0 : to.next)
    big(b, at + 12, (((tcpBytes + options) / 4) << 28) | (flags << 16) | (syn ? 64_240 : from.window))
    big(b, at + 16, 0)
    at += tcpBytes
    const tsval = (Math.floor(ns / 1e6) + from.clock) | 0
    if (syn) {
      big(b, at, 0x020405b4) // MSS 1460
      big(b, at + 4, 0x0402080a) // SACK permitted, timestamps
      big(b, at + 8, tsval)
      big(b, at + 12, from.echo)
      big(b, at + 16, 0x01030307) // window scale 7
    } else {
      big(b, at, 0x0101080a)
      big(b, at + 4, tsval)
      big(b, at + 8, from.echo)
      if (edges > 0) big(b, at + timestampBytes, 0x01010500 | (2 + 4 * edges))
      for (let nth = 0; nth < edges; nth++) big(b, at + timestampBytes + 4 + 4 * nth, blocks[nth] as number)
    }
    to.echo = tsval
    at += options
    const kept = captured - headers
    if (kept > 0) b.fill(0, at, at + kept)
    this.#at += 16 + captured
    this.packets++
  }

  finish(): number {
    this.#flush()
    return this.#bytes
  }

  close(): void {
    closeSync(this.#file)
  }

  #flush(): void {
    for (let from = 0; from < this.#at; ) from += writeSync(this.#file, this.#buffer, from, this.#at - from)
    this.#bytes += this.#at
    this.#at = 0
  }
}

function big(b: Buffer, at: number, word: number): void {
  b[at] = word >>> 24
  b[at + 1] = (word >>> 16) & 0xff
  b[at + 2] = (word >>> 8) & 0xff
  b[at + 3] = word & 0xff
}

function little(b: Buffer, at: number, word: number): void {
  b[at] = word & 0xff
  b[at + 1] = (word >>> 8) & 0xff
  b[at + 2] = (word >>> 16) & 0xff
  b[at + 3] = word >>> 24
}

class End {
  mac = 0
  address = 0
  port = 0
  /** The end of what it sent, which is what the other acknowledges unless a segment is missing. */
  next = 0
  ipId = 0
  window = 0
  clock = 0
  echo = 0
}

/** Of one flow; a segment's number relative to the first that misses must fit a word of bits. */
const windowMax = 30
const ringSize = 128

class Flow {
  /** Packets that it may send in all, and those it has sent. */
  budget = 0
  sent = 0
  readonly #chance: Chance
  readonly #client = new End()
  readonly #server = new End()
  /** Who sends many segments, and who answers with ACKs. */
  #source = this.#client
  #sink = this.#server
  #phase: 'syn' | 'synAck' | 'ack' | 'question' | 'segments' | 'reopen' | 'fin' | 'finAck' | 'lastAck' = 'syn'
  #rttNs = 0
  #size = 0
  #window = 0
  /** In parts of 65,536: lost before the capture point, behind it, overtaken by the next. */
  #lost = 0
  #late = 0
  /** Of a train of segments: sequence number of the first, how many, the next new one, how many are acknowledged. */
  #base = 0
  #count = 0
  #nextNew = 0
  #acked = 0
  /** The receiver: the first that misses, and which of the 32 after it are there. */
  #missing = 0
  #there = 0
  #sinceAck = 0
  #ackDue = false
  #duplicates = 0
  /** What is to be sent again, and the one that was overtaken; -1: nothing. */
  #resend = -1
  #overtaken = -1
  /** Holes below were all there when the first was found; each is sent again once. */
  #recovering = -1
  #resent = -1
  /** What is on its way; a lost segment as -1 - its number. */
  readonly #ring = new Int32Array(ringSize)
  #head = 0
  #flying = 0
  readonly #edges = new Int32Array(6)

  constructor(chance: Chance) {
    this.#chance = chance
  }

  open(number: number, budget: number): void {
    const chance = this.#chance
    this.budget = budget
    this.sent = 0
    const [client, server] = [this.#client, this.#server]
    client.mac = 1
    server.mac = 2
    client.address = 0x0a000100 + number
    server.address = 0xc6336400 | (1 + (number % 200)) // 198.51.100.0/24, for documents
    client.port = 32_768 + (number % 28_000)
    server.port = 9_000 + (number % 5)
    for (const end of [client, server]) {
      end.next = chance.word()
      end.ipId = chance.below(0x10000)
      end.window = 500 + chance.below(3_000)
      end.clock = chance.word()
      end.echo = 0
    }
    // Three of four download.
    this.#source = chance.below(4) === 0 ? client : server
    this.#sink = this.#source === client ? server : client
    this.#phase = 'syn'
    this.#rttNs = 2e6 + chance.below(150) * 1e6
    this.#size = chance.below(8) === 0 ? 512 : 1448
    this.#window = 4 + chance.below(windowMax - 3)
    this.#lost = chance.below(2) === 0 ? 0 : chance.below(1_300)
    this.#late = chance.below(4) === 0 ? 150 : 0
  }

  /** Sends one packet or waits; answers the time until the next step, or -1 after the last. */
  step(out: Writer, ns: number): number {
    const [client, server, chance] = [this.#client, this.#server, this.#chance]
    switch (this.#phase) {
      case 'syn':
        this.#send(out, ns, client, SYN, 1)
        this.#phase = 'synAck'
        return this.#rttNs / 2
      case 'synAck':
        this.#send(out, ns, server, SYN | ACK, 1)
        this.#phase = 'ack'
        return this.#rttNs / 2
      case 'ack':
        this.#send(out, ns, client, ACK, 0)
        this.#phase = 'question'
        return 20_000 + chance.below(1_000_000)
      case 'question':
        this.#send(out, ns, this.#sink, PSH | ACK, 100 + chance.below(400))
        this.#begin()
        return this.#rttNs / 2 + chance.below(20_000_000)
      case 'segments':
        return this.#train(out, ns)
      case 'reopen':
        this.#sink.window = 500 + chance.below(3_000)
        this.#send(out, ns, this.#sink, ACK, 0)
        return this.#afterTrain()
      case 'fin':
        if (chance.below(100) === 0) {
          this.#send(out, ns, client, RST | ACK, 0)
          return -1
        }
        this.#send(out, ns, client, FIN | ACK, 1)
        this.#phase = 'finAck'
        return this.#rttNs / 2
      case 'finAck':
        this.#send(out, ns, server, FIN | ACK, 1)
        this.#phase = 'lastAck'
        return this.#rttNs / 2
      case 'lastAck':
        this.#send(out, ns, client, ACK, 0)
        return -1
    }
  }

  #send(out: Writer, ns: number, from: End, flags: number, length: number): void {
    const payload = (flags & (SYN | FIN)) === 0 ? length : 0
    this.#put(out, ns, from, flags, from.next, payload, 0)
    from.next = (from.next + length) | 0
  }

  #put(out: Writer, ns: number, from: End, flags: number, seq: number, payload: number, edges: number): void {
    this.sent++
    out.packet(ns, from, from === this.#client ? this.#server : this.#client, flags, seq, payload, edges, this.#edges)
  }

  #begin(): void {
    const left = Math.max(1, Math.floor((this.budget - this.sent - 4) / 1.55))
    // A few large answers in a long session, small ones in a short one; no crumbs at the end.
    const wanted = 4 + this.#chance.below(left > 1_000 ? 4_000 : 60)
    this.#count = left - wanted < 8 ? left : wanted
    this.#base = this.#source.next
    this.#nextNew = this.#acked = this.#missing = this.#there = this.#sinceAck = this.#duplicates = this.#head = this.#flying = 0
    this.#resend = this.#overtaken = this.#recovering = this.#resent = -1
    this.#ackDue = false
    this.#phase = 'segments'
  }

  #train(out: Writer, ns: number): number {
    const gapNs = this.#rttNs / (this.#window + 1)
    for (;;) {
      if (this.#ackDue) return this.#acknowledge(out, ns, gapNs)
      if (this.#resend >= 0) {
        const segment = this.#resend
        this.#resend = -1
        this.#segment(out, ns, segment, this.#chance.below(65_536) < this.#lost)
        return gapNs
      }
      if (this.#overtaken >= 0) {
        this.#segment(out, ns, this.#overtaken, false)
        this.#overtaken = -1
        return gapNs
      }
      if (this.#nextNew < this.#count && this.#nextNew - this.#acked < this.#window) {
        const segment = this.#nextNew++
        const drawn = this.#chance.below(65_536)
        if (drawn < this.#lost / 2) {
          this.#push(-1 - segment) // Lost before the capture point: nothing to see.
          continue
        }
        const late = drawn > 65_535 - this.#late && this.#nextNew < this.#count && this.#nextNew - this.#acked < this.#window
        if (late) this.#overtaken = segment
        this.#segment(out, ns, late ? this.#nextNew++ : segment, drawn < this.#lost)
        return gapNs
      }
      if (this.#flying > 0) {
        const arrived = this.#ring[this.#head] as number
        this.#head = (this.#head + 1) % ringSize
        this.#flying--
        if (arrived >= 0) this.#receive(arrived)
        continue
      }
      if (this.#sinceAck > 0) this.#ackDue = true
      else {
        // Nothing is on its way and something misses: its timer has to run out.
        this.#resend = this.#missing
        return this.#rttNs + 200e6
      }
    }
  }

  #push(segment: number): void {
    this.#ring[(this.#head + this.#flying) % ringSize] = segment
    this.#flying++
  }

  #segment(out: Writer, ns: number, segment: number, lost: boolean): void {
    const flags = segment === this.#count - 1 ? PSH | ACK : ACK
    const seq = (this.#base + segment * this.#size) | 0
    this.#put(out, ns, this.#source, flags, seq, this.#size, 0)
    this.#push(lost ? -1 - segment : segment)
  }

  #receive(segment: number): void {
    const ahead = segment - this.#missing
    if (ahead < 0) {
      this.#ackDue = true
      return
    }
    if (ahead > 0) {
      this.#there |= 1 << (ahead - 1)
      this.#ackDue = true
      return
    }
    const filled = this.#there !== 0
    this.#missing++
    while ((this.#there & 1) !== 0) {
      this.#there >>>= 1
      this.#missing++
    }
    this.#there >>>= 1
    if (++this.#sinceAck >= 2 || filled || this.#missing === this.#count) this.#ackDue = true
  }

  #acknowledge(out: Writer, ns: number, gapNs: number): number {
    this.#ackDue = false
    this.#sinceAck = 0
    const done = this.#missing === this.#count
    const closes = done && this.#chance.below(200) === 0
    if (closes) this.#sink.window = 0
    this.#source.next = (this.#base + this.#missing * this.#size) | 0
    this.#put(out, ns, this.#sink, ACK, this.#sink.next, 0, this.#blocks())
    if (this.#missing > this.#acked) {
      this.#acked = this.#missing
      this.#duplicates = 0
      if (this.#missing < this.#recovering && this.#there !== 0) this.#again()
    } else if (++this.#duplicates === 3) {
      this.#recovering = this.#nextNew
      this.#again()
    }
    if (closes) {
      this.#phase = 'reopen'
      return 50e6 + this.#chance.below(200) * 1e6
    }
    return done ? this.#afterTrain() : gapNs / 4
  }

  /** The first hole, unless it is on its way already. */
  #again(): void {
    if (this.#resent >= this.#missing) return
    this.#resent = this.#resend = this.#missing
  }

  #afterTrain(): number {
    const more = this.budget - this.sent > 8
    this.#phase = more ? 'question' : 'fin'
    return this.#rttNs / 2 + (more ? this.#chance.below(400) * 1e6 : 100_000)
  }

  /** The runs of segments that are there beyond the first hole, highest first, as edges; three fit beside timestamps. */
  #blocks(): number {
    let edges = 0
    let bit = 31
    while (this.#there !== 0 && bit >= 0 && edges < 6) {
      while (bit >= 0 && ((this.#there >>> bit) & 1) === 0) bit--
      if (bit < 0) break
      const end = bit
      while (bit >= 0 && ((this.#there >>> bit) & 1) !== 0) bit--
      this.#edges[edges++] = this.#base + (this.#missing + bit + 2) * this.#size
      this.#edges[edges++] = this.#base + (this.#missing + end + 2) * this.#size
    }
    return edges
  }
}
