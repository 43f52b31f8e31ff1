/** What a segment may hold, and why not more. */

/** A million keys are 16 MB of memory and a second of uploading; whoever has more knows them by an attribute. */
export const listMaxKeys = 1_000_000
/**
 * A million keys of 67 bytes; UUIDs have 36 and e-mail addresses seldom 60. Uploads are held in memory before they are
 * written, and a change of many keys rewrites most of the list in one transaction.
 */
export const listMaxBytes = 64 * 1_024 * 1_024
/** The longest unit that services report (sdk/protocol). */
export const keyMaxBytes = 500
/** What one JSON request carries (sdk/protocol); a transaction that adds so many to a full list takes one or two seconds. */
export const changeMaxKeys = 10_000
/** Five times the thousand that a large product has; each costs a name and a rule in memory. */
export const segmentsMax = 5_000
/** About 320 MB of memory in each server. */
export const allListsMaxKeys = 20_000_000
/** Of the keys that a change adds or removes, a fact names so many... */
export const factKeysMax = 100
/** ...and no more than this of each kind: facts have 64 KiB. */
export const factKeysMaxBytes = 12 * 1_024
/** A rule that is larger stands in a fact as its hash. */
export const factRuleMaxBytes = 12 * 1_024

/** Why a text cannot stand in a list; undefined: it can. What one line of a file cannot carry is refused everywhere. */
export function whyNoKey(key: string): string | undefined {
  if (key.trim() === '') return 'is blank'
  if (key.length * 3 > keyMaxBytes && Buffer.byteLength(key) > keyMaxBytes) return `is longer than ${keyMaxBytes} bytes`
  if (/[\0\n\r]/.test(key)) return 'holds a line break or a zero'
  if (!key.isWellFormed()) return 'is not UTF-8'
  return undefined
}
