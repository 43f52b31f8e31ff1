/** Slow calls of a time, each with what carried it. */
import { sayCount } from '@belay/base'
import type { NetworkCallsWire, NetworkCallWire } from '@belay/protocol'
import { carriedCalls, slowestTurns, windowOf } from './carried.ts'
import { environmentOf, type Ground, rangeOf } from './ground.ts'
import { type CarriedCall, toleranceMs } from './model.ts'

export type CallsAsk = {
  readonly environment?: string | undefined
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly service?: string | undefined
  readonly method?: string | undefined
  readonly because?: NetworkCallWire['slowBecause'] | undefined
  readonly slowerMs: number
  readonly limit: number
}

/** Of each of the two ways to be slow, so many are looked at: enough that `because` leaves some over. */
const lookedAt = 500

/**
 * A service that has handed a large answer to its kernel is done in a millisecond, however long the network then takes: so calls that
 * were slow for their service and calls whose turn was slow on the wire are both looked at.
 */
export async function readCalls(ground: Ground, ask: CallsAsk): Promise<NetworkCallsWire> {
  const environment = await environmentOf(ground, ask.environment)
  const range = rangeOf(ask, ground.clock.now())
  const { service, method, slowerMs } = ask
  const of = { environment, ...range, service, method, limit: lookedAt }
  const [slow, turns] = await Promise.all([
    ground.calls.slowest({ ...of, slowerMs }),
    slowestTurns(ground, { environment, ...range, slowerMs, limit: lookedAt }),
  ])
  const windows = turns.map(windowOf)
  const carried =
    windows.length === 0
      ? []
      : await ground.calls.carried({
          ...of,
          from: windows.reduce((least, { from }) => Math.min(least, from), range.to),
          to: windows.reduce((most, { to }) => Math.max(most, to), range.from) + 1,
          windows,
          // Before and after a turn that was slow on a connection, quick ones may lie within the tolerance.
          limit: lookedAt * 4,
        })
  const judged = await carriedCalls(ground, environment, distinct([...slow, ...carried]))
  const length = (it: NetworkCallWire) => Math.max(it.realMs, it.wholeMs ?? 0)
  const calls = judged.filter((it) => length(it) >= slowerMs).sort((a, b) => length(b) - length(a) || a.at - b.at)
  const reasons = { network: 0, server: 0, unknown: 0 }
  for (const { slowBecause } of calls) reasons[slowBecause]++
  return {
    ...range,
    environment,
    calls: calls.filter(({ slowBecause }) => ask.because === undefined || slowBecause === ask.because).slice(0, ask.limit),
    reasons,
    says: says(calls, reasons),
    notes: notes(calls),
  }
}

function distinct(calls: readonly CarriedCall[]): CarriedCall[] {
  const seen = new Map<string, CarriedCall>()
  for (const it of calls) seen.set([it.at, it.service, it.method, it.peer, it.local, it.realMs, it.trace, it.span].join('\n'), it)
  return [...seen.values()]
}

function says(calls: readonly NetworkCallWire[], { network, server, unknown }: NetworkCallsWire['reasons']): string {
  if (calls.length === 0) return 'No call of this time is so slow.'
  return `Of the ${sayCount(calls.length, 'slowest call', 'slowest calls')}, ${network} ${were(network)} slow because of the network, ${server} because of the server; of ${unknown} it is not known.`
}
const were = (count: number) => (count === 1 ? 'was' : 'were')

function notes(calls: readonly NetworkCallWire[]): string[] {
  const without = calls.filter(({ peer }) => peer === '').length
  const uncaptured = calls.filter(({ peer, session }) => peer !== '' && session === null).length
  return [
    ...(calls.some(({ turn }) => turn !== null)
      ? [
          `Calls and turns are laid side by side by address, port and time, to ${toleranceMs} ms, by the clocks of the service's host and of the capture's.`,
          'A session reaches from the service to the next hop: behind a load balancer that is the balancer, and the way from there to the user is another session.',
        ]
      : []),
    ...(without > 0
      ? [`${sayCount(without, 'call')} came without the addresses of a connection (older recorders, some access logs and exporters).`]
      : []),
    ...(uncaptured > 0
      ? [`Of ${sayCount(uncaptured, 'call')} no capture has the connection: run belay tcp live --send on the service's host.`]
      : []),
  ]
}
