/** One session in words and small pictures: what happened, what limited it, what to try. Pure. */
import { type Direction, limits, type SessionRecord, storyOf } from '@belay/tcp'
import stringWidth from 'string-width'
import { sayCount } from '@belay/base'
import { digits, sayNumber, sayShare, sparkline } from '../calls/numbers.ts'
import { type Column, type Eye, pairs, table, wrap } from '../terminal.ts'
import {
  goodput,
  limitNames,
  mainDirection,
  paintGrade,
  paintLimit,
  payload,
  resentOf,
  rttOf,
  sayEndpoint,
  sayLength,
  sayMoment,
  sayRate,
  sayVolume,
} from './figures.ts'

/** A bar that is longer is not read better. */
const barMax = 60
const sparkMax = 64

export function sessionView(it: SessionRecord, eye: Eye): string {
  const { look, paint } = eye
  const story = storyOf(it)
  const told = (kind: (typeof story)[number]['kind']): readonly string[] =>
    story
      .filter((sentence) => sentence.kind === kind && sentence.text !== it.verdict.because)
      .map(({ at, text }) => {
        const when = at === undefined ? '' : `${sayLength(at).padStart(momentWidth)}  `
        return wrap(`  ${paint('dim', when)}${text}`, look.width, when === '' ? 2 : momentWidth + 4)
      })
  const momentWidth = Math.max(0, ...story.map(({ at }) => (at === undefined ? 0 : sayLength(at).length)))
  const chapter = (title: string, lines: readonly string[]): readonly string[] =>
    lines.length === 0 ? [] : ['', paint('bold', title), ...lines]
  return [
    wrap(
      `${paint('bold', `${sayEndpoint(it.client)} → ${sayEndpoint(it.server)}`)}  ${paint('dim', `session ${it.number} of ${it.capture}`)}`,
      look.width,
      2,
    ),
    wrap(
      `${paintGrade(it.score.grade, `${Math.round(it.score.value)} of 100, ${it.score.grade}`, paint)}  ${it.verdict.because}`,
      look.width,
      2,
    ),
    '',
    pairs(
      [
        [
          'started',
          `${new Date(it.startedMs).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })} ${sayMoment(it.startedMs)}, ${sayLength(it.duration * 1_000)}, frames ${sayNumber(it.firstFrame)} to ${sayNumber(it.lastFrame)}`,
        ],
        [
          'goodput',
          payload(it) === 0 ? null : `${spaced(sayRate(goodput(it)))}, at its best ${spaced(sayRate(mainDirection(it).goodputPeakBps))}`,
        ],
        ['ceilings', ceilings(it)],
        ['opened', handshake(it)],
        ['closed', closes[it.close]],
        ['turns', turns(it)],
      ],
      eye,
    ),
    ...chapter('What its time went into', limitLines(it, eye)),
    ...chapter('Over time', overTime(it, eye)),
    ...chapter('Each direction', [directionsTable(it, eye)]),
    ...chapter('Segments with a name of their own', labelLines(it, eye)),
    ...chapter('What happened', told('happened')),
    ...chapter('What limits it', told('limits')),
    ...chapter('What to try', told('try')),
    ...chapter('How the score is made', scoreLines(it, eye)),
    ...chapter('How far to trust this', told('trust')),
  ].join('\n')
}

const spaced = (text: string): string => text.replace(/ +/g, ' ').trim()

const closes: Readonly<Record<SessionRecord['close'], string>> = {
  open: 'not within the capture',
  fin: 'by both ends',
  halfClosed: 'by one end only',
  resetByClient: 'reset by the client',
  resetByServer: 'reset by the server',
}

function ceilings({ ceilings: { receiverBps, lossBps, linkBps } }: SessionRecord): string | null {
  const each = [
    receiverBps !== null && `window ${spaced(sayRate(receiverBps))}`,
    lossBps !== null && `loss ${spaced(sayRate(lossBps))}`,
    linkBps !== null && `link ${spaced(sayRate(linkBps))}`,
  ].filter((part) => part !== false)
  return each.length === 0 ? null : each.join(', ')
}

