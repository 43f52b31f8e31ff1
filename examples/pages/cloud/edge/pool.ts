/** The instances of one service behind the edge: whose turn it is, who is drained, who did not answer lately. */
export type Upstream = {
  readonly address: string
  drained: boolean
  /** Milliseconds since the epoch until which it is left alone after a refused connection; 0: it is well. */
  deadUntil: number
  inFlight: number
  served: number
}
export type Drained = { drained: boolean; inFlight: number; waitedMs: number }

/** A restart takes a few hundred milliseconds: after that an instance deserves another try. */
const restMs = 500
const lookEveryMs = 10

export class Pool {
  readonly service: string
  readonly upstreams: readonly Upstream[]
  private turn = 0

  constructor(service: string, addresses: readonly string[]) {
    this.service = service
    this.upstreams = addresses.map((address) => ({ address, drained: false, deadUntil: 0, inFlight: 0, served: 0 }))
  }

  /** The next instance in turn that may serve: rather one that is well, never a drained one, not `except` when there is another. */
  pick(nowMs: number, except?: Upstream): Upstream | undefined {
    const serving = this.upstreams.filter((it) => !it.drained)
    const well = serving.filter((it) => it.deadUntil <= nowMs && it !== except)
    const others = serving.filter((it) => it !== except)
    const choice = [well, others, serving].find((some) => some.length > 0) ?? []
    return choice[this.turn++ % Math.max(1, choice.length)]
  }

  /** As `pick`, but waits up to `limitMs` for an instance while all are drained: a lone instance may restart unseen. */
  async wait(limitMs: number, except?: Upstream): Promise<Upstream | undefined> {
    const until = Date.now() + limitMs
    let found = this.pick(Date.now(), except)
    while (found === undefined && Date.now() < until) {
      await pause()
      found = this.pick(Date.now(), except)
    }
    return found
  }

  refused(upstream: Upstream, nowMs: number): void {
    upstream.deadUntil = nowMs + restMs
  }

  /** Sends it nothing more and waits until what it had in hand is answered. */
  async drain(upstream: Upstream, limitMs: number): Promise<Drained> {
    const began = Date.now()
    upstream.drained = true
    while (upstream.inFlight > 0 && Date.now() - began < limitMs) await pause()
    return { drained: upstream.inFlight === 0, inFlight: upstream.inFlight, waitedMs: Date.now() - began }
  }

  undrain(upstream: Upstream): void {
    upstream.drained = false
    upstream.deadUntil = 0
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, lookEveryMs))
}
