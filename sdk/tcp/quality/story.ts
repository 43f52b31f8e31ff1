/** A session's story in words: what happened when, what limited it, what to try, how far to trust it. Only what the record shows. */
import { type Endpoint, type Limit, limits, type SessionRecord } from '../types.ts'
import { adviceOf } from './advice.ts'
import { activeMs, lifeMs, mainOf, neverOpened, pathRtt, pathWay, queueOf } from './facts.ts'
import { burstOf, longestSilence, slowestRoundTrip, stretchesOf } from './phases.ts'
import type { Sentence, Story } from './types.ts'
import { count, list, percent, rate, size, time, times, whole } from './words.ts'

const name = ['client', 'server'] as const
const other = (way: 0 | 1) => (way === 0 ? 1 : 0)

export function storyOf(record: SessionRecord): Story {
  const happened = [...opening(record), ...(neverOpened(record) ? [] : course(record)), ...closing(record)]
  return [
    // What has a moment in time's order, then what is of the whole.
    ...happened.filter(({ at }) => at !== undefined).sort((x, y) => (x.at ?? 0) - (y.at ?? 0)),
    ...happened.filter(({ at }) => at === undefined),
    ...limiting(record).map((text): Sentence => ({ kind: 'limits', text })),
    ...adviceOf(record).map((text): Sentence => ({ kind: 'try', text })),
    ...trust(record).map((text): Sentence => ({ kind: 'trust', text })),
  ]
}

/** The session in one line: grade and score, what was carried, what limited it. */
export function summaryOf(record: SessionRecord): string {
  const { grade, value } = record.score
  return `${grade[0]?.toUpperCase()}${grade.slice(1)} (${value}): ${carriedOf(record)}. ${record.verdict.because}`
}

function carriedOf(record: SessionRecord): string {
  const { handshake, duration } = record
  const within = time(duration * 1000)
  if (neverOpened(record)) {
    if (handshake.state === 'refused') return `refused after ${within}`
    return handshake.state === 'reset' ? `reset after ${within}, before it was open` : `never opened in ${within}`
  }
  const way = mainOf(record)
  const [main, back] = [record.directions[way], record.directions[other(way)]]
  if (main.goodBytes === 0) return `no data in ${within}`
  const answered = back.goodBytes > 0 ? `, ${size(back.goodBytes)} the other way` : ''
  return `${size(main.goodBytes)} from ${name[way]} to ${name[other(way)]}${answered}, in ${within}`
}

const happened = (text: string, at?: number): Sentence =>
  at === undefined ? { kind: 'happened', text } : { at: Math.round(at * 1000) / 1000, kind: 'happened', text }
const address = ({ address, port }: Endpoint) => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

function opening(record: SessionRecord): Sentence[] {
  const { handshake, client, server, duration, directions } = record
  const ends = `${address(client)} to ${address(server)}`
  const lifeText = time(duration * 1000)
  if (handshake.state === 'none') return [happened(`The capture begins in mid-session, ${ends}.`, 0)]
  const said = [happened(`SYN, ${ends}.`, 0)]
  if (handshake.synRetries > 0) said.push(happened(`The SYN was sent ${times(handshake.synRetries + 1)} in all.`))
  if (handshake.state === 'refused') return [...said, happened(`The server refused it by a reset.`, duration * 1000)]
  if (handshake.state === 'halfOpen' && neverOpened(record)) {
    if (directions[1].packets > 0)
      return [
        ...said,
        happened(
          `The server answered${handshake.serverMs === null ? '' : ` after ${time(handshake.serverMs)}`}; the client did not go on.`,
        ),
      ]
    return [...said, happened(duration > 0 ? `Nothing came back within ${lifeText}.` : 'Nothing came back while the capture ran.')]
  }
  if (handshake.serverMs !== null) {
    const again = handshake.synAckRetries > 0 ? `, ${times(handshake.synAckRetries + 1)} in all` : ''
    said.push(happened(`SYN+ACK after ${time(handshake.serverMs)}${again}.`, handshake.serverMs))
  }
  if (handshake.rttMs !== null && handshake.clientMs !== null) {
    const agreed = [
      ...(handshake.sack ? ['SACK'] : []),
      ...(handshake.timestamps ? ['timestamps'] : []),
      ...(handshake.windowScaling ? ['window scaling'] : []),
      ...(handshake.ecn ? ['ECN'] : []),
    ]
    const both = agreed.length > 0 ? `both offered ${list(agreed)}` : 'no options in common'
    said.push(
      happened(
        `Open: a round trip of ${time(handshake.rttMs)}; ${both}${mssText(record)}${handshake.fastOpen ? '; data travelled in the SYN' : ''}.`,
        handshake.rttMs,
      ),
    )
  }
  return said
}

function mssText({ directions }: SessionRecord): string {
  const [client, server] = [directions[0].mss, directions[1].mss]
  if (client === null || server === null) return ''
  return client === server ? `; MSS ${client}` : `; MSS ${client} by the client, ${server} by the server`
}

