/** What limited a session most, in one sentence with its figures, and what each limit would allow. */
import { percent, rate, size, time, times, whole } from '../quality/words.ts'
import type { Conversation, Side } from '../side.ts'
import { type Limit, limits, type SessionRecord } from '../types.ts'
import type { Stream } from './stream.ts'

type Judged = Pick<SessionRecord, 'verdict' | 'ceilings'>

/** More than this is sent again: the path is named as lossy even where the link was full for longer (Siekkinen et al.: 0.01). */
const resentShareMax = 0.01
/** But not for a loss that cost less than this part of the life, nor for the drops of a full queue, which silence nobody for long. */
const lossShareMin = 0.25
const stallShareMin = 0.1

/** A session with what its clocks found. */
export type Judging = Conversation & {
  readonly limits: { readonly a: Stream | undefined; readonly b: Stream | undefined; readonly idleLongestNs: number }
  readonly turns: { readonly count: number }
}

export function verdictOf(session: Judging, ns: Readonly<Record<Limit, number>>, endNs: number): Judged {
  const ends = endsOf(session)
  const main = ends.main
  const ceilings = main === undefined ? noCeilings : ceilingsOf(main)
  const spoken = session.a.dataPackets + session.b.dataPackets
  const oneSided = session.a.packets === 0 || session.b.packets === 0
  if (endNs <= 0) return none('It is one packet, or all of it came at the same time.')
  if (spoken === 0 && ns.idle < ns.handshake) {
    if (session.openAt >= 0) return none('It was opened, and nothing was sent on it.')
    const syns = session.a.synRetries + session.b.synRetries
    return {
      ceilings,
      verdict: {
        limit: 'handshake',
        share: ns.handshake / endNs,
        because: `It was never open: ${syns > 0 ? `after ${time(endNs / 1e6)} and ${whole(syns)} more attempts` : `for ${time(endNs / 1e6)}`} no data had passed.`,
      },
    }
  }
  if (oneSided && spoken > 0) return none('Only one direction was captured, so nobody can tell what the other end knew or allowed.')
  const limit = mostOf(session, ns, endNs)
  if (ends.main === undefined && limit !== 'idle' && limit !== 'handshake') return none('No data was seen in it.')
  return { ceilings, verdict: { limit, share: ns[limit] / endNs, because: `${sayOf(limit, session, ends, ns, endNs, ceilings)}.` } }

  function none(because: string): Judged {
    return { ceilings, verdict: { limit: 'none', share: 0, because } }
  }
}

function mostOf(session: Judging, ns: Readonly<Record<Limit, number>>, endNs: number): Limit {
  let most: Limit = 'handshake'
  for (const limit of limits) if (ns[limit] > ns[most]) most = limit
  if (most !== 'bandwidth' && most !== 'slowStart') return most
  const data = session.a.dataPackets + session.b.dataPackets
  const resent = (session.limits.a?.resent ?? 0) + (session.limits.b?.resent ?? 0)
  const stalled = (session.limits.a?.stallNs ?? 0) + (session.limits.b?.stallNs ?? 0)
  return resent > resentShareMax * data && ns.loss > lossShareMin * endNs && stalled > stallShareMin * endNs ? 'loss' : most
}

// --- The direction that a sentence is about

type End = { readonly stream: Stream; readonly mine: Side; readonly theirs: Side; readonly who: string; readonly other: string }
type Ends = { readonly all: readonly End[]; readonly main: End | undefined }

function endsOf(session: Judging): Ends {
  const { a, b } = session
  const [nameA, nameB] = session.aIsClient ? ['the client', 'the server'] : ['the server', 'the client']
  const all: End[] = []
  if (session.limits.a !== undefined) all.push({ stream: session.limits.a, mine: a, theirs: b, who: nameA, other: nameB })
  if (session.limits.b !== undefined) all.push({ stream: session.limits.b, mine: b, theirs: a, who: nameB, other: nameA })
  const [one, other] = all
  return { all, main: one !== undefined && other !== undefined && other.mine.bytes > one.mine.bytes ? other : one }
}

function most([one, other]: readonly End[], of: (end: End) => number): End | undefined {
  return one !== undefined && other !== undefined && of(other) > of(one) ? other : one
}

/** The shortest round trip over both parts of the path, ns; 0 unknown. */
const floorOf = ({ stream, mine }: End): number => Math.max(0, mine.evidence.minRttNs) + stream.wayNs
const usualOf = ({ stream, mine }: End): number => Math.max(0, mine.evidence.srttNs) + stream.wayNs

// --- Ceilings

const noCeilings = { receiverBps: null, lossBps: null, linkBps: null }
/** Mathis, Semke, Mahdavi, Ott: The macroscopic behavior of the TCP congestion avoidance algorithm, 1997: sqrt(3/2). */
const mathis = 1.22

/**
 * Window / round trip; MSS / round trip * 1.22 / sqrt(loss), where the loss is of periods of recovery; and what arrived a
 * round trip while a queue stood before the link (its acknowledgements come as the link lets segments through).
 */
