/** A session's story in words: what happened when, what limited it, what to try, how far to trust it. Only what the record shows. */
import { type Distribution, type Endpoint, type Limit, limits, type SessionRecord } from '../types.ts'
import { adviceOf } from './advice.ts'
import { activeMs, lifeMs, mainOf, neverOpened, pathOfAnswers, pathRtt, pathWay, queueOf } from './facts.ts'
import { burstOf, pauseMs, slowestRoundTrip, type Stretch, stretchesOf } from './phases.ts'
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
    if (handshake.state === 'reset') return `reset after ${within}, before it was open`
    return duration > 0 ? `never opened in ${within}` : 'a SYN and nothing after it'
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

/** Null: it speaks alone, nobody knows, or both spoke in one interval, which is as exact as it gets. */
function firstSpeaker({ series, handshake, directions }: SessionRecord): 0 | 1 | null {
  if (handshake.state === 'none' || directions[0].goodBytes === 0 || directions[1].goodBytes === 0) return null
  const [client, server] = series.directions.map(({ bytes }) => bytes.findIndex((one) => one > 0))
  return client === undefined || server === undefined || client === server ? null : client < server ? 0 : 1
}

function data(record: SessionRecord, stretches: readonly Stretch[]): Sentence[] {
  const first = stretches[0]
  if (!first) return [happened('No data was sent.')]
  const said: Sentence[] = []
  const speaker = firstSpeaker(record)
  if (speaker !== null) said.push(happened(`The ${name[speaker]} spoke first.`))
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
    for (const { fromMs, toMs, goodBytes } of stretches) {
      const what = ([0, 1] as const).filter((way) => goodBytes[way] > 0).map((way) => `${size(goodBytes[way])} from the ${name[way]}`)
      if (what.length === 0) what.push('only what had been sent before')
      said.push(happened(`Data until ${time(toMs)}: ${list(what)}.`, fromMs))
    }
  } else if (stretches.length > stretchesMax)
    said.push(
      happened(`Data came in ${count(stretches.length, 'stretch', 'stretches')}, with ${time(pauseMs)} and more of silence between them.`),
    )
  return said
}

/** With fewer a p95 is no more than the longest. */
const samplesMin = 20

/** `14 ms (median; p95 61 ms)`. */
function usual({ samples, p50Ms, p95Ms, maxMs }: Distribution): string {
  if (samples === 1) return time(p50Ms)
  return `${time(p50Ms)} (median; ${samples >= samplesMin ? `p95 ${time(p95Ms)}, ` : ''}longest ${time(maxMs)})`
}

function turns(record: SessionRecord): Sentence[] {
  const { count: n, serverMs, requestMs, responseMs } = record.turns
  if (n === 0 || !serverMs) return []
  const asked = requestMs && requestMs.p50Ms >= 1 ? `the request took ${usual(requestMs)} to send, ` : ''
  // Beside the client a part of each answer's wait is the path's.
  const far = pathOfAnswers(record)
  const path = far >= 1 && far > 0.1 * serverMs.p50Ms ? `, the path's ${time(far)} included` : ''
  const answered = responseMs && responseMs.p50Ms >= 1 ? `; ${n === 1 ? 'the answer' : 'answers'} took ${usual(responseMs)}` : ''
  return [
    happened(
      `${n === 1 ? 'One turn' : count(n, 'turn')}: ${asked}the first byte of the answer came after ${usual(serverMs)}${path}${answered}.`,
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
    said.push(happened(`The round trip had grown to ${time(slowest.rttMs)}, from ${time(rtt.minMs)} at best.`, slowest.atMs))
  return said
}

function resends(record: SessionRecord): Sentence[] {
  const said: Sentence[] = []
  for (const way of [0, 1] as const) {
    const { retransmissions: sent, lostBefore, reordered, lostSegments } = record.directions[way]
    if (sent.segments > 0) {
      const kinds = [
        [sent.fast, 'by fast retransmission'],
        [sent.timeout, 'after a timeout'],
        [sent.tail, sent.tail === 1 ? 'as a tail-loss probe' : 'as tail-loss probes'],
        [sent.spurious, 'in vain'],
      ] as const
      const seen = kinds.filter(([n]) => n > 0)
      const how =
        seen.length === 1 ? `${sent.segments === 1 ? '' : 'all '}${seen[0]?.[1]}` : list(seen.map(([n, kind]) => `${whole(n)} ${kind}`))
      // SYN and FIN are sent again too, be there data or not.
      const share = sent.share > 0 ? ` (${percent(sent.share)} of those with data)` : ', none of them with data'
      said.push(happened(`The ${name[way]} sent ${count(sent.segments, 'segment')} again${share}: ${how}.`))
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
          `${count(lostSegments, 'gap')} in what the ${name[way]} sent ${lostSegments === 1 ? 'was' : 'were'} acknowledged: the capture missed ${lostSegments === 1 ? 'it' : 'them'}, the network did not.`,
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

function silences(record: SessionRecord, stretches: readonly Stretch[]): Sentence[] {
  const said: Sentence[] = []
  const pauses = stretches.slice(1).map(({ fromMs }, i) => ({ fromMs: stretches[i]?.toMs ?? 0, toMs: fromMs }))
  const longest = pauses.sort((x, y) => y.toMs - y.fromMs - (x.toMs - x.fromMs))[0]
  if (longest) said.push(happened(`Nobody sent data for about ${time(longest.toMs - longest.fromMs)}.`, longest.fromMs))
  if (record.idle.totalMs >= pauseMs) {
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

const limitWords: Readonly<Record<Limit, string>> = {
  handshake: 'handshake',
  slowStart: 'slow start',
  application: 'sending application',
  receiver: 'receiver',
  loss: 'repair of loss',
  bandwidth: 'bandwidth',
  idle: 'idle',
}

/** A ceiling so many times above the best that was reached limits nothing. */
const farAbove = 50

function limiting(record: SessionRecord): string[] {
  const said = [record.verdict.because]
  const life = lifeMs(record)
  if (neverOpened(record) || life <= 0) return said
  const shares = limits
    .map((limit) => [limit, record.limits[limit] / life] as const)
    .filter(([, share]) => share >= 0.01)
    .sort((x, y) => y[1] - x[1])
  if (shares.length > 1)
    said.push(`Its ${time(life)}: ${list(shares.map(([limit, share]) => `${Math.round(share * 100)} % ${limitWords[limit]}`))}.`)
  const { receiverBps, lossBps, linkBps } = record.ceilings
  const ceilings = [
    [receiverBps, 'by the receive window'],
    [lossBps, 'by loss'],
    [linkBps, 'by the link'],
  ] as const
  const reached = record.directions[mainOf(record)].goodputPeakBps
  const known = ceilings.flatMap(([bps, by]) => (bps === null || bps > farAbove * reached ? [] : [`${rate(bps)} ${by}`]))
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
