/**
 * The one spelling of a JSON value: object keys sorted by code unit, no spaces, `undefined` members left out
 * (the ordering of RFC 8785; numbers as ECMAScript prints them, which is what RFC 8785 asks). Equal values
 * have equal spellings, so a hash over it names the content.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`
}
