/** What to try, by what the record shows: for each cause its own advice, with the figures that call for it. */
import type { SessionRecord } from '../types.ts'
import {
  activeMs,
  lifeMs,
  lostOf,
  mainOf,
  neverOpened,
  pathOfAnswers,
  pathRtt,
  queueOf,
  resentOf,
  rttOf,
  seesPath,
  shareOfActive,
} from './facts.ts'
import { burstOf } from './phases.ts'
import { count, percent, rate, size, time, times, whole } from './words.ts'

const name = ['client', 'server'] as const
const other = (way: 0 | 1) => (way === 0 ? 1 : 0)

/** A cause is worth advice from this share of the active life. */
const shareMin = 0.15

export function adviceOf(record: SessionRecord): string[] {
  if (neverOpened(record)) return [opening(record)]
  const advice = [
    ...handshake(record),
    ...blackHole(record),
    ...loss(record),
    ...receiver(record),
    ...queue(record),
    ...slowStart(record),
    ...application(record),
    ...reordering(record),
    ...close(record),
  ]
  return advice
}

function opening({ handshake, server, directions, duration }: SessionRecord): string {
  const where = `port ${server.port} of ${server.address}`
  if (handshake.state === 'refused')
    return `See whether a program listens on ${where} (\`ss -ltn\` there), or whether a firewall rejects it.`
  if (directions[1].packets > 0) {
    return `The server answered and the client never went on: see whether SYN+ACKs reach the client (a firewall, another way back).`
  }
  const asked =
    handshake.synRetries > 0 ? `${count(handshake.synRetries + 1, 'SYN')} in ${time(duration * 1000)} and no answer` : 'No answer'
  return `${asked}: look for a firewall that drops, a missing route back, a host that is down, or an accept queue that is full (\`nstat TcpExtListenDrops\` on the server).`
}

function handshake(record: SessionRecord): string[] {
  const { synRetries, synAckRetries } = record.handshake
  const said: string[] = []
  if (synRetries > 0) {
    said.push(
      `The SYN went out ${times(synRetries + 1)}: look for loss on the way, a firewall that drops, or a full accept queue (\`nstat TcpExtListenOverflows\` on the server).`,
    )
  }
  if (synAckRetries > 0)
    said.push(
      `The SYN+ACK went out ${times(synAckRetries + 1)}: look for loss between server and client, or an asymmetric way through a firewall.`,
    )
  if (record.verdict.limit === 'handshake' && synRetries + synAckRetries === 0 && record.handshake.rttMs !== null) {
    said.push(
      `The handshake is ${percent(record.limits.handshake / Math.max(1e-9, lifeMs(record)))} of its life: keep connections open for several requests.`,
    )
  }
  return said
}

/** Full segments that vanish while small ones pass: sent again by timeout alone, at least so often. */
const blackHoleTimeouts = 3
/** Ethernet's MSS less what tunnels take; smaller segments pass where an MTU is too small. */
const fullSegment = 1200

function blackHole(record: SessionRecord): string[] {
  return ([0, 1] as const).flatMap((way) => {
    const { retransmissions, segmentBytesMax, goodBytes } = record.directions[way]
    const none = retransmissions.timeout >= blackHoleTimeouts && retransmissions.fast === 0 && retransmissions.share >= 0.5
    if (!none || segmentBytesMax < fullSegment || goodBytes > 20 * segmentBytesMax) return []
    return [
      `Segments of ${size(segmentBytesMax)} of the ${name[way]} were sent again and again while small ones passed: look for an MTU black hole (ICMP "fragmentation needed" filtered). Try \`ping -M do -s 1472\`, a clamped MSS or \`net.ipv4.tcp_mtu_probing=1\`.`,
    ]
  })
}

/** Loss is worth advice from here: at 0.5 % a loss-based sender is held to 17 segments a round trip. */
const lossShareMin = 0.005
/** Fewer lost segments are no trait of a path. */
const lostMin = 3
/** An outage takes more than a handful with it. */
const outageMin = 10

function loss(record: SessionRecord): string[] {
  const said: string[] = []
  let lossy = false
  for (const way of [0, 1] as const) {
    const direction = record.directions[way]
    const { timeout, fast, spurious, segments } = direction.retransmissions
    if (spurious >= 5 && spurious > 0.3 * segments) {
      said.push(
        `The ${name[way]} sent ${count(spurious, 'segment')} again in vain: delay varies more than its timers allow for, or packets are reordered. See that SACK and RACK are on (\`net.ipv4.tcp_recovery=1\`).`,
      )
    }
    const lost = lostOf(record, way)
    if (lost.segments < lostMin || (lost.share < lossShareMin && shareOfActive(record, record.limits.loss) < shareMin)) continue
    lossy = true
    said.push(lossOf(record, way, lost))
    if (timeout >= 3 && timeout > fast && !outageOf(record, way)) {
      said.push(
        `Of these ${whole(timeout)} waited for a timeout: too little is in flight for faster repair. See that tail-loss probes and RACK are on at the ${name[way]} (\`net.ipv4.tcp_early_retrans=3\`, \`tcp_recovery=1\`).`,
      )
    }
  }
  if (lossy && !record.handshake.sack && record.handshake.state === 'complete') {
    said.push(
      'SACK was not agreed: without it one round trip repairs one loss. Switch it on at both ends (`net.ipv4.tcp_sack=1`), or look for a firewall that strips it.',
    )
  }
  return said
}