function handshake({ handshake: it, opener }: SessionRecord): string {
  const offered = [
    it.sack && 'SACK',
    it.timestamps && 'timestamps',
    it.windowScaling && 'window scaling',
    it.ecn && 'ECN',
    it.fastOpen && 'fast open',
  ].filter((part) => part !== false)
  const parts =
    it.serverMs === null || it.clientMs === null
      ? ''
      : ` (${digits(it.serverMs)} to the server and back, ${digits(it.clientMs)} to the client)`
  const again = it.synRetries + it.synAckRetries
  const words: Readonly<Record<typeof it.state, string>> = {
    complete: it.rttMs === null ? 'complete' : `in ${digits(it.rttMs)} ms${parts}`,
    none: `before the capture began${opener === 'guessed' ? '; which end is the client is guessed' : ''}`,
    halfOpen: 'never: nobody answered the SYN',
    refused: 'never: refused',
    reset: 'reset while it opened',
  }
  return [
    words[it.state],
    ...(again === 0 ? [] : [`${sayCount(again, 'SYN')} sent again`]),
    ...(offered.length === 0 ? [] : [`both know ${offered.join(', ')}`]),
  ].join('; ')
}

function turns({ turns: it }: SessionRecord): string | null {
  if (it.count === 0) return null
  const times = [
    it.requestMs !== null && `request ${digits(it.requestMs.p50Ms)} ms`,
    it.serverMs !== null && `server ${digits(it.serverMs.p50Ms)} ms (p95 ${digits(it.serverMs.p95Ms)})`,
    it.responseMs !== null && `response ${digits(it.responseMs.p50Ms)} ms (p95 ${digits(it.responseMs.p95Ms)})`,
  ].filter((part) => part !== false)
  return `${sayNumber(it.count)}${times.length === 0 ? '' : `; median of each: ${times.join(', ')}`}`
}

/** One bar of all limits in their colours, and below it each with its time; without colour the letters tell them apart. */
function limitLines(it: SessionRecord, { look, paint }: Eye): readonly string[] {
  const whole = limits.reduce((sum, limit) => sum + it.limits[limit], 0)
  if (whole === 0) return []
  const width = Math.min(barMax, look.width - 4)
  const shown = limits.filter((limit) => it.limits[limit] > 0)
  const widths = divided(
    shown.map((limit) => it.limits[limit] / whole),
    width,
  )
  const isPlain = paint('red', '') === ''
  const letters: Readonly<Record<(typeof limits)[number], string>> = {
    ...{ handshake: 'h', slowStart: 's', application: 'a', receiver: 'r', loss: 'l', bandwidth: 'b', idle: '·' },
  }
  const drawn = shown.map((limit, nth) => paintLimit(limit, (isPlain ? letters[limit] : '█').repeat(widths[nth] ?? 0), paint)).join('')
  const longest = Math.max(...shown.map((limit) => limitNames[limit].length))
  const rows = shown
    .toSorted((a, b) => it.limits[b] - it.limits[a])
    .map(
      (limit) =>
        `  ${paintLimit(limit, isPlain ? letters[limit] : '█', paint)} ${limitNames[limit].padEnd(longest)}  ${sayShare(it.limits[limit] / whole).padStart(6)}  ${paint('dim', sayLength(it.limits[limit]))}`,
    )
  return [`  ${drawn}`, ...rows]
}

/** Whole characters for shares, whose sum is the width; what is not nothing has one at least. */
function divided(shares: readonly number[], width: number): readonly number[] {
  const widths = shares.map((share) => Math.max(1, Math.round(share * width)))
  const excess = widths.reduce((sum, some) => sum + some, 0) - width
  const widest = widths.indexOf(Math.max(...widths))
  return widths.map((some, nth) => (nth === widest ? Math.max(1, some - excess) : some))
}

