/**
 * Semantic versions as flagd's `sem_ver` takes them: semver.org 2.0.0 with a leading v, and versions of which only the
 * first parts are given (`1`, `1.2`).
 */

export type Version = { readonly parts: readonly [major: string, minor: string, patch: string]; readonly before: readonly string[] }

/** Longer than any version; what comes from a context is not searched further. */
const lengthMax = 256

const number = '(0|[1-9]\\d*)'
const identifier = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)'
const full = new RegExp(
  `^[vV]?${number}\\.${number}\\.${number}(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
)
const partial = /^[vV]?(\d+)(?:\.(\d+))?$/

/** Texts and numbers; undefined when it is no version. */
export function parseVersion(value: unknown): Version | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined
  const text = String(value)
  if (text.length > lengthMax) return undefined
  const found = full.exec(text)
  if (found !== null) {
    const [, major, minor, patch, before] = found
    return { parts: [major as string, minor as string, patch as string], before: before?.split('.') ?? [] }
  }
  const start = partial.exec(text)
  return start === null ? undefined : { parts: [withoutZeros(start[1]), withoutZeros(start[2]), '0'], before: [] }
}

const withoutZeros = (digits: string | undefined) => digits?.replace(/^0+(?=\d)/, '') ?? '0'

/** `=` `!=` `<` `<=` `>` `>=`; `~` is the same major and minor, `^` the same major: equality of these parts, not npm's ranges. */
export function versionTest(operator: unknown): ((a: Version, b: Version) => boolean) | undefined {
  return typeof operator === 'string' ? tests.get(operator) : undefined
}

const tests = new Map<string, (a: Version, b: Version) => boolean>([
  ['=', (a, b) => compareVersions(a, b) === 0],
  ['!=', (a, b) => compareVersions(a, b) !== 0],
  ['<', (a, b) => compareVersions(a, b) < 0],
  ['<=', (a, b) => compareVersions(a, b) <= 0],
  ['>', (a, b) => compareVersions(a, b) > 0],
  ['>=', (a, b) => compareVersions(a, b) >= 0],
  ['~', (a, b) => a.parts[0] === b.parts[0] && a.parts[1] === b.parts[1]],
  ['^', (a, b) => a.parts[0] === b.parts[0]],
])

/** The precedence of semver.org §11. */
function compareVersions(a: Version, b: Version): number {
  for (let nth = 0; nth < 3; nth++) {
    const order = compareDigits(a.parts[nth] as string, b.parts[nth] as string)
    if (order !== 0) return order
  }
  if (a.before.length === 0 || b.before.length === 0) return b.before.length - a.before.length
  const length = Math.min(a.before.length, b.before.length)
  for (let nth = 0; nth < length; nth++) {
    const order = compareIdentifiers(a.before[nth] as string, b.before[nth] as string)
    if (order !== 0) return order
  }
  return a.before.length - b.before.length
}

const digits = /^\d+$/

function compareIdentifiers(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [digits.test(a), digits.test(b)]
  if (aIsNumber && bIsNumber) return compareDigits(a, b)
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1
  return compareTexts(a, b)
}

/** Digits without leading zeros: the longer is the greater, so that no number is too large. */
const compareDigits = (a: string, b: string): number => a.length - b.length || compareTexts(a, b)

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