const outageOf = (record: SessionRecord, way: 0 | 1) => {
  const burst = burstOf(record, way)
  return burst && burst.segments >= outageMin ? burst : null
}

/** Round trips that rise no further than this while segments are lost leave no room for a full queue. */
const flatRatio = 2

function lossOf(record: SessionRecord, way: 0 | 1, lost: ReturnType<typeof lostOf>): string {
  const who = `the ${name[way]}'s segments`
  const outage = outageOf(record, way)
  if (outage) {
    return `${whole(outage.segments)} of ${count(outage.of, 'segment')} were sent again between ${time(outage.fromMs)} and ${time(outage.toMs)}, most others before and after went through: an outage, not steady loss. See what happened on the path at that moment (change of route, roaming, failover).`
  }
  const share = `${percent(lost.share)} of ${who} (${whole(lost.segments)}) were lost`
  const rtt = rttOf(record.directions[way])
  if (rtt && seesPath(record, way)) {
    const queued = queueOf(record)
    if (queued && queued.ratio >= 3) {
      return `${share}, and round trips had grown to ${time(queued.toMs)} from ${time(queued.fromMs)}: a full queue drops them. An AQM at the bottleneck (fq_codel, CAKE) signals earlier and drops less; with ECN at both ends it need not drop at all.`
    }
    if (rtt.p95Ms < flatRatio * rtt.minMs) {
      return `${share} while round trips stayed at ${time(rtt.p50Ms)} (p95 ${time(rtt.p95Ms)}): that is no full queue. Look for errors of a link (\`ip -s link\`, \`ethtool -S\`), a radio link, or a policer that drops above its rate; a congestion control that bears random loss (BBR) helps the ${name[way]}.`
    }
  }
  return `${share}: look for errors of a link (\`ip -s link\`, \`ethtool -S\`), a radio link, a policer, or a full queue. Round trips under load tell which; a capture beside the ${name[way]} shows them best.`
}

function receiver(record: SessionRecord): string[] {
  const share = shareOfActive(record, record.limits.receiver)
  if (share < shareMin) return []
  const way = mainOf(record)
  const reader = other(way)
  const { receiveWindow, zeroWindows, windowScale } = record.directions[reader]
  const said: string[] = []
  const closed = shareOfActive(record, zeroWindows.timeMs)
  if (closed >= 0.05 || zeroWindows.count >= 5) {
    said.push(
      `The ${name[reader]}'s window was closed for ${time(zeroWindows.timeMs)}: its program does not read what has arrived. Look at what it waits for between reads (disk, database, a lock, CPU), not at the network.`,
    )
    if (closed >= share / 2) return said
  }
  const rtt = pathRtt(record)
  const window = receiveWindow?.maxBytes ?? null
  // A window that was never near full limits nothing.
  if (window === null || record.directions[way].bytesInFlight.max < window / 2) return said
  const allows = rtt && rtt.p50Ms > 0 ? (window * 8000) / rtt.p50Ms : null
  const most = `at most ${size(window)}${allows !== null && rtt ? `, which over ${time(rtt.p50Ms)} allows ${rate(allows)}` : ''}`
  if (window < 65_536 && record.handshake.state === 'complete' && !record.handshake.windowScaling) {
    const who = windowScale === null ? `the ${name[reader]}` : `the ${name[way]}`
    said.push(
      `The ${name[reader]} offers ${most}; without window scaling it cannot offer more. See why ${who} does not offer it (\`net.ipv4.tcp_window_scaling\`), or whether a firewall strips it.`,
    )
    return said
  }
  const { linkBps } = record.ceilings
  const needed = linkBps !== null && rtt && linkBps > (allows ?? 0) ? (linkBps * rtt.p50Ms) / 8000 : null
  const how = needed !== null ? ` To fill a path of ${rate(linkBps ?? 0)} it needs ${size(needed)}.` : ''
  said.push(
    `The ${name[reader]} offers ${most}.${how} Raise its receive buffer (\`net.ipv4.tcp_rmem\`), and look for a program that sets SO_RCVBUF, which switches the kernel's own growth off.`,
  )
  return said
}

/** A shorter queue is worth a word only where the path is full for a good part of the time. */
const queueWorthMs = 150