function overTime(it: SessionRecord, { look, paint }: Eye): readonly string[] {
  const { stepMs, directions } = it.series
  const main = it.directions[1] === mainDirection(it) ? 1 : 0
  const of = directions[main]
  if (of.bytes.length < 2 || stepMs === 0) return []
  const known = (points: readonly (number | null)[]): readonly number[] => points.filter((point) => point !== null)
  const titles = ['throughput', 'sent again', 'round trip', 'in flight'] as const
  // Beside an end of the path one direction's round trips are those of that host alone.
  const slower = directions.toSorted((x, y) => Math.max(0, ...known(y.rttMs)) - Math.max(0, ...known(x.rttMs)))[0]
  const points = [of.bytes, of.resent, slower?.rttMs ?? [], of.inFlight] as const
  const tops = [
    (top: number) => spaced(sayRate((top * 8_000) / stepMs)),
    (top: number) => sayCount(top, 'segment'),
    (top: number) => `${digits(top)} ms`,
    (top: number) => spaced(sayVolume(top)),
  ] as const
  const width = Math.max(8, Math.min(sparkMax, look.width - 34))
  const lines = titles.flatMap((title, nth) => {
    const line = points[nth] ?? []
    const top = Math.max(0, ...known(line))
    if (top === 0) return []
    return [
      `  ${paint('dim', title.padEnd(10))}  ${sparkline(line, null, width, paint).padEnd(Math.min(width, line.length))}  ${paint('dim', `top ${tops[nth]?.(top) ?? ''}`)}`,
    ]
  })
  return [
    ...lines,
    `  ${paint('dim', `of what the ${main === 0 ? 'client' : 'server'} sent; one step is ${sayLength(stepMs * Math.max(1, of.bytes.length / width))}`)}`,
  ]
}

type Line = { readonly what: string; readonly of: (it: Direction) => string }

const directionLines: readonly Line[] = [
  { what: 'packets', of: ({ packets, dataPackets }) => `${sayNumber(packets)} (${sayNumber(dataPackets)} with data)` },
  {
    what: 'bytes',
    of: ({ goodBytes, bytes }) =>
      `${spaced(sayVolume(goodBytes))}${bytes > goodBytes ? ` + ${spaced(sayVolume(bytes - goodBytes))} again` : ''}`,
  },
  { what: 'goodput', of: ({ goodputBps, goodputPeakBps }) => `${spaced(sayRate(goodputBps))}, peak ${spaced(sayRate(goodputPeakBps))}` },
  {
    what: 'round trip ms',
    of: (direction) => {
      const it = rttOf(direction)
      return it === null ? '–' : `${digits(it.minMs)} min, ${digits(it.p50Ms)} p50, ${digits(it.p95Ms)} p95, ${digits(it.maxMs)} max`
    },
  },
  {
    what: 'sent again',
    of: (it) => {
      const { segments, fast, timeout, tail, spurious } = it.retransmissions
      const kinds = Object.entries({ fast, timeout, tail, spurious, 'lost before the capture': it.lostBefore })
        .filter(([, count]) => count > 0)
        .map(([kind, count]) => `${sayNumber(count)} ${kind}`)
      return segments + it.lostBefore === 0
        ? '0'
        : `${sayNumber(segments + it.lostBefore)} (${sayShare(resentOf(it))}): ${kinds.join(', ')}`
    },
  },
  { what: 'reordered', of: ({ reordered }) => sayNumber(reordered) },
  {
    what: 'dup ACKs, SACKs',
    of: ({ dupAcks, sack }) =>
      `${sayNumber(dupAcks)}, ${sayNumber(sack.acks)}${sack.duplicates > 0 ? ` (${sayNumber(sack.duplicates)} DSACK)` : ''}`,
  },
  {
    what: 'window',
    of: ({ receiveWindow, zeroWindows }) =>
      receiveWindow === null
        ? '–'
        : `${spaced(sayVolume(receiveWindow.minBytes))} to ${spaced(sayVolume(receiveWindow.maxBytes))}${zeroWindows.count > 0 ? `; closed ${sayCount(zeroWindows.count, 'time')}, ${sayLength(zeroWindows.timeMs)}` : ''}`,
  },
  {
    what: 'in flight',
    of: ({ bytesInFlight }) => `${spaced(sayVolume(bytesInFlight.mean))} mean, ${spaced(sayVolume(bytesInFlight.max))} max`,
  },
  { what: 'MSS', of: ({ mss, segmentBytesMax }) => `${mss === null ? '–' : sayNumber(mss)}, largest packet ${sayNumber(segmentBytesMax)}` },
]

