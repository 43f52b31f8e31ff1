/** How long what services report is kept, how much of it, and why. */

export const minuteMs = 60_000
export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/**
 * Entries older than this are dropped, so that a batch may be forgotten a while later (`batchKeptMs`) without being
 * counted again when it comes again: by then all of it is too old. A service that was cut off for longer than a week
 * loses the beginning of its spool.
 */
export const lateMaxMs = 7 * dayMs
/** Clocks that are not set run minutes off; this much ahead is still believed. */
export const aheadMs = 60 * minuteMs
/** A clock set to another time zone: what is ahead by up to this much counts as now; beyond that it is dropped. */
export const aheadMaxMs = 24 * hourMs
/** Longer than the latest entry of a batch can take to become too old. */
export const batchKeptMs = lateMaxMs + aheadMaxMs + dayMs

/** Minutes are looked at for the last hours and days; after that an hour is fine enough. */
export const minutesKeptMs = 2 * dayMs
/** A quarter: the longest climb and the longest experiment, and the span that the page can show. */
export const keptMs = 90 * dayMs

/** About 40 bytes each with their index: 400 MB. Past that the oldest minutes become hours before their time. */
export const minutesMax = 10_000_000
/** 5,000 flags with one variant in use fill 90 days; past that the oldest hours go before their time. */
export const hoursMax = 10_000_000
/** About 150 bytes each with their indexes: 1.5 GB. Past that the oldest exposures go before their time. */
export const exposuresMax = 10_000_000
/** Up to some kilobytes each; past that the oldest events go before their time. */
export const eventsMax = 5_000_000

/** Twice the flags of a large product; a service may report flags that this server does not know yet, or mistakes. */
export const flagsMax = 10_000
/** A flag has two variants, an experiment ten. */
export const variantsMax = 100
/** As many units as the largest list has keys: more tell nothing that a million do not. */
export const unitsMax = 1_000_000
/** Names in the code of services, like flags but fewer. */
export const eventNamesMax = 1_000
/** Sixteen million evaluations a second; what says more is a mistake, and could be summed past what is exact. */
export const countMax = 1_000_000_000
/** Attributes describe what happened; who sends documents sends them elsewhere. */
export const attributesMaxBytes = 4 * 1_024

/** Of what this server evaluates itself: flags x variants x environments that are counted at once. */
export const cellsMax = 50_000
/** Minutes that wait for the database while it is away. */
export const waitingCountsMax = 200_000
/** Exposures that wait, about 200 bytes each. */
export const waitingExposuresMax = 100_000
/** Units that are remembered as written, 16 bytes each; past that all are forgotten and written once more, in vain. */
export const rememberedMax = 1_000_000