function queue(record: SessionRecord): string[] {
  const queued = queueOf(record)
  if (!queued || queued.ratio < 3) return []
  if (queued.waitMs < queueWorthMs && shareOfActive(record, record.limits.bandwidth) < 0.25) return []
  const way = mainOf(record)
  // Resends with a queue have their advice already.
  if (resentOf(record.directions[way]).share >= lossShareMin) return []
  const bps = record.ceilings.linkBps ?? (activeMs(record) > 0 ? (record.directions[way].bytes * 8000) / activeMs(record) : null)
  const holds = bps !== null ? `, about ${size(((queued.toMs - queued.fromMs) * bps) / 8000)} at ${rate(bps)}` : ''
  return [
    `A queue of up to ${time(queued.toMs - queued.fromMs)} stands before the bottleneck${holds}. Put fq_codel or CAKE there, or shape to slightly less just before it: the rate stays, the wait goes.`,
  ]
}

function slowStart(record: SessionRecord): string[] {
  if (record.verdict.limit !== 'slowStart') return []
  const way = mainOf(record)
  const { initialWindowBytes, goodBytes, mss } = record.directions[way]
  const said = [
    `The ${size(goodBytes)} were through before the rate had grown: keep the connection open for the next transfer, which then starts at the rate that this one reached.`,
  ]
  // Beside the receiver each segment is answered before the next is seen.
  if (seesPath(record, way) && initialWindowBytes > 0 && mss !== null && initialWindowBytes < 9 * mss && goodBytes > 10 * mss) {
    said.push(
      `The ${name[way]} began with ${size(initialWindowBytes)}, ${count(Math.round(initialWindowBytes / mss), 'segment')}; ten are usual (RFC 6928).`,
    )
  }
  return said
}

/** Of all turns together; less is nobody's trouble. */
const thinkingMinMs = 200

/** Nagle's wait for a delayed acknowledgement: 40 ms on Linux, 200 ms on Windows. */
const nagle = [
  [38, 50],
  [190, 215],
] as const

function application(record: SessionRecord): string[] {
  const said: string[] = []
  const { turns } = record
  const request = turns.requestMs?.p50Ms ?? 0
  if (
    turns.count >= 3 &&
    nagle.some(([low, high]) => request >= low && request <= high) &&
    record.directions[0].goodBytes / turns.count < 3000
  ) {
    said.push(
      `A request of ${size(record.directions[0].goodBytes / turns.count)} takes ${time(request)} to leave: its second part waits for a delayed acknowledgement. Write it at once, or set TCP_NODELAY.`,
    )
  }
  if (record.verdict.limit !== 'application') return said
  const way = mainOf(record)
  const rtt = pathRtt(record)
  const { serverMs } = turns
  if (turns.count >= 2 && serverMs) {
    // What the path takes of each answer's wait is not the server's.
    const far = pathOfAnswers(record)
    const thinking = Math.max(0, serverMs.meanMs - far) * serverMs.samples
    const roundTrips = rtt ? rtt.p50Ms * turns.count : 0
    if (thinking >= thinkingMinMs && thinking >= 0.3 * activeMs(record) && thinking >= roundTrips) {
      said.push(
        `Over ${count(turns.count, 'turn')} the server took ${time(thinking)} to begin its answers, ${time(thinking / serverMs.samples)} each: look at the server, not at the network.`,
      )
    } else if (rtt && roundTrips >= thinkingMinMs && roundTrips >= 0.3 * activeMs(record) && turns.count >= 5) {
      said.push(
        `${count(turns.count, 'turn')} wait a round trip of ${time(rtt.p50Ms)} each: ask for several things at once (pipelining, a batch, HTTP/2), or serve from nearer.`,
      )
    }
    return said
  }
  const { dataPackets, goodBytes, mss } = record.directions[way]
  const each = dataPackets > 0 ? goodBytes / dataPackets : 0
  if (activeMs(record) < thinkingMinMs) return said
  if (dataPackets >= 20 && each < (mss ?? 1460) / 2) {
    said.push(
      `The ${name[way]} sends ${size(each)} a packet and then waits: gather small writes into larger ones, or send the next before the last is answered.`,
    )
  } else if (dataPackets > 0)
    said.push(
      `The ${name[way]}'s program writes too little to fill the path: look at what it waits for between writes (its source, a lock, a pause of its own).`,
    )
  return said
}

/** From here reordering makes senders resend in vain and hold back. */
const reorderedShareMin = 0.005

function reordering(record: SessionRecord): string[] {
  return ([0, 1] as const).flatMap((way) => {
    const { reordered, dataPackets } = record.directions[way]
    if (reordered < 5 || reordered < reorderedShareMin * dataPackets) return []
    return [
      `${count(reordered, 'segment')} of the ${name[way]} overtook one another (${percent(reordered / dataPackets)}): look for load balancing packet by packet, bonded links, or a radio link that repeats.`,
    ]
  })
}

/** Firewalls forget silent sessions after a minute at the earliest. */
const forgottenMs = 60_000

function close(record: SessionRecord): string[] {
  if (record.close !== 'resetByServer' && record.close !== 'resetByClient') return []
  if (record.idle.longestMs < forgottenMs) return []
  return [
    `It was reset after silences of up to ${time(record.idle.longestMs)}: a firewall or load balancer may have forgotten it. Send keep-alives more often than that, or close idle connections first.`,
  ]
}
