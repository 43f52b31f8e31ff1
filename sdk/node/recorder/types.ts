/**
 * What drivers, channels and servers tell of the call that is under way. None of it throws or waits. Moments are
 * `performance.now() * 1000`, lengths are µs.
 */

export type Statement = {
  /** `postgresql`, `mysql`, `sqlite`, `mongodb`, `redis`; another name from the channel `belay:statement`. */
  readonly system: string
  /** As it was sent; parameters are taken out before it leaves the process. Of MongoDB and Redis: the command's words. */
  readonly text: string
  readonly startedUs: number
  readonly tookUs: number
  /** Read or changed, where the driver says. */
  readonly rows?: number
  readonly failed: boolean
  /** What a transaction is bound to: statements on the same object between its begin and its end are one transaction. */
  readonly connection?: object
}

/** A call to another service. */
export type External = {
  /** `GET api.example.test`: method and host, neither path nor query. */
  readonly text: string
  readonly startedUs: number
  readonly tookUs: number
  readonly failed: boolean
}

export type CallDescription = {
  readonly account?: string
  /** Goes before the rules of audiences. */
  readonly audience?: string
  /** Goes before route and rules. */
  readonly method?: string
}

export type OpenCall = {
  statement(it: Statement): void
  external(it: External): void
  evaluation(flag: string, variant: string): void
  /** Something was thrown that nobody answered for: the call counts as failed. */
  error(thrown: unknown): void
  describe(it: CallDescription): void
  /** The route's template, as its framework knows it. */
  route(template: string): void
  /** `00-TRACE-SPAN-01` (W3C Trace Context), for a call to another service to carry on. */
  traceparent(): string
}
