/**
 * Which turn of a TCP session carried which call, and whether the network or the server made it slow. Pure.
 *
 * A turn is what the capture saw of a question and its answer; a call is what the service says of the same. HTTP/1.1 asks one
 * question after the other on a connection, so a call belongs to the turn of its own connection during which it began.
 */
import type { slowReasons, TurnWire } from '@belay/protocol'

/** A call with the two ends of the socket that carried it, as its service recorded them. */
export type CarriedCall = {
  /** Ms since the epoch, cut to a whole one. */
  readonly at: number
  readonly service: string
  readonly method: string
  readonly release: string
  readonly host: string
  readonly status: number
  readonly failed: boolean
  readonly realMs: number
  readonly dbMs: number
  readonly externalMs: number
  readonly trace: string
  readonly span: string
  /** `address:port`; '' unknown. */
  readonly peer: string
  readonly local: string
}

export type SessionFacts = {
  /** `CAPTURE.NUMBER` */
  readonly id: string
  readonly peer: string
  readonly local: string
  /** Ms since the epoch. */
  readonly startedMs: number
  readonly endedMs: number
  readonly point: 'client' | 'server' | 'between' | 'unknown'
  readonly rttMs: number | null
  /** How long the server's end waited for the service, the client's window, the network. */
  readonly applicationMs: number
  readonly receiverMs: number
  readonly networkMs: number
  /** What the server sent before the first acknowledgement: so much needs no answer of the network. */
  readonly initialBytes: number
}

export type CarryingTurn = TurnWire & {
  readonly session: string
  readonly peer: string
  readonly local: string
  /** Ms since the epoch, of its first byte. */
  readonly atMs: number
}

/**
 * Clocks of one machine agree; what they do not is how calls are noted: cut to a whole millisecond, from a clock that a service
 * set by its start and that is slewed since. What differs by more belongs to no turn.
 */
export const toleranceMs = 50

const answeredAt = (it: CarryingTurn) => it.atMs + it.requestMs + it.serverMs

/**
 * On the way to a service its address may be translated (a forwarded port, a balancer that keeps the callers' addresses): the caller's
 * address and port then still name the connection. One with both ends right comes first.
 */
const isTranslated = (call: CarriedCall, it: { readonly local: string }) => call.local !== '' && call.local !== it.local

/** A capture beside the service times the service itself; one at the client times the way there and back as well. */
const pointRank = { server: 0, between: 1, unknown: 2, client: 3 } as const

type Fit = { readonly call: number; readonly turn: CarryingTurn; readonly offMs: number; readonly translated: boolean }

/**
 * For each call its turn, if one fits. In each capture a turn carries one call, the one whose times fit best; of several captures
 * the one that was taken nearest to the server is told.
 */
export function matchTurns(
  calls: readonly CarriedCall[],
  turns: readonly CarryingTurn[],
  sessions: ReadonlyMap<string, SessionFacts>,
): (CarryingTurn | undefined)[] {
  const rankOf = ({ turn }: Fit) => pointRank[sessions.get(turn.session)?.point ?? 'unknown']
  const best: (Fit | undefined)[] = calls.map(() => undefined)
  for (const ofCapture of Map.groupBy(turns, ({ session }) => session.slice(0, session.lastIndexOf('.'))).values())
    for (const fit of fitsOf(calls, ofCapture)) {
      const other = best[fit.call]
      const rank = other === undefined ? -1 : Number(fit.translated) - Number(other.translated) || rankOf(fit) - rankOf(other)
      if (other === undefined || rank < 0 || (rank === 0 && fit.offMs < other.offMs)) best[fit.call] = fit
    }
  return best.map((fit) => fit?.turn)
}

