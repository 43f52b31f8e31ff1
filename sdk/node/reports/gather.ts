/**
 * What is to be reported, in memory: evaluations counted by flag, variant and minute, exposures once per unit, flag and
 * variant, events as they are tracked. Nothing here waits or throws; every heap has a bound, and what is given up at a
 * bound is counted.
 */
import type { Contents, CountReport, EventReport, ExposureReport } from './contents.ts'
import { createExposed } from './exposed.ts'

/** One flag's answer, as it is counted. */
export type Counted = {
  readonly flag: string
  readonly variant: string | null
  /** Both of these in one. */
  readonly label: string
  /** Is a unit that gets it an exposure? */
  readonly isExposure: boolean
  /** Where it was counted last. */
  tally: Tally | undefined
}
type Tally = { readonly flag: string; readonly variant: string | null; minuteAt: number; count: number }

export type Gatherer = {
  count(answer: Counted, nowMs: number): void
  expose(answer: Counted, unit: string, nowMs: number): void
  track(event: EventReport): void
  /** The oldest of it, as much as one batch may carry, and no longer here; undefined: there is nothing. */
  take(): Contents | undefined
}

export type GathererOptions = {
  readonly counts: boolean
  readonly exposures: boolean
  /** Enough for a batch is there. */
  readonly onMuch: () => void
}

/** Flags times variants times minutes without a server: 100 of them last for eight hours. 11 MB. */
const talliesMax = 50_000
/** Of each generation of the memory for units: about 10 MB in both, with units of 36 characters. */
export const exposedMax = 50_000
/** That wait to be sent: about 8 MB. */
const exposuresMax = 50_000
/** In characters of JSON, of the events that wait. */
const eventsLengthMax = 4_000_000
/** The server refuses a batch with more of one kind than 5,000, or with a megabyte: a character may be three bytes. */
const batchMax = { each: 5_000, length: 300_000 }
const minuteMs = 60_000

export function createGatherer({ counts, exposures, onMuch }: GathererOptions): Gatherer {
  const tallies = new Map<string, Tally>()
  const exposed = createExposed(exposedMax)
  let waiting: ExposureReport[] = []
  let events: { readonly event: EventReport; readonly length: number }[] = []
  let eventsLength = 0
  let dropped = 0

  function open(answer: Counted, minuteAt: number): Tally {
    const key = `${minuteAt} ${answer.label}`
    let tally = tallies.get(key)
    if (tally === undefined) {
      if (tallies.size >= talliesMax) dropOldestTally()
      const { flag, variant } = answer
      tally = { flag, variant, minuteAt, count: 0 }
      tallies.set(key, tally)
      if (tallies.size === batchMax.each) onMuch()
    }
    answer.tally = tally
    return tally
  }

  function dropOldestTally(): void {
    for (const [key, tally] of tallies) {
      dropped++
      close(key, tally)
      return
    }
  }

  /** Whoever still holds it must not count there any more. */
  function close(key: string, tally: Tally): void {
    tally.minuteAt = Number.NaN
    tallies.delete(key)
  }

  function takeTallies(room: Room): CountReport[] {
    const taken: CountReport[] = []
    for (const [key, tally] of tallies) {
      if (taken.length >= batchMax.each || !room.take(tally.flag.length + (tally.variant?.length ?? 4) + 60)) break
      taken.push({ ...tally })
      close(key, tally)
    }
    return taken
  }

  return {
    count(answer, nowMs) {
      if (!counts) return
      const minuteAt = nowMs - (nowMs % minuteMs)
      const tally = answer.tally?.minuteAt === minuteAt ? answer.tally : open(answer, minuteAt)
      tally.count++
    },
    expose(answer, unit, nowMs) {
      if (!exposures || !answer.isExposure || answer.variant === null || !exposed.add(answer.label, unit)) return
      if (waiting.length >= exposuresMax) {
        const given = waiting.splice(0, exposuresMax / 10)
        dropped += given.length
        for (const { flag, variant, unit } of given) exposed.forget(labelOf(flag, variant), unit)
      }
      waiting.push({ flag: answer.flag, variant: answer.variant, unit, at: nowMs })
      if (waiting.length % batchMax.each === 0) onMuch()
    },
    track(event) {
      const length = JSON.stringify(event).length
      while (eventsLength + length > eventsLengthMax && events.length > 0) {
        const given = events.splice(0, Math.ceil(events.length / 10))
        dropped += given.length
        for (const it of given) eventsLength -= it.length
      }
      events.push({ event, length })
      eventsLength += length
      if (events.length === batchMax.each || eventsLength > batchMax.length) onMuch()
    },
    take() {
      const room = createRoom()
      const countsTaken = takeTallies(room)
      const exposuresTaken = room.ofFront(waiting, (it) => it.flag.length + it.variant.length + it.unit.length + 70)
      waiting = waiting.slice(exposuresTaken.length)
      const eventsTaken = room.ofFront(events, (it) => it.length)
      events = events.slice(eventsTaken.length)
      for (const it of eventsTaken) eventsLength -= it.length
      if (countsTaken.length + exposuresTaken.length + eventsTaken.length + dropped === 0) return undefined
      const contents = { counts: countsTaken, exposures: exposuresTaken, events: eventsTaken.map((it) => it.event), dropped }
      dropped = 0
      return contents
    },
  }
}

export function labelOf(flag: string, variant: string | null): string {
  return variant === null ? flag : `${flag}\u0000${variant}`
}

type Room = {
  /** Is there room for so many characters? Then they are taken. */
  take(length: number): boolean
  ofFront<T>(items: readonly T[], lengthOf: (item: T) => number): T[]
}

/** What one batch may carry. */
function createRoom(): Room {
  let left = batchMax.length
  const take = (length: number): boolean => {
    if (length > left) return false
    left -= length
    return true
  }
  return {
    take,
    ofFront: (items, lengthOf) => {
      let end = 0
      while (end < Math.min(items.length, batchMax.each) && take(lengthOf(items[end] as (typeof items)[number]))) end++
      return items.slice(0, end)
    },
  }
}
