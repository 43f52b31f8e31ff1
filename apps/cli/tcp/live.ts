/** Sessions while they live: rows of a table that is drawn again and again, from captured packets or from the kernel's own counters. */
import { createAnalyser, type CaptureSummary, type Limit, type SessionRecord, type Turn } from '@belay/tcp'
import { flagsOf, payload, resentShare, roundTrip, rttOf, sayEndpoint } from './figures.ts'
import { parseSsLine, type SsSocket } from './ss.ts'

/** `network`: data was on its way and neither end held it up. `send buffer`: the sender's own kernel had no room for more. */
export type LiveLimit = Limit | 'none' | 'network' | 'send buffer'

export type LiveRow = {
  readonly key: string
  /** Of a capture the client, of sockets this machine's end. */
  readonly from: string
  readonly to: string
  readonly state: string
  readonly isOver: boolean
  /** Null: sockets have no score. */
  readonly score: number | null
  readonly grade: SessionRecord['score']['grade'] | null
  readonly limit: LiveLimit
  /** Of its life. Null: the kernel did not say yet. */
  readonly limitShare: number | null
  readonly rttMs: number | null
  readonly minRttMs: number | null
  /** Of the last interval. */
  readonly sentBps: number
  readonly receivedBps: number
  readonly bytes: number
  readonly inFlight: number
  readonly resentShare: number
  readonly ageSeconds: number | null
  readonly flags: readonly string[]
  /** Bits a second of both directions, the newest last. */
  readonly spark: readonly number[]
}

export type LiveFrame = {
  readonly source: 'packets' | 'sockets'
  readonly atMs: number
  /** Closed since the beginning. */
  readonly closed: number
  readonly rows: readonly LiveRow[]
}

/** As many as a sparkline shows. */
const sparkMax = 20
/** A session that is over stays so many intervals, so that it can be read. */
const overIntervals = 3

type Memory = { sent: number; received: number; spark: number[]; quiet: number }

/** What was before, by key: for speeds of an interval. Forgets what is no longer there. */
class Memories {
  #before = new Map<string, Memory>()
  #now = new Map<string, Memory>()

  /** @param seconds of the interval; 0 the first time: then nothing is known of speeds. What is new began within it */
  step(key: string, sent: number, received: number, seconds: number): { sentBps: number; receivedBps: number; memory: Memory } {
    const before = this.#before.get(key)
    const bps = (now: number, then = 0): number => (seconds <= 0 ? 0 : (Math.max(0, now - then) * 8) / seconds)
    const sentBps = bps(sent, before?.sent)
    const receivedBps = bps(received, before?.received)
    const spark = [...(before?.spark ?? []), sentBps + receivedBps].slice(-sparkMax)
    const quiet = sentBps + receivedBps === 0 ? (before?.quiet ?? 0) + 1 : 0
    const memory = { sent, received, spark, quiet }
    this.#now.set(key, memory)
    return { sentBps, receivedBps, memory }
  }

  turn(): void {
    this.#before = this.#now
    this.#now = new Map()
  }
}

export class LivePackets {
  readonly #analyser
  readonly #memories = new Memories()
  readonly #name: string
  #lastMs: number | undefined
  #out = 0
  #bytesIn = 0