/** Of one capture: the best fits first, each call and each turn once. */
function fitsOf(calls: readonly CarriedCall[], turns: readonly CarryingTurn[]): Fit[] {
  const byPeer = Map.groupBy(turns, ({ peer }) => peer)
  const fits: Fit[] = []
  calls.forEach((call, nth) => {
    for (const turn of call.peer === '' ? [] : (byPeer.get(call.peer) ?? [])) {
      // A service is told of a request after its first byte came and answers after that; it may be done long before the last byte of
      // its answer has gone, and never after.
      const beginsOff = Math.max(turn.atMs - (call.at + 1), call.at - answeredAt(turn), 0)
      const endsLate = Math.max(0, call.at + call.realMs - (answeredAt(turn) + turn.responseMs))
      if (beginsOff <= toleranceMs) fits.push({ call: nth, turn, offMs: beginsOff + endsLate, translated: isTranslated(call, turn) })
    }
  })
  const [known, taken] = [new Set<number>(), new Set<CarryingTurn>()]
  return fits
    .sort((a, b) => Number(a.translated) - Number(b.translated) || a.offMs - b.offMs)
    .filter(({ call, turn }) => {
      if (known.has(call) || taken.has(turn)) return false
      known.add(call)
      taken.add(turn)
      return true
    })
}

/** The session of a call whose turn is not known. */
export function matchSession(call: CarriedCall, sessions: Iterable<SessionFacts>): SessionFacts | undefined {
  let best: SessionFacts | undefined
  for (const it of sessions) {
    const meets = it.startedMs - toleranceMs <= call.at + 1 && call.at <= it.endedMs + toleranceMs
    if (call.peer === '' || !meets || call.peer !== it.peer) continue
    const rank =
      best === undefined
        ? -1
        : Number(isTranslated(call, it)) - Number(isTranslated(call, best)) || pointRank[it.point] - pointRank[best.point]
    if (rank < 0) best = it
  }
  return best
}

export type Judgement = {
  readonly slowBecause: (typeof slowReasons)[number]
  readonly because: string
  readonly wholeMs: number | null
  readonly networkMs: number | null
}

/** Of the whole, from here on one of the two stands out. */
const standsOut = 0.6

/** Why a call took as long as it did. */
export function judgeCall(call: CarriedCall, session: SessionFacts | undefined, turn: CarryingTurn | undefined): Judgement {
  const unknown = (because: string): Judgement => ({ slowBecause: 'unknown', because, wholeMs: null, networkMs: null })
  if (call.peer === '')
    return unknown('Whoever recorded the call did not tell the addresses of its connection, so no TCP session can be named.')
  if (turn === undefined)
    return unknown(
      session === undefined
        ? `No capture has the connection from ${call.peer}${call.local === '' ? '' : ` to ${call.local}`} at that time.`
        : 'The connection was captured, but no question and answer in it fits the time of the call: several calls may share one (HTTP/2, pipelining).',
    )
  const { network, server, client } = divide(call, session, turn)
  const whole = network + server + client
  const measured = { wholeMs: whole, networkMs: network }
  const both = network + server
  const [n, s, c, w] = [network, server, client, whole].map(say) as [string, string, string, string]
  if (client > both)
    return {
      ...measured,
      slowBecause: 'unknown',
      because: `Of ${w}, the client took ${c} itself (it sent or read slowly); the network took ${n}, the service ${s}.`,
    }
  if (network >= standsOut * both)
    return {
      ...measured,
      slowBecause: 'network',
      because: `Of ${w}, the network took ${n}${detail(session, turn)}; the service took ${s}.`,
    }
  if (server >= standsOut * both)
    return {
      ...measured,
      slowBecause: 'server',
      because: `Of ${w}, the service took ${s}${late(call, session, turn)}; the network took ${n}${turn.lost === 0 ? ' and lost nothing' : ''}.`,
    }
  return { ...measured, slowBecause: 'unknown', because: `Of ${w}, the network took ${n} and the service ${s}: neither stands out.` }
}

type Parts = { readonly network: number; readonly server: number; readonly client: number }

/**
 * Whose the time of a turn is, in ms; together they are the call as its client had it. The service's: from the last byte of the request to the first of the response, less the way
 * there and back where the capture was taken elsewhere; and what of the response it wrote late. The client's: what it held back itself.
 * The rest is the network's.
 */
