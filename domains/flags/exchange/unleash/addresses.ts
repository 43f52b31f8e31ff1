/** Ranges of IP addresses as beginnings of their text: rules have no operator for addresses. */
import { isIP, isIPv4 } from 'node:net'
import type { JsonLogic } from '@belay/flag-evaluator'
import type { Note } from './attributes.ts'

/** /9, the worst, becomes 128 beginnings; a rule of more is not one that somebody reads. */
const beginningsMax = 256

/**
 * Exact for IPv4. For IPv6 addresses must be handed in as they are usually written (RFC 5952), and ranges end between
 * two groups. Values that are no address or range count for nobody, as in Unleash.
 */
export function addressRule(attribute: JsonLogic, ranges: readonly string[]): { rule: JsonLogic; note?: Note } | { cannot: string } {
  const whole: string[] = []
  const beginnings: string[] = []
  let isSix = false
  for (const range of ranges) {
    const [address = '', bits, ...more] = range.split('/')
    if (isIP(address) === 0 || more.length > 0 || (bits !== undefined && !isPrefix(bits, address))) continue
    isSix ||= !isIPv4(address)
    const length = bits === undefined ? undefined : Number(bits)
    if (length === undefined || length === (isIPv4(address) ? 32 : 128)) whole.push(address)
    else {
      const found = isIPv4(address) ? beginningsOf4(address, length) : beginningOf6(address, length)
      if (found === undefined) return { cannot: `the range ${range} cannot be told from the beginning of an address` }
      // Of the last octet there is nothing behind: 10.0.0.1 is the beginning of 10.0.0.10.
      if (isIPv4(address) && length > 24) whole.push(...found)
      else beginnings.push(...found)
    }
  }
  if (beginnings.length > beginningsMax) return { cannot: `its ranges of addresses come to more than ${beginningsMax} beginnings` }
  const rules: JsonLogic[] = [
    ...(whole.length === 0 ? [] : [{ in: [attribute, whole] }]),
    ...beginnings.map((it): JsonLogic => (it === '' ? { '!!': [attribute] } : { starts_with: [attribute, it] })),
  ]
  const rule: JsonLogic = rules.length === 0 ? false : rules.length === 1 ? (rules[0] as JsonLogic) : { or: rules }
  return isSix
    ? { rule, note: { text: 'IPv6 addresses are compared as they are usually written (RFC 5952); hand them in so.', approximate: true } }
    : { rule }
}

const isPrefix = (bits: string, address: string) => /^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(address) ? 32 : 128)

/** `172.16.0.0/12`: 172.16. to 172.31. */
function beginningsOf4(address: string, length: number): string[] {
  const octets = address.split('.').map(Number)
  const kept = Math.floor(length / 8)
  const start = octets
    .slice(0, kept)
    .map((it) => `${it}.`)
    .join('')
  const rest = length % 8
  if (rest === 0) return [start]
  const count = 2 ** (8 - rest)
  const first = Math.floor((octets[kept] ?? 0) / count) * count
  return Array.from({ length: count }, (_, index) => `${start}${first + index}${kept === 3 ? '' : '.'}`)
}

/** Only where the text of the groups that count cannot be shortened to `::`. */
function beginningOf6(address: string, length: number): string[] | undefined {
  const groups = address.toLowerCase().split(':')
  const kept = length / 16
  const counting = groups.slice(0, kept)
  if (
    !Number.isInteger(kept) ||
    kept === 0 ||
    counting.length < kept ||
    counting.some((group) => Number.parseInt(group, 16) === 0 || group === '')
  )
    return undefined
  return [counting.map((group) => `${group.replace(/^0+/, '')}:`).join('')]
}