  constructor(
    name: string,
    taken: { readonly onSession: (record: SessionRecord) => void; readonly onTurn?: (turn: Turn, session: number) => void },
  ) {
    this.#name = name
    const { onTurn } = taken
    this.#analyser = createAnalyser({
      name,
      onSession: (record) => {
        this.#out++
        taken.onSession(record)
      },
      ...(onTurn === undefined ? {} : { onTurn }),
    })
  }

  write(bytes: Uint8Array): void {
    this.#bytesIn += bytes.length
    this.#analyser.write(bytes)
  }

  /** Sessions that have not come out by `onSession` yet: open ones, and closed ones that wait for late packets. */
  open(): readonly SessionRecord[] {
    return this.#analyser.snapshot()
  }

  frame(nowMs: number): LiveFrame {
    const seconds = this.#lastMs === undefined ? 0 : (nowMs - this.#lastMs) / 1_000
    this.#lastMs = nowMs
    let over = 0
    const rows = this.open().flatMap((record) => {
      const [up, down] = record.directions
      const key = String(record.number)
      const { sentBps, receivedBps, memory } = this.#memories.step(key, up.bytes, down.bytes, seconds)
      const isOver = record.close === 'fin' || record.close.startsWith('reset')
      if (isOver) over++
      return isOver && memory.quiet > overIntervals ? [] : [packetRow(record, { sentBps, receivedBps, spark: memory.spark, isOver })]
    })
    this.#memories.turn()
    return { source: 'packets', atMs: nowMs, closed: this.#out + over, rows }
  }

  end(): CaptureSummary {
    // Nothing came, not even the header of a capture: that is no capture, and here no fault either.
    if (this.#bytesIn > 0) return this.#analyser.end()
    return {
      ...{ name: this.#name, format: 'pcap', bytes: 0, packets: 0, tcpPackets: 0, sessions: 0 },
      ...{ firstMs: null, lastMs: null, notUnderstood: {}, warnings: [] },
    }
  }
}

function packetRow(
  it: SessionRecord,
  now: { readonly sentBps: number; readonly receivedBps: number; readonly spark: readonly number[]; readonly isOver: boolean },
): LiveRow {
  const last = it.series.directions.map(({ inFlight }) => inFlight.at(-1) ?? 0)
  return {
    key: String(it.number),
    from: sayEndpoint(it.client),
    to: sayEndpoint(it.server),
    state: it.close,
    ...now,
    score: it.score.value,
    grade: it.score.grade,
    limit: it.verdict.limit,
    limitShare: it.verdict.limit === 'none' ? null : it.verdict.share,
    rttMs: roundTrip(it).p50Ms,
    minRttMs: Math.max(...it.directions.map((direction) => rttOf(direction)?.minMs ?? 0)) || null,
    bytes: payload(it),
    inFlight: now.isOver ? 0 : Math.max(...last),
    resentShare: resentShare(it),
    ageSeconds: it.duration,
    flags: flagsOf(it),
  }
}

/** What one poll of a socket says against the one before. */
type SocketStep = { readonly now: SsSocket; readonly before: SsSocket | undefined; readonly firstMs: number }

export class LiveSockets {
  readonly #memories = new Memories()
  #sockets = new Map<string, SocketStep>()
  #lastMs: number | undefined
  #closed = 0
  /** Lines that were no sockets. */
  notUnderstood = 0

  /** @param text what `ss` printed */
  poll(text: string, nowMs: number): LiveFrame {
    const seconds = this.#lastMs === undefined ? 0 : (nowMs - this.#lastMs) / 1_000
    this.#lastMs = nowMs
    const found = new Map<string, SocketStep>()
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue
      const now = parseSsLine(line)
      if (now === undefined) this.notUnderstood++
      // Who listens has no peer, and what waits out its time no owner.
      else if (!/^(LISTEN|TIME-WAIT|UNCONN)$/.test(now.state)) {
        const known = this.#sockets.get(now.key)
        found.set(now.key, { now, before: known?.now, firstMs: known?.firstMs ?? nowMs })
      }
    }
    for (const key of this.#sockets.keys()) if (!found.has(key)) this.#closed++
    this.#sockets = found
    const rows = [...found.values()].map((step) => {
      const { now } = step
      const { sentBps, receivedBps, memory } = this.#memories.step(now.key, now.bytesAcked, now.bytesReceived, seconds)
      return socketRow(step, { sentBps, receivedBps, spark: memory.spark }, nowMs)
    })
    this.#memories.turn()
    return { source: 'sockets', atMs: nowMs, closed: this.#closed, rows }
  }
}

function socketRow(
  { now, before, firstMs }: SocketStep,
  speeds: { readonly sentBps: number; readonly receivedBps: number; readonly spark: readonly number[] },
  nowMs: number,
): LiveRow {
  const { limit, share } = kernelLimit(now, before)
  const odd = [
    now.retransNow > 0 && 'recovering',
    now.sendWindow === 0 && now.sendQueue > 0 && now.bytesSent > 0 && now.rwndLimitedMs > 0 && 'window closed',
    now.dsackDups > 0 && 'spurious',
    now.reordSeen > 0 && 'reordered',
    now.receiveQueue > 0 && 'reader waits',
    now.state !== 'ESTAB' && now.state.toLowerCase(),
  ].filter((flag) => flag !== false)
  return {
    key: now.key,
    from: now.local,
    to: now.peer,
    state: now.state,
    isOver: false,
    score: null,
    grade: null,
    limit,
    limitShare: share,
    rttMs: now.rttMs === 0 ? null : now.rttMs,
    minRttMs: now.minRttMs === 0 ? null : now.minRttMs,
    ...speeds,
    bytes: now.bytesAcked + now.bytesReceived,
    inFlight: Math.max(0, now.bytesSent - now.bytesRetrans - now.bytesAcked),
    resentShare: now.bytesSent === 0 ? 0 : now.bytesRetrans / now.bytesSent,
    // When it began ss does not say; it is as old as it was watched at least.
    ageSeconds: nowMs === firstMs ? null : (nowMs - firstMs) / 1_000,
    flags: odd,
  }
}

/**
 * The kernel's own verdict: it counts the time in which data was outstanding (`busy`) and what of it the peer's window
 * or the send buffer held up. Over the last interval, where there was another before; else over the socket's life.
 */
export function kernelLimit(now: SsSocket, before?: SsSocket): { readonly limit: LiveLimit; readonly share: number | null } {
  const busy = now.busyMs - (before?.busyMs ?? 0)
  if (now.busyMs === 0) return { limit: now.bytesSent === 0 ? 'none' : 'application', share: null }
  if (busy <= 0) return { limit: 'application', share: 1 }
  const receiver = Math.min(1, (now.rwndLimitedMs - (before?.rwndLimitedMs ?? 0)) / busy)
  const buffer = Math.min(1, (now.sndbufLimitedMs - (before?.sndbufLimitedMs ?? 0)) / busy)
  if (receiver >= 0.5) return { limit: 'receiver', share: receiver }
  if (buffer >= 0.5) return { limit: 'send buffer', share: buffer }
  // It had less to send than it might have sent.
  if (now.appLimited) return { limit: 'application', share: null }
  const rest = Math.max(0, 1 - receiver - buffer)
  const resent = now.retransTotal - (before?.retransTotal ?? 0)
  return { limit: resent > 0 || now.lost > 0 || now.retransNow > 0 ? 'loss' : 'network', share: rest }
}

export const liveSorts = ['speed', 'score', 'rtt', 'resent', 'bytes', 'age'] as const
export type LiveSort = (typeof liveSorts)[number]

const weights: Readonly<Record<LiveSort, (row: LiveRow) => number>> = {
  speed: ({ sentBps, receivedBps }) => sentBps + receivedBps,
  score: ({ score }) => (score === null ? 0 : 100 - score),
  rtt: ({ rttMs }) => rttMs ?? -1,
  resent: (row) => row.resentShare,
  bytes: ({ bytes }) => bytes,
  age: ({ ageSeconds }) => ageSeconds ?? 0,
}

/** What lives first; equal ones by what they carried, then by name, so that rows do not dance. */
export const sortRows = (rows: readonly LiveRow[], sort: LiveSort): readonly LiveRow[] =>
  rows.toSorted(
    (a, b) => Number(a.isOver) - Number(b.isOver) || weights[sort](b) - weights[sort](a) || b.bytes - a.bytes || (a.key < b.key ? -1 : 1),
  )
