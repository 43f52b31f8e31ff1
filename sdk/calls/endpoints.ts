/** One end of a connection as text: what calls and TCP sessions are joined by, so both must spell it alike. */

/** What Node and others say of an IPv4 peer on a socket that takes both (RFC 4291, 2.5.5.2). */
const mappedPattern = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i

/**
 * `10.0.0.1:80`, `[2001:db8::1]:80`. An IPv4 address that came mapped into IPv6 is told as IPv4, and the zone of a link-local
 * one (`%eth0`), which only its own host knows, is left out. '' where address or port are not known.
 */
export function endpointText(address: string | undefined, port: number | undefined): string {
  if (address === undefined || address === '' || port === undefined || !(port > 0)) return ''
  if (!address.includes(':')) return `${address}:${port}`
  const mapped = mappedPattern.exec(address)?.[1]
  if (mapped !== undefined) return `${mapped}:${port}`
  const zone = address.indexOf('%')
  return `[${(zone < 0 ? address : address.slice(0, zone)).toLowerCase()}]:${port}`
}