function divide(call: CarriedCall, session: SessionFacts | undefined, turn: CarryingTurn): Parts {
  const isClean = turn.lost === 0
  const rtt = session?.rttMs ?? null
  const own = session?.point === 'server' ? turn.serverMs : ownOf(call, turn, rtt)
  const weights = weightsOf(session)
  const fits = (bytes: number) => isClean && bytes <= Math.max(session?.initialBytes ?? 0, initialBytesMin)

  // A request that needs no acknowledgement under way comes as its client writes it.
  const request = fits(turn.requestBytes)
    ? { network: 0, server: 0, client: turn.requestMs }
    : isClean
      ? shared(turn.requestMs, { network: weights.network, server: weights.receiver, client: weights.application })
      : { network: turn.requestMs, server: 0, client: 0 }

  // While the service wrote, either it was slow or its socket was full; when it had written all, the network or the client was.
  const writing = Math.max(
    0,
    Math.min(turn.responseMs, session?.point === 'server' ? call.at + call.realMs - answeredAt(turn) : call.realMs - own),
  )
  const written = turn.responseMs - writing
  const byService = fits(turn.responseBytes) ? writing : writing * weights.application
  const rest = writing - byService + written
  const byClient = isClean && weights.receiver > 0 ? (rest * weights.receiver) / (weights.receiver + weights.network) : 0

  // A client may keep an acknowledgement for itself for a while (RFC 1122, 4.2.3.2), which keeps nobody waiting: it has it all. What
  // belongs to the call is the way of the last byte, and one way back.
  const ack = isClean && rtt !== null ? Math.min(turn.ackMs, rtt) : turn.ackMs
  return {
    network: request.network + (turn.serverMs - own) + rest - byClient + ack,
    server: request.server + own + byService,
    client: request.client + byClient,
  }
}

/** Ten segments: what every sender may send before it hears anything (RFC 6928). */
const initialBytesMin = 10 * 1_460

/** Where the capture was not taken beside the service, its own time is bounded by what it says itself. */
function ownOf(call: CarriedCall, turn: CarryingTurn, rtt: number | null): number {
  // Without a loss the way there and back explains one round trip, twice that with its variation; the rest waited at the server.
  const least = turn.lost === 0 && rtt !== null ? turn.serverMs - 2 * rtt : 0
  return Math.max(0, Math.min(turn.serverMs, Math.max(call.realMs, least)))
}

type Weights = { readonly application: number; readonly receiver: number; readonly network: number }

function weightsOf(session: SessionFacts | undefined): Weights {
  const { applicationMs = 0, receiverMs = 0, networkMs = 0 } = session ?? {}
  const sum = applicationMs + receiverMs + networkMs
  if (sum <= 0) return { application: 0, receiver: 0, network: 1 }
  return { application: applicationMs / sum, receiver: receiverMs / sum, network: networkMs / sum }
}

const shared = (ms: number, by: Parts): Parts => ({ network: ms * by.network, server: ms * by.server, client: ms * by.client })

/** What of the network it was, when something can be named. */
function detail(session: SessionFacts | undefined, turn: CarryingTurn): string {
  const parts: string[] = []
  if (turn.lost > 0) parts.push(`${turn.lost} ${turn.lost === 1 ? 'segment' : 'segments'} lost or sent again`)
  if (session?.rttMs != null) parts.push(`RTT ${say(session.rttMs)}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}

/** A service that was late to take up the request: its event loop was busy, or the connection waited to be accepted. */
function late(call: CarriedCall, session: SessionFacts | undefined, turn: CarryingTurn): string {
  // By the clock of one machine; a capture at the client adds the way there.
  const waited = Math.min(turn.serverMs, call.at - (turn.atMs + turn.requestMs) - (session?.point === 'server' ? 0 : (session?.rttMs ?? 0)))
  return waited > toleranceMs && waited > turn.serverMs / 2 ? `, of which ${say(waited)} passed before it took up the request` : ''
}

function say(ms: number): string {
  return ms < 1 ? `${ms.toFixed(2)} ms` : ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString('en')} ms`
}