/** More stretches than this are told as their number. */
const stretchesMax = 4

function course(record: SessionRecord): Sentence[] {
  const stretches = stretchesOf(record)
  return [
    ...data(record, stretches),
    ...turns(record),
    ...roundTrips(record),
    ...resends(record),
    ...windows(record),
    ...silences(record, stretches),
  ]
}

function data(record: SessionRecord, stretches: ReturnType<typeof stretchesOf>): Sentence[] {
  const first = stretches[0]
  if (!first) return [happened('No data was sent.')]
  const said: Sentence[] = []
  const [client, server] = first.bytes
  if (record.handshake.state !== 'none' && (client === 0 || server === 0)) {
    // An interval is as exact as it gets: within the first nobody is said to be first.
    said.push(happened(`The ${client > 0 ? 'client' : 'server'} spoke first.`))
  }
  for (const way of [mainOf(record), other(mainOf(record))] as const) {
    const { goodBytes, goodputPeakBps, dataPackets, bytesInFlight } = record.directions[way]
    if (goodBytes === 0) continue
    const active = activeMs(record)
    const bps = active > 0 ? (goodBytes * 8000) / active : 0
    const bulk = goodBytes >= 100_000
    const speed =
      bulk && bps > 0
        ? `, ${rate(bps)} while active${goodputPeakBps > 1.2 * bps ? `, ${rate(goodputPeakBps)} at best` : ''}; at most ${size(bytesInFlight.max)} in flight`
        : ''
    said.push(happened(`The ${name[way]} sent ${size(goodBytes)} in ${count(dataPackets, 'packet')}${speed}.`))
  }
  if (stretches.length > 1 && stretches.length <= stretchesMax) {
    for (const { fromMs, toMs, bytes } of stretches) {
      const what = ([0, 1] as const).filter((way) => bytes[way] > 0).map((way) => `${size(bytes[way])} from the ${name[way]}`)
      said.push(happened(`${list(what)} until ${time(toMs)}.`, fromMs))
    }
  } else if (stretches.length > stretchesMax)
    said.push(happened(`It came in ${count(stretches.length, 'stretch', 'stretches')} with silence between them.`))
  return said
}

function turns({ turns: { count: n, serverMs, requestMs, responseMs } }: SessionRecord): Sentence[] {
  if (n === 0 || !serverMs) return []
  if (n === 1) {
    return [
      happened(
        `One turn: the request took ${time(requestMs?.p50Ms ?? 0)} to send, the server ${time(serverMs.p50Ms)} to begin its answer, the answer ${time(responseMs?.p50Ms ?? 0)}.`,
      ),
    ]
  }
  return [
    happened(
      `${count(n, 'turn')}: the server began its answer after ${time(serverMs.p50Ms)} (median; p95 ${time(serverMs.p95Ms)}, longest ${time(serverMs.maxMs)}); answers took ${time(responseMs?.p50Ms ?? 0)} (p95 ${time(responseMs?.p95Ms ?? 0)}).`,
    ),
  ]
}

function roundTrips(record: SessionRecord): Sentence[] {
  const rtt = pathRtt(record)
  if (!rtt || rtt.samples < 3) return []
  const said = [
    happened(
      `Round trips: ${time(rtt.minMs)} at best, ${time(rtt.p50Ms)} median, ${time(rtt.p95Ms)} p95, of ${count(rtt.samples, 'sample')}.`,
    ),
  ]
  const slowest = slowestRoundTrip(record, pathWay(record))
  if (queueOf(record) && slowest && slowest.rttMs >= 3 * rtt.minMs)
    said.push(
      happened(
        `The round trip had grown to ${time(slowest.rttMs)}, ${whole(slowest.rttMs / Math.max(rtt.minMs, 0.001))} times its shortest.`,
        slowest.atMs,
      ),
    )
  return said
}

function resends(record: SessionRecord): Sentence[] {
  const said: Sentence[] = []
  for (const way of [0, 1] as const) {
    const { retransmissions: sent, dataPackets, lostBefore, reordered, lostSegments } = record.directions[way]
    if (sent.segments > 0) {
      const kinds = [
        [sent.fast, 'by fast retransmission'],
        [sent.timeout, 'after a timeout'],
        [sent.tail, 'as tail-loss probes'],
        [sent.spurious, 'in vain'],
      ] as const
      const how = list(kinds.filter(([n]) => n > 0).map(([n, kind]) => `${whole(n)} ${kind}`))
      said.push(
        happened(
          `${whole(sent.segments)} of ${count(dataPackets, 'data segment')} of the ${name[way]} ${sent.segments === 1 ? 'was' : 'were'} sent again (${percent(sent.share)}): ${how}.`,
        ),
      )
    }
    if (lostBefore > 0)
      said.push(
        happened(
          `${count(lostBefore, 'segment')} of the ${name[way]} ${lostBefore === 1 ? 'was' : 'were'} lost on the way to the capture point and came when sent again.`,
        ),
      )
    const burst = burstOf(record, way)
    if (burst)
      said.push(
        happened(
          `Until ${time(burst.toMs)} the ${name[way]} sent ${whole(burst.segments)} segments again, of ${whole(burst.of)} in all.`,
          burst.fromMs,
        ),
      )
    if (reordered > 0) said.push(happened(`${count(reordered, 'segment')} of the ${name[way]} came out of order, late but not lost.`))
    if (lostSegments > 0 && lostBefore === 0 && record.directions[way].ackedUnseen.segments > 0) {
      said.push(
        happened(
          `${count(lostSegments, 'gap')} in what the ${name[way]} sent ${lostSegments === 1 ? 'was' : 'were'} acknowledged: the capture missed them, the network did not.`,
        ),
      )
    }
  }
  return said
}

