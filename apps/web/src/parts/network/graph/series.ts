/** A record's own intervals, in the shape that the graphs draw. Pure. */
import type { SessionRecord } from '@belay/tcp'
import type { Picture } from './picture.ts'
import { Pyramid } from './pyramid.ts'

export type SeriesPicture = Pick<Picture, 'endNs' | 'rtt' | 'rttRange' | 'flight' | 'flightRange' | 'carried'>

export function seriesOf({ series, duration }: SessionRecord, fromClient: boolean): SeriesPicture {
  const its = series.directions[fromClient ? 0 : 1]
  const stepNs = series.stepMs * 1e6
  const count = its.bytes.length
  const sampled = its.rttMs.flatMap((value, at) => (value === null ? [] : [{ at, value }]))
  const rtt = {
    t: Float64Array.from(sampled, ({ at }) => (at + 0.5) * stepNs),
    value: Float64Array.from(sampled, ({ value }) => value),
  }
  const flight = { t: Float64Array.from(its.inFlight, (_, at) => at * stepNs), value: Float64Array.from(its.inFlight) }
  // Each interval's bytes in eight small steps: a rate is drawn of how far a sum goes within a stretch.
  const parts = 8
  const t = new Float64Array(count * parts)
  const bytes = new Float64Array(count * parts)
  const again = new Float64Array(count * parts)
  let [sum, resent] = [0, 0]
  for (let i = 0; i < count * parts; i++) {
    const step = Math.floor(i / parts)
    sum += (its.bytes[step] ?? 0) / parts
    resent += Math.max(0, (its.bytes[step] ?? 0) - (its.goodBytes[step] ?? 0)) / parts
    t[i] = ((i + 0.5) / parts) * stepNs
    bytes[i] = sum
    again[i] = resent
  }
  return {
    endNs: Math.max(duration * 1e9, 1),
    rtt,
    rttRange: new Pyramid(rtt.value),
    flight,
    flightRange: new Pyramid(flight.value),
    carried: { t, bytes, again },
  }
}
