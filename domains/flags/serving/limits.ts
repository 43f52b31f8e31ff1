/** How much one key and one address may ask, so that a client that runs wild leaves room for all others. */
import type { IncomingMessage } from 'node:http'
import { type Buckets, openBuckets, type Rate } from './buckets.ts'
import { servingProblem } from './problems.ts'

export type Rates = { readonly key: Rate; readonly address: Rate }

/**
 * A key may be a whole site's, with all of its visitors: it may use a third of what one process answers (some 15,000
 * times all of 50 flags a second). An address is one person, or an office behind one: after a change each of its open
 * pages asks once, hence the burst; and a service that asks over the network 2,000 times a second should evaluate in
 * process.
 */
export const usualRates: Rates = ratesOf(5_000, 2_000)

function ratesOf(key: number, address: number): Rates {
  return { key: { perSecond: key, burst: 2 * key }, address: { perSecond: address, burst: 2 * address } }
}

/**
 * `KEY,ADDRESS`, each in requests a second; twice as many may come at once.
 * @throws Problem `serving-rates-unclear`.
 */
export function readRates(text: string): Rates {
  const [, key, address] = /^(\d{1,9}),(\d{1,9})$/.exec(text.trim()) ?? []
  if (!(Number(key) > 0 && Number(address) > 0)) throw servingProblem('serving-rates-unclear', { text })
  return ratesOf(Number(key), Number(address))
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
