/** Figures and words of sessions, as the pages say them. Pure. */
import type { EndpointWire } from '@belay/protocol'
import type { CaptureQuality, Kind, Label, Limit, SessionRecord } from '@belay/tcp'
import type { Tone, Word } from '../../words.ts'
import type { Mark } from './graph/picture.ts'

const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
/** Two or three digits that matter: "0.04", "6.2", "36", "1,890". */
export function digits(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 0.005) return '<0.01'
  if (size < 0.995) return trim(value.toFixed(2))
  if (size < 9.95) return trim(value.toFixed(1))
  return Math.round(value).toLocaleString('en')
}

export const sayMs = (ms: number): string =>
  ms !== 0 && Math.abs(ms) < 0.995
    ? `${trim((ms * 1_000).toFixed(Math.abs(ms) < 0.00995 ? 1 : 0))} µs`
    : Math.abs(ms) < 10_000
      ? `${digits(ms)} ms`
      : `${digits(ms / 1_000)} s`
export const sayMaybeMs = (ms: number | null): string => (ms === null ? '–' : sayMs(ms))

function scaled(value: number, unit: string): string {
  for (const [prefix, size] of prefixes) if (Math.abs(value) >= size * 0.9995) return `${digits(value / size)} ${prefix}${unit}`
  return `${digits(value)} ${unit}`
}
const prefixes = [
  ['T', 1e12],
  ['G', 1e9],
  ['M', 1e6],
  ['k', 1e3],
] as const
/** "4.8 Mbit/s" */
export const sayRate = (bps: number): string => scaled(bps, 'bit/s')
/** "1.4 MB": decimal, as rates are. */
export const sayData = (bytes: number): string => scaled(bytes, 'B')
export const sayMaybeRate = (bps: number | null): string => (bps === null ? '–' : sayRate(bps))
export const sayNumber = (value: number): string => Math.round(value).toLocaleString('en')
export function sayPercent(share: number): string {
  const percent = share * 100
  if (percent === 0) return '0%'
  if (percent < 0.05) return '<0.1%'
  return `${percent < 9.95 ? trim(percent.toFixed(1)) : Math.round(percent)}%`
}
/** Seconds of a session's life: "0.41 s", "12 s", "3 min 20 s". */
export function sayLife(seconds: number): string {
  if (seconds < 1) return sayMs(seconds * 1_000)
  if (seconds < 120) return `${digits(seconds)} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.round((seconds % 3_600) / 60)} min`
}

/** "10.0.0.1:443", "[fe80::1]:443" */
export const sayEnd = ({ address, port }: EndpointWire): string => (address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`)

export const gradeWords: Readonly<Record<'good' | 'fair' | 'poor', Word>> = {
  good: { says: 'good', tone: 'top' },
  fair: { says: 'fair', tone: 'held' },
  poor: { says: 'poor', tone: 'fall' },
}

export const limitWords: Readonly<Record<Limit | 'none', { readonly short: string; readonly says: string; readonly tone: Tone }>> = {
  handshake: { short: 'Handshake', says: 'until the connection stood', tone: 'none' },
  slowStart: { short: 'Slow start', says: 'the sender was still finding out how much the path carries', tone: 'climb' },
  application: { short: 'Sender', says: 'the sending application had nothing to send', tone: 'top' },
  receiver: { short: 'Receiver', says: 'the receiver had no room: its window was closed or full', tone: 'held' },
  loss: { short: 'Loss', says: 'what the network lost was sent again', tone: 'fall' },
  bandwidth: { short: 'Bandwidth', says: 'the network carried no more', tone: 'climb' },
  idle: { short: 'Idle', says: 'nobody wanted to send anything', tone: 'none' },
  none: { short: 'Nothing', says: 'too little was sent to be limited by anything', tone: 'none' },
}

export const closeWords: Readonly<Record<SessionRecord['close'], string>> = {
  open: 'still open at the end of the capture',
  fin: 'closed by both sides',
  halfClosed: 'closed by one side only',
  resetByClient: 'reset by the client',
  resetByServer: 'reset by the server',
}
export const handshakeWords: Readonly<Record<SessionRecord['handshake']['state'], string>> = {
  complete: 'complete',
  none: 'not seen: the capture begins in mid-session',
  halfOpen: 'never answered',
  refused: 'refused by a reset',
  reset: 'reset while it was under way',
}
export const pointWords: Readonly<Record<CaptureQuality['point'], string>> = {
  client: 'beside the client',
  server: 'beside the server',
  between: 'between the two',
  unknown: 'at an unknown place',
}

export const kindWords: Readonly<Record<Kind, string>> = {
  new: 'new data',
  fast: 'fast retransmission',
  timeout: 'retransmission by timeout',
  tail: 'tail-loss probe',
  spurious: 'spurious retransmission',
  reordered: 'reordered on the network',
  lostBefore: 'lost before the capture point, sent again',
  duplicate: 'captured twice',
  probe: 'zero-window probe',
  keepAlive: 'keep-alive',
}
export const markWords: Readonly<Record<Mark, string>> = { ...kindWords, reset: 'reset', hole: 'segments before it are missing' }
/** As tshark's columns say them. */
export const labelWords: Readonly<Record<Label, string>> = {
  retransmission: 'Retransmission',
  fastRetransmission: 'Fast Retransmission',
  spuriousRetransmission: 'Spurious Retransmission',
  outOfOrder: 'Out-Of-Order',
  duplicateAck: 'Dup ACK',
  lostSegment: 'Previous segment not captured',
  ackLostSegment: 'ACKed unseen segment',
  zeroWindow: 'ZeroWindow',
  zeroWindowProbe: 'ZeroWindowProbe',
  zeroWindowProbeAck: 'ZeroWindowProbeAck',
  keepAlive: 'Keep-Alive',
  keepAliveAck: 'Keep-Alive ACK',
  windowUpdate: 'Window Update',
  windowFull: 'Window Full',
  reusedPorts: 'Port numbers reused',
}

/** A sentence as the first line of a page, which ends without a full stop. */
export const asTitle = (sentence: string): string => sentence.replace(/\.$/, '')
