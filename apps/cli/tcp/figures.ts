/** What a table says of a session: one figure of each kind, out of the many of its record. Pure. */
import type { Direction, Distribution, Limit, SessionRecord } from '@belay/tcp'
import { digits, sayNumber } from '../calls/numbers.ts'
import type { Paint } from '../terminal.ts'

/** How each limit is called in tables and on the command line; the other spelling of `slowStart` is taken too. */
export const limitNames: Readonly<Record<Limit | 'none', string>> = {
  handshake: 'handshake',
  slowStart: 'slow start',
  application: 'application',
  receiver: 'receiver',
  loss: 'loss',
  bandwidth: 'bandwidth',
  idle: 'idle',
  none: '–',
}

/** The same colour for a limit wherever it is drawn: what the network does stands out, what is nobody's fault is calm. */
const limitStyles = {
  handshake: 'magenta',
  slowStart: 'blue',
  application: 'green',
  receiver: 'yellow',
  loss: 'red',
  bandwidth: 'cyan',
  idle: 'dim',
  none: 'dim',
} as const
export const paintLimit = (limit: Limit | 'none', text: string, paint: Paint): string => paint(limitStyles[limit], text)

const gradeStyles = { good: 'green', fair: 'yellow', poor: 'red' } as const
export const paintGrade = (grade: SessionRecord['score']['grade'], text: string, paint: Paint): string => paint(gradeStyles[grade], text)

/** The direction in which most was carried: its speed is what the session was for. */
export const mainDirection = ({ directions: [up, down] }: SessionRecord): Direction => (down.goodBytes > up.goodBytes ? down : up)

/**
 * Round trips of the whole path. Each direction's packets measure the part of it that lies before them: between the ends the
 * parts add up, beside an end one of them is that host alone. The handshake's where there is no other.
 */
export function roundTrip({ directions, handshake, quality }: SessionRecord): {
  readonly p50Ms: number | null
  readonly p95Ms: number | null
} {
  const parts = directions.map(rttOf).filter((part) => part !== null)
  const [first, second] = parts.toSorted((a, b) => b.minMs - a.minMs)
  if (first === undefined) return { p50Ms: handshake.rttMs, p95Ms: null }
  const more = quality.point === 'between' ? second : undefined
  return { p50Ms: first.p50Ms + (more?.p50Ms ?? 0), p95Ms: first.p95Ms + (more?.p95Ms ?? 0) }
}

/** By Karn's rule, or by timestamps where that found none. */
export const rttOf = ({ rtt }: Direction): Distribution | null => rtt.karn ?? rtt.timestamps

/** The worse direction's share of segments with data that were lost or sent again. */
export const resentShare = ({ directions }: SessionRecord): number => Math.max(...directions.map(resentOf))

/** A first sending that was lost before the capture point was sent all the same. */
export function resentOf({ dataPackets, retransmissions, lostBefore }: Direction): number {
  const sent = dataPackets + lostBefore
  return sent === 0 ? 0 : Math.min(1, (retransmissions.segments + lostBefore) / sent)
}

export const goodput = (it: SessionRecord): number => it.directions.reduce((sum, { goodputBps }) => sum + goodputBps, 0)
export const payload = (it: SessionRecord): number => it.directions.reduce((sum, { bytes }) => sum + bytes, 0)

/** What is odd about a session, the worst first; short enough for a column. */
export function flagsOf(it: SessionRecord): readonly string[] {
  const { handshake, directions, quality } = it
  const sum = (of: (direction: Direction) => number): number => directions.reduce((total, direction) => total + of(direction), 0)
  const times = (count: number, what: string): string | false => count > 0 && (count === 1 ? what : `${what}×${sayNumber(count)}`)
  const found: readonly (string | false)[] = [
    handshake.state === 'refused' && 'refused',
    handshake.state === 'halfOpen' && 'half-open',
    it.close === 'resetByClient' && 'reset by client',
    it.close === 'resetByServer' && handshake.state !== 'refused' && 'reset by server',
    times(handshake.synRetries + handshake.synAckRetries, 'syn again'),
    times(
      sum(({ retransmissions }) => retransmissions.timeout),
      'timeout',
    ),
    times(
      sum(({ zeroWindows }) => zeroWindows.count),
      'zero window',
    ),
    times(
      sum(({ retransmissions }) => retransmissions.spurious),
      'spurious',
    ),
    times(
      sum(({ reordered }) => reordered),
      'reordered',
    ),
    sum(({ ecn }) => ecn.congestionExperienced) > 0 && 'ecn marks',
    sum(({ keepAlives }) => keepAlives) > 0 && 'keep-alives',
    handshake.state === 'none' && 'begun before',
    quality.oneSided && handshake.state !== 'halfOpen' && 'one-sided',
    quality.missedBytes > 0 && 'capture gaps',
    quality.duplicates > 0 && 'seen twice',
  ]
  return found.filter((flag) => flag !== false)
}

/** `93.184.216.34:443`, `[2001:db8::1]:443`. */
export const sayEndpoint = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** `4.80 Mbit/s`; units of equal width, so that figures of a column stand below one another. */
export function sayRate(bps: number): string {
  const units = ['Tbit/s', 'Gbit/s', 'Mbit/s', 'kbit/s'] as const
  const sizes = [1e12, 1e9, 1e6, 1e3] as const
  const nth = sizes.findIndex((size) => bps >= size * 0.9995)
  if (nth < 0) return `${digits(Math.round(bps))}  bit/s`
  return `${digits(bps / (sizes[nth] ?? 1))} ${units[nth]}`
}

/** As `sayBytes`, with units of equal width. */
export function sayVolume(bytes: number): string {
  const units = ['B  ', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  let size = bytes
  let nth = 0
  while (size >= 1_023.5 && nth < units.length - 1) {
    size /= 1_024
    nth++
  }
  return `${nth === 0 ? sayNumber(Math.round(size)) : digits(size)} ${units[nth]}`
}

/** `12 ms`, `0.840 ms`, `3.21 s`, `4 min 2 s`: short where it is short. */
export function sayLength(ms: number): string {
  if (ms < 1_000) return `${digits(ms)} ms`
  if (ms < 120_000) return `${digits(ms / 1_000)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(ms / 60_000)
  return minutes < 2_880
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`
}

/** `12:04:31.250`, local time. */
export function sayMoment(ms: number): string {
  const at = new Date(ms)
  return `${at.toLocaleTimeString('en-GB', { hour12: false })}.${String(at.getMilliseconds()).padStart(3, '0')}`
}
