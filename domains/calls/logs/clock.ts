/** Times as access logs write them. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const clf = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,6}))?(?: ([+-])(\d{2})(\d{2}))?$/

/**
 * `10/Oct/2026:13:55:36 -0700` (Common Log Format) and HAProxy's `10/Oct/2026:13:55:36.655`: ms, NaN when it is none.
 * Without a zone it is local time of this server: HAProxy writes its own.
 */
export function parseClf(text: string): number {
  const [whole, day, month, year, hour, minute, second, fraction = '', sign, zoneHour, zoneMinute] = clf.exec(text) ?? []
  if (whole === undefined) return Number.NaN
  const at = [Number(year), months.indexOf(month ?? ''), Number(day), Number(hour), Number(minute), Number(second)] as const
  if (at[1] < 0 || at[2] < 1 || at[2] > 31 || at[3] > 23 || at[4] > 59 || at[5] > 60) return Number.NaN
  const ms = Number(fraction.padEnd(3, '0').slice(0, 3))
  if (sign === undefined) return new Date(...at, ms).getTime()
  const zoneMs = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60_000
  return Date.UTC(...at, ms) - (sign === '-' ? -zoneMs : zoneMs)
}

/** Logs are in order of time, so most lines have the second of the line before them. */
export function rememberingClf(): (text: string) => number {
  let last = ''
  let lastAt = Number.NaN
  return (text) => {
    if (text !== last) {
      last = text
      lastAt = parseClf(text)
    }
    return lastAt
  }
}

/** ISO 8601 with a zone, seconds with a fraction (`$msec`) or milliseconds since the epoch, or Common Log Format; NaN when it is none. */
export function parseMoment(value: unknown): number {
  if (typeof value === 'number') return value * 1_000
  if (typeof value !== 'string') return Number.NaN
  if (/^\d{9,11}(\.\d{1,9})?$/.test(value)) return Number(value) * 1_000
  if (/^\d{13}$/.test(value)) return Number(value)
  if (/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})$/.test(value)) return Date.parse(value)
  return parseClf(value)
}
