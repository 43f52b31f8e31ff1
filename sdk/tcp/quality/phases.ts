/** When things were sent, read off a record's series: its intervals are all the precision there is. */
import type { SessionRecord } from '../types.ts'
import { lifeMs } from './facts.ts'

export type Stretch = { readonly fromMs: number; readonly toMs: number; readonly bytes: readonly [number, number] }

/** Stretches in which data was sent, as neighbouring intervals make them up. */
export function stretchesOf(record: SessionRecord): Stretch[] {
  const { stepMs, directions } = record.series
  const end = lifeMs(record)
  const found: { fromMs: number; toMs: number; bytes: [number, number] }[] = []
  const length = Math.max(directions[0].bytes.length, directions[1].bytes.length)
  let open = false
  for (let i = 0; i < length; i++) {
    const [client, server] = [directions[0].bytes[i] ?? 0, directions[1].bytes[i] ?? 0]
    if (client + server === 0) {
      open = false
      continue
    }
    const last = found.at(-1)
    const toMs = Math.min(end, (i + 1) * stepMs)
    if (open && last) {
      last.toMs = toMs
      last.bytes[0] += client
      last.bytes[1] += server
    } else found.push({ fromMs: i * stepMs, toMs, bytes: [client, server] })
    open = true
  }
  return found
}

/** A silence between two stretches; the longest. Null: there is none of two intervals and more. */
export function longestSilence(stretches: readonly Stretch[], stepMs: number): { readonly fromMs: number; readonly toMs: number } | null {
  let longest: { fromMs: number; toMs: number } | null = null
  for (let i = 1; i < stretches.length; i++) {
    const [before, after] = [stretches[i - 1], stretches[i]]
    if (!before || !after) continue
    const silent = after.fromMs - before.toMs
    if (silent >= 2 * stepMs && silent > (longest ? longest.toMs - longest.fromMs : 0))
      longest = { fromMs: before.toMs, toMs: after.fromMs }
  }
  return longest
}

/** Most of what was sent again lies within this share of a session's life: one event, not a trait of the path. */
const burstLifeMax = 0.2
const burstShareMin = 0.7
/** Fewer say nothing of when. */
const burstSegmentsMin = 5

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