function ceilingsOf(end: End): SessionRecord['ceilings'] {
  const { stream, mine, theirs } = end
  const floor = floorOf(end)
  const usual = usualOf(end) || floor
  const segment = stream.segment(mine, theirs)
  const lossShare = mine.bytes > 0 ? (stream.recoveries * segment) / mine.bytes : 0
  return {
    receiverBps: floor > 0 && stream.windowTop > 0 && theirs.scale !== -1 ? (stream.windowTop * 8e9) / floor : null,
    lossBps: usual > 0 && lossShare > 0 ? (segment * 8e9 * mathis) / (usual * Math.sqrt(Math.min(1, lossShare))) : null,
    linkBps: stream.linkNs > 0 && stream.linkBytes > 0 ? (stream.linkBytes * 8e9) / stream.linkNs : null,
  }
}

// --- Sentences

function sayOf(
  limit: Limit,
  session: Judging,
  ends: Ends,
  ns: Readonly<Record<Limit, number>>,
  endNs: number,
  ceilings: SessionRecord['ceilings'],
): string {
  const share = percent(ns[limit] / endNs)
  const took = time(ns[limit] / 1e6)
  switch (limit) {
    case 'handshake': {
      const again = session.a.synRetries + session.b.synRetries
      return `Opening it took ${took} of ${time(endNs / 1e6)} (${share})${again > 0 ? `, with ${whole(again)} repeated SYN` : ''}`
    }
    case 'receiver':
      return sayReceiver(most(ends.all, (end) => end.stream.receiverNs) as End, share, took)
    case 'loss':
      return sayLoss(most(ends.all, (end) => end.stream.lossNs) as End, share, took, ceilings)
    case 'bandwidth':
      return sayBandwidth(most(ends.all, (end) => end.stream.bandwidthNs) as End, share, took)
    case 'slowStart': {
      const end = most(ends.all, (one) => one.stream.slowStartNs) ?? (ends.main as End)
      const round = floorOf(end)
      return `For ${took} (${share}) ${end.who}'s window was still growing, a round trip${round > 0 ? ` of ${time(round / 1e6)}` : ''} at a time: it sent ${size(end.mine.bytes)}, too little to reach the speed of the path`
    }
    case 'application':
      return sayApplication(session, ends, share, took)
    case 'idle':
      return sayIdle(session, ns, share, took)
  }
}

function sayReceiver(end: End, share: string, took: string): string {
  const { stream, mine, theirs, who, other } = end
  const closed = theirs.zeroWindows
  const round = floorOf(end)
  if (closed > 0 && theirs.zeroNs * 2 > stream.receiverNs)
    return `For ${took} (${share}) ${other} had no room: it closed its window ${times(closed)}, because its program did not read`
  const allows =
    round > 0 && stream.windowTop > 0
      ? `, at most ${size(stream.windowTop)} a round trip of ${time(round / 1e6)}: ${rate((stream.windowTop * 8e9) / round)}`
      : ''
  void mine
  return `For ${took} (${share}) ${who} had filled the window that ${other} offered${allows}`
}

function sayLoss({ stream, mine }: End, share: string, took: string, { lossBps }: SessionRecord['ceilings']): string {
  const timers = stream.timeouts > 0 ? `, ${whole(stream.timeouts)} of them after a timer had run out` : ''
  const allows = lossBps === null ? '' : `; so much loss allows ${rate(lossBps)}`
  const lost = percent(stream.resent / Math.max(1, mine.dataPackets))
  return `${whole(stream.resent)} segments were lost or sent again (${lost})${timers}: recovery, and the smaller window after it, took ${took} (${share})${allows}`
}

function sayBandwidth(end: End, share: string, took: string): string {
  const { stream } = end
  const speed = stream.linkNs > 0 && stream.linkBytes > 0 ? ` at ${rate((stream.linkBytes * 8e9) / stream.linkNs)}` : ''
  const queue =
    stream.queueRounds > 0
      ? `: the queue before it made a round trip ${time(stream.queueRttNs / stream.queueRounds / 1e6)} instead of ${time(floorOf(end) / 1e6)}`
      : ': segments left one by one, though neither window nor loss held them back'
  return `The link was full for ${took} (${share})${speed}${queue}`
}

function sayApplication(session: Judging, ends: Ends, share: string, took: string): string {
  const slower = most(ends.all, (end) => end.stream.applicationNs) ?? (ends.main as End)
  const turns = ends.all.length > 1 && session.turns.count > 0 ? ` in ${whole(session.turns.count)} turns` : ''
  return `For ${took} (${share}) nothing was held back by the network: it waited for ${slower.who} to send more (${size(slower.mine.bytes)}${turns})`
}

function sayIdle(session: Judging, ns: Readonly<Record<Limit, number>>, share: string, took: string): string {
  const others = limits.filter((limit) => limit !== 'idle')
  const active = others.reduce((sum, limit) => sum + ns[limit], 0)
  const next = others.reduce((best, limit) => (ns[limit] > ns[best] ? limit : best))
  const rest = active > 0 ? `; of the rest, ${percent(ns[next] / active)} is ${wordOf[next]}` : ''
  const longest = time(Math.max(session.limits.idleLongestNs, 0) / 1e6)
  return `Neither end had anything to say for ${took} (${share}), ${longest} at the longest${rest}`
}

const wordOf: Readonly<Record<Limit, string>> = {
  handshake: 'the handshake',
  slowStart: 'slow start',
  application: 'waiting for the programs',
  receiver: "the receiver's window",
  loss: 'loss',
  bandwidth: "the link's bandwidth",
  idle: 'silence',
}
