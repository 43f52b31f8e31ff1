/** The analysis of one capture: bytes in, sessions out as they close. */
import { Decoder, reasons } from './decode/index.ts'
import { zero } from './double.ts'
import { Flows, shardOf } from './flows.ts'
import { beginsAnother, label, reusedPorts } from './labels.ts'
import { Packet } from './packet.ts'
import { createCaptureReader } from './read/index.ts'
import { recordOf } from './record.ts'
import type { Session } from './session.ts'
import { count, identify } from './tally.ts'
import { Trace } from './trace/trace.ts'
import type { CaptureSummary, LabelFigures, SessionRecord, Turn } from './types.ts'
import { Pool } from './unacked.ts'

export type AnalyserOptions = {
  /** Shown in records. */
  readonly name?: string
  /** Called with each session when it has closed, or at the end. */
  readonly onSession: (record: SessionRecord) => void
  /** The frame with which each session begins, in the order of their numbers. */
  readonly onBegin?: (frame: number) => void
  /** Each turn as it ends, with its session's number. */
  readonly onTurn?: (turn: Turn, session: number) => void
  /** Sessions (tshark's tcp.stream) whose every segment is kept too; each is handed over before its record. */
  readonly trace?: { readonly sessions: readonly number[]; readonly onTrace: (trace: Trace, session: number) => void }
  /** tshark's labels as they are given (a bit for each of `labels`), and what it would say of a session when that comes out. */
  readonly onLabels?: {
    readonly frame?: (frame: number, labels: number) => void
    readonly session?: (session: number, figures: LabelFigures) => void
  }
  /** Only this share of all sessions, so that several processes divide a capture; sessions are numbered within the share. */
  readonly shard?: { readonly index: number; readonly of: number }
  /** Live sessions at most; see `liveMax`. */
  readonly liveMax?: number
}
export type Analyser = {
  /** The next bytes of the file, of any length; they are not kept. @throws CaptureError when they are no capture */
  write(bytes: Uint8Array): void
  /** Sessions that have not come out yet, as they are now. */
  snapshot(): SessionRecord[]
  /** Sessions that are still open come out now. */
  end(): CaptureSummary
}

/** About 8 kB each: 1.6 GB. Beyond it, those that were silent longest come out as they are. */
const liveMax = 200_000
/** A closed session waits for late packets, which would look like a session of their own, as long as Linux keeps TIME_WAIT. */
const lingerNs = 60e9
/**
 * Not more of them at a time, the longest closed first: late packets come within some round trips. About 8 MB,
 * which is what a processor's own memory holds: reading many short sessions is mostly waiting for memory.
 */
const lingerMax = 1_024
/** A session that nobody closed comes out after this silence: longer than the two hours between TCP's keep-alives. */
const silentNs = 3 * 3600e9
/** Looking through the live sessions costs a step each; so often, at least, it is not noticed. */
const sweepPackets = 65_536

export function createAnalyser(options: AnalyserOptions): Analyser {
  return new Engine(options)
}

class Engine implements Analyser {
  readonly #options: AnalyserOptions
  readonly #name: string
  readonly #packet = new Packet()
  readonly #decoder = new Decoder()
  readonly #flows = new Flows()
  readonly #pool = new Pool()
  readonly #reader
  readonly #traces = new Map<Session, Trace>()
  readonly #notUnderstood = new Float64Array(reasons.length)
  #frames = 0
  #tcpPackets = 0
  #sessions = 0
  #firstSec = -1
  #firstNsec = 0
  #lastSec = -1
  #lastNsec = 0
  #untilSweep: number
  #earlyOut = 0
  readonly #closed: Session[] = []
  #nextClosed = 0
  /** A share of the sessions closes a share as often: late packets have the same time in each. */
  readonly #lingerMax: number

  constructor(options: AnalyserOptions) {
    this.#options = options
    this.#name = options.name ?? ''
    this.#reader = createCaptureReader({ frame: this.#frame.bind(this) })
    this.#lingerMax = Math.ceil(lingerMax / (options.shard?.of ?? 1))
    this.#untilSweep = this.#sweepAfter()
  }

  write(bytes: Uint8Array): void {
    this.#reader.push(bytes)
  }