function directionsTable({ directions: [client, server] }: SessionRecord, { look, paint }: Eye): string {
  const columns: readonly Column<Line>[] = [
    { title: '', value: ({ what }) => what, shown: ({ what }) => paint('dim', `  ${what}`) },
    { title: 'client sent', value: ({ of }) => of(client) },
    { title: 'server sent', value: ({ of }) => of(server) },
  ]
  const isNothing = ({ of }: Line): boolean => [client, server].every((it) => ['0', '0, 0', '–'].includes(of(it)))
  const lines = directionLines.filter((line) => !isNothing(line))
  const whole = table(lines, columns, { ...look, terminal: true, width: Number.POSITIVE_INFINITY }, paint)
  if (Math.max(...whole.split('\n').map((line) => stringWidth(line))) <= look.width) return whole
  // Too narrow for two columns: one direction below the other.
  const below = (title: string, it: Direction): string =>
    [
      paint('dim', `  ${title}`),
      pairs(
        lines.map(({ what, of }) => [`    ${what}`, of(it)] as const),
        { look, paint },
      ),
    ].join('\n')
  return [below('the client sent', client), below('the server sent', server)].join('\n')
}

/** What Wireshark calls them beside what Belay makes of them: people know the first, the second is what to believe. */
function labelLines({ directions }: SessionRecord, { paint, look }: Eye): readonly string[] {
  const labelled = new Map<string, number>()
  for (const { labels } of directions)
    for (const [label, count] of Object.entries(labels)) if (count > 0) labelled.set(label, (labelled.get(label) ?? 0) + count)
  const sum = (of: (it: Direction) => number): number => directions.reduce((total, it) => total + of(it), 0)
  const kinds: readonly (readonly [string, number])[] = [
    ['fast', sum(({ retransmissions }) => retransmissions.fast)],
    ['timeout', sum(({ retransmissions }) => retransmissions.timeout)],
    ['tail', sum(({ retransmissions }) => retransmissions.tail)],
    ['spurious', sum(({ retransmissions }) => retransmissions.spurious)],
    ['lost before the capture', sum(({ lostBefore }) => lostBefore)],
    ['reordered', sum(({ reordered }) => reordered)],
    ['seen twice', sum(({ duplicates }) => duplicates)],
    ['keep-alive', sum(({ keepAlives }) => keepAlives)],
    ['probe', sum(({ zeroWindows }) => zeroWindows.probes)],
  ]
  const said = (pairs: Iterable<readonly [string, number]>): string =>
    [...pairs]
      .filter(([, count]) => count > 0)
      .map(([what, count]) => `${sayNumber(count)} ${what}`)
      .join(', ')
  const words = (label: string): string => label.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  const lines = [
    ['Belay', said(kinds)],
    ['Wireshark', said([...labelled].map(([label, count]) => [words(label), count] as const))],
  ] as const
  return lines.flatMap(([who, what]) => (what === '' ? [] : [wrap(`  ${paint('dim', who.padEnd(9))}  ${what}`, look.width, 13)]))
}

function scoreLines({ score: { parts } }: SessionRecord, { paint, look }: Eye): readonly string[] {
  const costly = parts.filter(({ penalty }) => penalty > 0)
  if (costly.length === 0) return ['  100: nothing was taken off']
  return costly.map(({ name, penalty, because }) =>
    wrap(`  ${paint('red', `−${digits(penalty)}`.padStart(6))}  ${paint('bold', name)}  ${because}`, look.width, 10),
  )
}
