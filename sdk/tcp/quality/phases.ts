/** When things were sent, read off a record's series: its intervals are all the precision there is. */
import type { SessionRecord } from '../types.ts'
import { lifeMs, pathRtt } from './facts.ts'

export type Stretch = { readonly fromMs: number; readonly toMs: number; readonly goodBytes: readonly [number, number] }

/** A pause is worth telling from here. */
export const pauseMs = 500

/** Stretches in which data was sent, divided by pauses that round trips do not explain. */
export function stretchesOf(record: SessionRecord): Stretch[] {
  const { stepMs, directions } = record.series
  const end = lifeMs(record)
  const pause = Math.max(pauseMs, 3 * (pathRtt(record)?.p95Ms ?? 0))
  const found: { fromMs: number; toMs: number; goodBytes: [number, number] }[] = []
  const length = Math.max(directions[0].bytes.length, directions[1].bytes.length)
  for (let i = 0; i < length; i++) {
    if ((directions[0].bytes[i] ?? 0) + (directions[1].bytes[i] ?? 0) === 0) continue
    const [client, server] = [directions[0].goodBytes[i] ?? 0, directions[1].goodBytes[i] ?? 0]
    const last = found.at(-1)
    const toMs = Math.min(end, (i + 1) * stepMs)
    if (last && i * stepMs - last.toMs < pause) {
      last.toMs = toMs
      last.goodBytes[0] += client
      last.goodBytes[1] += server
      // An interval is all the precision there is, but nothing is sent before the session is open.
    } else
      found.push({
        fromMs: Math.max(i * stepMs, last ? 0 : Math.min(record.handshake.rttMs ?? 0, toMs)),
        toMs,
        goodBytes: [client, server],
      })
  }
  return found
}

/** Most of what was sent again lies within this share of a session's life, and most of its data does not: one event, no trait of the path. */
const burstLifeMax = 0.2
const burstShareMin = 0.7
const burstBytesMax = 0.5
/** Fewer say nothing of when. */
const burstSegmentsMin = 10

export type Burst = { readonly fromMs: number; readonly toMs: number; readonly segments: number; readonly of: number }

/** The short stretch in which most segments of a direction were sent again; null where they were not sent so. */
export function burstOf(record: SessionRecord, way: 0 | 1): Burst | null {
  const { resent } = record.series.directions[way]
  const { stepMs } = record.series
  const of = resent.reduce((sum, one) => sum + one, 0)
  const wide = Math.floor(resent.length * burstLifeMax)
  if (of < burstSegmentsMin || wide < 1) return null
  let [best, bestFrom] = [0, 0]
  for (let from = 0; from < resent.length; from++) {
    const within = resent.slice(from, from + wide).reduce((sum, one) => sum + one, 0)
    if (within > best) [best, bestFrom] = [within, from]
  }
  if (best < burstShareMin * of) return null
  let [first, last] = [bestFrom, Math.min(resent.length, bestFrom + wide) - 1]
  while ((resent[first] ?? 0) === 0) first++
  while ((resent[last] ?? 0) === 0) last--
  const bytes = record.series.directions[way].goodBytes
  const within = bytes.slice(first, last + 1).reduce((sum, one) => sum + one, 0)
  if (within > burstBytesMax * bytes.reduce((sum, one) => sum + one, 0)) return null
  return { fromMs: first * stepMs, toMs: Math.min(lifeMs(record), (last + 1) * stepMs), segments: best, of }
}

/** The interval of the longest round trip, of the direction that measures the longer part of the path. */
export function slowestRoundTrip(record: SessionRecord, way: 0 | 1): { readonly atMs: number; readonly rttMs: number } | null {
  let slowest: { atMs: number; rttMs: number } | null = null
  record.series.directions[way].rttMs.forEach((rttMs, i) => {
    if (rttMs !== null && rttMs > (slowest?.rttMs ?? 0)) slowest = { atMs: i * record.series.stepMs, rttMs }
  })
  return slowest
}
