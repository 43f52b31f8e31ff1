/**
 * A path without what differs from call to call: `/items/8231/comments` is `/items/{id}/comments`. For requests that no
 * rule and no route names. A name that keeps an id makes a method of every item, so where a segment may be either, it is
 * taken for an id; what slips through meets the bound of the book of methods.
 */

/** No API that people use nests deeper; what is beyond is some proxy's or attacker's. */
const segmentsMax = 12
/** Words of paths are short; longer ones are tokens, texts, files that somebody encoded. */
const segmentCharactersMax = 64
/** Generated ids are as long as this, or longer. */
const generatedCharactersMin = 16

const idPlaceholder = '{id}'
const uuid = /^\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$/i
/** Outside of these, a segment is a value that somebody typed, not a word of the API. */
const ordinary = /^[\w.~$:,;=+(){}*!&'-]+$/
const separators = /([-_.~:,;=+!&'()]+)/

/** Always begins with a slash; queries and fragments are left out, and so are empty segments. The same for its own answers. */
export function templateOf(path: string): string {
  const end = path.search(/[?#]/)
  const segments = (end < 0 ? path : path.slice(0, end)).split('/', 4 * segmentsMax).filter((segment) => segment !== '')
  const kept = segments.slice(0, segmentsMax).map(segmentTemplate)
  return `/${kept.join('/')}${segments.length > segmentsMax ? '/*' : ''}`
}

function segmentTemplate(segment: string): string {
  // `;jsessionid=…`: matrix parameters.
  const [word = ''] = segment.split(';', 1)
  if (word.length > segmentCharactersMax || word.startsWith('@') || !ordinary.test(word) || uuid.test(word)) return idPlaceholder
  if (/^v\d+(\.\d+)*$/i.test(word)) return word
  const parts = word.split(separators)
  const said = parts.map((part, at) => (at % 2 === 1 || part === '' || part === idPlaceholder || isWord(part) ? part : idPlaceholder))
  // Generated ids may hold dashes and underscores (base64url, UUIDs of other shapes): what is mostly an id is one.
  const idCharacters = parts.reduce((sum, part, at) => sum + (said[at] === part ? 0 : part.length), 0)
  if (word.length >= generatedCharactersMin && (idCharacters >= word.length / 2 || isMixed(word))) return idPlaceholder
  // 2024-05-01, 10.0.0.1, 1,2,3 are one id each.
  return said.join('').replace(/\{id\}(?:[-_.~:,;=+!&'()]+\{id\})+/g, idPlaceholder)
}

/** Is this written by those who made the API (`comments`, `v2`, `oauth2`, `getItemsByAuthor`), or is it some item's id? */
export function isWord(part: string): boolean {
  if (!/\d/.test(part)) return !isScrambled(part)
  if (/^v\d{1,3}$/i.test(part)) return true
  // oauth2, s3, base64; 2fa, 3d: words with a small number of their own.
  return /^[a-z]+\d{1,2}$/i.test(part) ? !isScrambled(part.replace(/\d+$/, '')) : /^\d[a-z]{1,3}$/i.test(part)
}

/** Letters alone that nobody pronounces: hex, base64, generated names. */
function isScrambled(letters: string): boolean {
  if (letters.length < 8) return false
  if (/^[a-f]+$/i.test(letters)) return true
  if (letters.length < generatedCharactersMin) return false
  return letters.length > 48 || /[bcdfghjklmnpqrstvwxz]{7}/i.test(letters) || isMixed(letters)
}

/** People's words have some letters each, in camelCase too; where capitals, small letters and digits take turns, chance wrote. */
function isMixed(text: string): boolean {
  const runs = text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? []
  return runs.length > 0 && text.replaceAll(/\W|_/g, '').length / runs.length < 2.5
}