  #frame(bytes: Uint8Array, at: number, captured: number, wire: number, linkType: number, sec: number, nsec: number): void {
    const p = this.#packet
    this.#frames++
    if (this.#firstSec < 0) {
      this.#firstSec = sec
      this.#firstNsec = nsec
    }
    this.#lastSec = sec
    this.#lastNsec = nsec
    const reason = this.#decoder.decode(bytes, at, captured, wire, linkType, p)
    if (reason !== 0) {
      this.#notUnderstood[reason] = (this.#notUnderstood[reason] as number) + 1
      return
    }
    const { shard } = this.#options
    if (shard !== undefined && shardOf(p, shard.of) !== shard.index) return
    p.frame = this.#frames
    p.sec = sec
    p.nsec = nsec
    this.#segment(p)
  }

  #segment(p: Packet): void {
    const flows = this.#flows
    this.#tcpPackets++
    if (p.sessionless) return
    let session = flows.find(p)
    let fresh = 0
    if (session !== undefined && beginsAnother(flows.fromA ? session.a.labels : session.b.labels, p)) {
      this.#out(session)
      session = undefined
      // Of a segment that cannot be read whole nothing is said, here too.
      if (!p.cut) fresh = reusedPorts
    }
    if (session === undefined) session = this.#begin(p)
    const fromA = flows.fromA
    const mine = fromA ? session.a : session.b
    const theirs = fromA ? session.b : session.a
    // A double from the first on, like the fields that will hold it.
    const t = (p.sec - session.sec) * 1e9 + (p.nsec - session.nsec) + zero
    const labels = label(session.labels, mine.labels, theirs.labels, this.#pool, p, t) | fresh
    if (labels !== 0) this.#options.onLabels?.frame?.(p.frame, labels)
    const kind = count(session, mine, theirs, p, t, fromA, labels)
    if (this.#traces.size > 0) this.#traces.get(session)?.add(p, t, fromA, mine.window, kind, labels)
    if (session.closedAt === t) this.#linger(session)
    if (--this.#untilSweep <= 0) this.#sweep(p)
  }

  /** A session has closed: it waits in a ring of those that have, and the one that waited longest makes room for it. */
  #linger(session: Session): void {
    if (session.lingers) return
    session.lingers = true
    const oldest = this.#closed[this.#nextClosed]
    this.#closed[this.#nextClosed] = session
    this.#nextClosed = (this.#nextClosed + 1) % this.#lingerMax
    if (oldest === undefined) return
    // Until it leaves the ring nobody else may become of it.
    oldest.lingers = false
    if (oldest.isTold) this.#flows.recycle(oldest)
    else this.#out(oldest)
  }

  #begin(p: Packet): Session {
    const session = this.#flows.begin(p)
    session.number = this.#sessions++
    session.sec = p.sec
    session.nsec = p.nsec
    session.firstFrame = p.frame
    identify(session, p)
    this.#options.onBegin?.(p.frame)
    const { trace, onTurn } = this.#options
    if (onTurn !== undefined) session.turns.onTurn = (turn) => onTurn(turn, session.number)
    if (trace?.sessions.includes(session.number)) this.#traces.set(session, new Trace())
    return session
  }

  /** Lets go of sessions that are over, and of the most silent ones when there are too many. */
  #sweep(p: Packet): void {
    const flows = this.#flows
    const max = this.#options.liveMax ?? liveMax
    const silent: Silent[] = []
    for (const session of flows) {
      const ns = (p.sec - session.sec) * 1e9 + (p.nsec - session.nsec) - session.lastNs
      if (ns > (session.closedAt >= 0 ? lingerNs : silentNs)) this.#out(session)
      else if (flows.live > max) silent.push({ session, ns })
    }
    if (flows.live > max) {
      // A quarter at once, so that it need not be done again for a while.
      silent.sort(longestFirst)
      for (const { session } of silent.slice(0, flows.live - Math.floor(max * 0.75))) {
        this.#earlyOut++
        this.#out(session)
      }
    }
    this.#untilSweep = this.#sweepAfter()
  }

  /** Packets until the next look; with little room the bound must hold in between, too. */
  #sweepAfter(): number {
    const max = this.#options.liveMax ?? liveMax
    return max < sweepPackets ? Math.max(1, max >> 2) : Math.max(sweepPackets, this.#flows.live)
  }

  #out(session: Session): void {
    const trace = this.#traces.get(session)
    if (trace !== undefined) {
      trace.aIsClient = session.aIsClient
      this.#options.trace?.onTrace(trace, session.number)
      this.#traces.delete(session)
    }
    session.turns.end(session)
    this.#options.onLabels?.session?.(session.number, labelFigures(session))
    this.#options.onSession(recordOf(session, this.#flows, this.#name))
    session.a.labels.unacked.clear(this.#pool)
    session.b.labels.unacked.clear(this.#pool)
    this.#flows.remove(session)
    session.isTold = true
    if (!session.lingers) this.#flows.recycle(session)
  }

  snapshot(): SessionRecord[] {
    return [...this.#flows].map((session) => recordOf(session, this.#flows, this.#name))
  }

  end(): CaptureSummary {
    const read = this.#reader.end()
    // In the order in which they began.
    for (const session of [...this.#flows].toSorted((one, other) => one.number - other.number)) this.#out(session)
    const notUnderstood: Record<string, number> = {}
    for (const [at, reason] of reasons.entries()) {
      const times = this.#notUnderstood[at] as number
      if (times > 0) notUnderstood[reason] = times
    }
    const ms = (sec: number, nsec: number) => (sec < 0 ? null : sec * 1e3 + nsec / 1e6)
    const early =
      this.#earlyOut === 0
        ? []
        : [`${this.#earlyOut} sessions were told before their end: more than ${this.#options.liveMax ?? liveMax} were open at once.`]
    const { givenUp } = this.#decoder
    const fragments =
      givenUp === 0 ? [] : [`${givenUp} IP packets in fragments were given up before they were whole: too many were under way at once.`]
    return {
      name: this.#name,
      format: read.format,
      bytes: read.bytes,
      packets: this.#frames,
      tcpPackets: this.#tcpPackets,
      sessions: this.#sessions,
      firstMs: ms(this.#firstSec, this.#firstNsec),
      lastMs: ms(this.#lastSec, this.#lastNsec),
      notUnderstood: { ...read.notUnderstood, ...notUnderstood },
      warnings: [...read.warnings, ...early, ...fragments],
    }
  }
}

type Silent = { readonly session: Session; readonly ns: number }
const longestFirst = (one: Silent, other: Silent): number => other.ns - one.ns

function labelFigures({ a, b, aIsClient, labels }: Session): LabelFigures {
  const figures = ({ labels: { ackRtts, ackRttSumNs, inFlightMax } }: Session['a']) => ({ ackRtts, ackRttNs: ackRttSumNs, inFlightMax })
  const [client, server] = aIsClient ? [a, b] : [b, a]
  return { handshakeNs: labels.rttNs, directions: [figures(client), figures(server)] }
}