function windows(record: SessionRecord): Sentence[] {
  return ([0, 1] as const).flatMap((way) => {
    const { zeroWindows, windowFull } = record.directions[way]
    const said: Sentence[] = []
    if (zeroWindows.count > 0) {
      const probes = zeroWindows.probes > 0 ? `; the ${name[other(way)]} probed it ${times(zeroWindows.probes)}` : ''
      said.push(
        happened(`The ${name[way]} closed its window ${times(zeroWindows.count)}, for ${time(zeroWindows.timeMs)} in all${probes}.`),
      )
    }
    if (windowFull > 0) said.push(happened(`The ${name[way]} filled the ${name[other(way)]}'s window ${times(windowFull)}.`))
    return said
  })
}

/** A silence worth a sentence. */
const silenceMs = 500

function silences(record: SessionRecord, stretches: ReturnType<typeof stretchesOf>): Sentence[] {
  const said: Sentence[] = []
  const silence = longestSilence(stretches, record.series.stepMs)
  if (silence && silence.toMs - silence.fromMs >= silenceMs)
    said.push(happened(`Nobody sent data for about ${time(silence.toMs - silence.fromMs)}.`, silence.fromMs))
  if (record.idle.totalMs >= silenceMs) {
    said.push(
      happened(
        `Both ends were idle for ${time(record.idle.totalMs)} in all, ${percent(Math.min(1, record.idle.totalMs / Math.max(lifeMs(record), 1e-9)))} of its life, ${time(record.idle.longestMs)} at a stretch.`,
      ),
    )
  }
  const kept = record.directions[0].keepAlives + record.directions[1].keepAlives
  if (kept > 0) said.push(happened(`${count(kept, 'keep-alive')} held it open.`))
  return said
}

const closes = {
  fin: 'Both ends closed it.',
  halfClosed: 'One end closed its direction; the other was still open when the capture ended.',
  resetByClient: 'The client reset it.',
  resetByServer: 'The server reset it.',
  open: 'It was still open when the capture ended.',
} as const

function closing(record: SessionRecord): Sentence[] {
  const { state } = record.handshake
  if (neverOpened(record) && (state === 'refused' || record.close === 'open')) return []
  return [happened(closes[record.close], lifeMs(record))]
}

export const limitWords: Readonly<Record<Limit, string>> = {
  handshake: 'handshake',
  slowStart: 'slow start',
  application: 'sending application',
  receiver: 'receiver',
  loss: 'repair of loss',
  bandwidth: 'bandwidth',
  idle: 'idle',
}

function limiting(record: SessionRecord): string[] {
  const said = [record.verdict.because]
  const life = lifeMs(record)
  if (neverOpened(record) || life <= 0) return said
  const shares = limits
    .map((limit) => [limit, record.limits[limit] / life] as const)
    .filter(([, share]) => share >= 0.005)
    .sort((x, y) => y[1] - x[1])
  if (shares.length > 1) said.push(`Its ${time(life)}: ${list(shares.map(([limit, share]) => `${percent(share)} ${limitWords[limit]}`))}.`)
  const { receiverBps, lossBps, linkBps } = record.ceilings
  const ceilings = [
    [receiverBps, 'by the receive window'],
    [lossBps, 'by loss'],
    [linkBps, 'by the link'],
  ] as const
  const known = ceilings.flatMap(([bps, by]) => (bps === null ? [] : [`${rate(bps)} ${by}`]))
  if (known.length > 0 && record.directions[mainOf(record)].goodBytes >= 100_000) said.push(`Ceilings: ${list(known)}.`)
  return said
}

function trust(record: SessionRecord): string[] {
  const { quality, score } = record
  const where =
    quality.point === 'client' || quality.point === 'server'
      ? [`Captured beside the ${quality.point}.`]
      : quality.point === 'between'
        ? ['Captured between the two ends: round trips are those of the longer part of the path.']
        : []
  // An attempt that nothing answered has one direction and lacks none.
  const sentences = neverOpened(record) ? [] : quality.sentences
  return [
    ...where,
    ...sentences,
    `Confidence ${score.confidence}: ${score.confidenceBecause[0]?.toLowerCase()}${score.confidenceBecause.slice(1)}`,
  ]
}
