/** What a log may hold, and why not more. */

/** nginx takes 8 KiB of a request and as much of headers; escaped to `\xHH` and written as JSON it is four times that. */
export const lineMaxBytes = 64 * 1_024
/** What one batch holds is written and claimed at once: as many calls as a recorder may send. */
export const batchLines = 20_000
/** A day of 1,000 requests a second; more is several files. */
export const linesMax = 100_000_000
/** Whoever mends a format needs a few. */
export const examplesMax = 10
/** Longer is not read by anybody. */
export const becauseMaxCharacters = 300
/** As long as rollups by hour are kept; each day is a partition of its own when it goes in. */
export const ageMaxMs = 400 * 86_400_000
/** A clock may be ahead by a little; what is beyond is no time at all. */
export const aheadMaxMs = 10 * 60_000
/** A store that does not keep up is waited for: nginx's log does not run away. */
export const busyWaitMaxMs = 120_000
/** A log that grows and is imported every minute for a week. */
export const endsMax = 10_000
/** Rows of raw calls keep times in 32 bits. */
export const uint32Max = 2 ** 32 - 1
