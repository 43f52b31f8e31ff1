/** What a browser could be talked into by a page elsewhere, and how it is refused. Pure. */

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || host.startsWith('127.')

/**
 * May a server that listens on loopback be asked by this Host header? A page elsewhere can make a name of its own
 * point to 127.0.0.1 (DNS rebinding); the browser then takes that page for ours, but says its name here.
 */
export function isLocalHostHeader(header: string | undefined, more: readonly string[] = []): boolean {
  const name = (header ?? '').replace(/:\d+$/, '').toLowerCase()
  return loopbackNames.includes(name) || more.includes(name) || name.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(name)
}

/**
 * Does a request that a cookie vouches for come from our own page? Browsers send `Origin` with everything but plain
 * GET; the host is compared and not the scheme, so that a proxy in front may speak TLS.
 */
export function isOwnOrigin(headers: { origin?: string | undefined; host?: string | undefined; fetchSite?: string | undefined }): boolean {
  if (headers.origin === undefined) return headers.fetchSite === 'same-origin'
  return URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host
}
