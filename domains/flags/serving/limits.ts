/** How much one key and one address may ask, so that a client that runs wild leaves room for all others. */
import type { IncomingMessage } from 'node:http'
import { type Buckets, openBuckets, type Rate } from './buckets.ts'

export type Rates = { readonly key: Rate; readonly address: Rate }

/**
 * A key may be a whole site's, with all of its visitors: it may use half of what one process answers (some 10,000 a
 * second on a core of 2023). An address is one person, or an office behind one: after a change each of its open pages
 * asks once, hence the burst; and a service that asks over the network 2,000 times a second should evaluate in process.
 */
export const usualRates: Rates = {
  key: { perSecond: 5_000, burst: 10_000 },
  address: { perSecond: 2_000, burst: 4_000 },
}

/** Whole seconds to wait; 0: go on. */
export type Limits = {
  address(request: IncomingMessage): number
  asker(asker: { readonly id: string }): number
}

export function openLimits(rates: Rates, now: () => number): Limits {
  const keys = openBuckets(rates.key)
  const addresses = openBuckets(rates.address)
  const take = (buckets: Buckets, name: string): number => {
    const waitMs = buckets.take(name, now())
    return waitMs === 0 ? 0 : Math.max(1, Math.ceil(waitMs / 1_000))
  }
  return {
    address: (request) => take(addresses, request.socket.remoteAddress ?? ''),
    asker: ({ id }) => take(keys, id),
  }
}
