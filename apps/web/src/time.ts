/**
 * How the page says times. All functions take the present as a parameter; the only clock is `now()` below, which is
 * the server's: a viewer's computer may be minutes off, and a now-line drawn by it would lie.
 */
import { sayDuration } from '@belay/base'

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const shortClock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const dayOfYear = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const full = new Intl.DateTimeFormat('en-GB', {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
})
const minute = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone

let offsetMs = 0
/** Below this, the difference is as likely the second's rounding of the Date header as a wrong clock. */
const offsetFloorMs = 2_000

/** Milliseconds since the epoch by the server's clock. */
export const now = (): number => Date.now() + offsetMs

/** Learns the server's clock from an answer's Date header. */
export function learnClock(date: string | null): void {
  const serverAt = date === null ? Number.NaN : Date.parse(date)
  if (Number.isNaN(serverAt)) return
  const difference = serverAt + 500 - Date.now()
  offsetMs = Math.abs(difference) < offsetFloorMs ? 0 : difference
}

const sameDay = (a: Date, b: Date): boolean => a.toDateString() === b.toDateString()
const dayMs = 86_400_000

/** "10:02:11" today, "Tue 10:02" within a week, "3 Aug 10:02" this year, "3 Aug 2024" before. */
export function sayClock(at: number, nowAt: number): string {
  const then = new Date(at)
  const present = new Date(nowAt)
  if (sameDay(then, present)) return clock.format(then)
  if (Math.abs(nowAt - at) < 6 * dayMs) return `${weekday.format(then)} ${shortClock.format(then)}`
  if (then.getFullYear() === present.getFullYear()) return `${day.format(then)} ${shortClock.format(then)}`
  return dayOfYear.format(then)
}

/** "10:02" today, "Tue 10:02", "3 Aug": as short as a label under a picture has to be. */
export function sayShort(at: number, nowAt: number): string {
  const then = new Date(at)
  if (sameDay(then, new Date(nowAt))) return shortClock.format(then)
  return Math.abs(nowAt - at) < 6 * dayMs ? `${weekday.format(then)} ${shortClock.format(then)}` : day.format(then)
}

/** "10:02:11": the clock alone, for lines that stand under a date. */
export const sayClockOnly = (at: number): string => clock.format(at)

/** "just now", "12 s ago", "5 min ago", "3 h ago", "2 d ago"; "in 5 h" for the future. One unit only: it is read at a glance. */
export function sayAgo(at: number, nowAt: number): string {
  const ms = Math.abs(nowAt - at)
  // Pages look at the clock every few seconds, so what has just come may be ahead of what they saw.
  if (ms < (at > nowAt ? 4_000 : 2_000)) return 'just now'
  const text = sayOneUnit(ms)
  return at > nowAt ? `in ${text}` : `${text} ago`
}

/** "12 s", "5 min", "3 h", "2 d": rounded down, as one says an age. */
export function sayOneUnit(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1_000)} s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`
  if (ms < dayMs) return `${Math.floor(ms / 3_600_000)} h`
  return `${Math.floor(ms / dayMs)} d`
}

/** Everything about a moment, for the tip: date, clock, zone by both names, and how long ago. */
export function sayFull(at: number, nowAt: number): string {
  return `${full.format(at)} (${zone})\n${sayAgo(at, nowAt)}`
}

/** "62 s of about 103 s": elapsed against the expectation, or the elapsed time alone. */
export function sayAgainst(elapsedMs: number, expectedMs: number | null): string {
  return expectedMs === null ? sayDuration(elapsedMs) : `${sayDuration(elapsedMs)} of about ${sayDuration(expectedMs)}`
}

/** "14 Aug 10:00 to 15 Aug 12:00", of two moments in ms; undefined: the present, by the viewer's clock. */
export const sayFromTo = (from: number | undefined, to: number | undefined): string =>
  `${minute.format(from).replace(',', '')} to ${minute.format(to).replace(',', '')}`
