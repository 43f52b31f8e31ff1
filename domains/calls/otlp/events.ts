/** What a call did besides computing, span by span, and what that comes to. */
import { createRepeatCounter, type Statement } from '@belay/call-record'

/** A statement, or a call of another service. */
export type CallEvent = {
  /** Null: a call of another service. */
  readonly statement: Statement | null
  /** Of a statement its database, else whom it called. */
  readonly name: string
  readonly startUs: number
  readonly durationUs: number
  readonly rows: number
  readonly failed: boolean
  /** In the order in which spans came: many SDKs know the beginning of a span to the ms only. */
  readonly order: number
}

/** What descendants tell about a call, on the way up to it. */
export class Gathering {
  readonly events: CallEvent[] = []
  variants: string[] = []
  /** Of a span within, where the call's own span names no route. */
  route = ''
  rpc = ''
  exception = ''
  /** Something was left out for want of room. */
  isCut = false

  add(event: CallEvent): void {
    if (this.events.length < callEventsMax) this.events.push(event)
    else this.isCut = true
  }
  addVariants(variants: readonly string[]): void {
    for (const variant of variants)
      if (this.variants.length < callVariantsMax && !this.variants.includes(variant)) this.variants.push(variant)
  }
  absorb(other: Gathering): void {
    for (const event of other.events) this.add(event)
    this.addVariants(other.variants)
    if (other.route.length > this.route.length) this.route = other.route
    if (this.rpc === '') this.rpc = other.rpc
    if (this.exception === '') this.exception = other.exception
    this.isCut ||= other.isCut
  }
  get isEmpty(): boolean {
    const { events, variants, route, rpc, exception, isCut } = this
    return events.length === 0 && variants.length === 0 && route === '' && rpc === '' && exception === '' && !isCut
  }
  /** About what it takes in memory. */
  get bytes(): number {
    return 200 + this.events.length * 120 + this.variants.length * 60 + this.exception.length
  }
}

/** A call with more is a job; the columns end at 65,535. The rest is not counted, and the call is marked. */
const callEventsMax = 20_000
const callVariantsMax = 100

export type Sums = {
  dbUs: number
  dbWallUs: number
  externalUs: number
  externals: number
  statements: number
  transactions: number
  rows: number
  repeats: number
  repeated: string
}

/**
 * A statement of SQL outside of BEGIN and COMMIT is a transaction of its own. Spans do not say on which connection they ran, so
 * what a call runs elsewhere while one of its transactions is open counts to that.
 * @param inTransaction the call began one before these events.
 */
export function sumsOf(events: readonly CallEvent[], realUs: number, inTransaction = false): Readonly<Sums> {
  if (events.length === 0) return noSums
  const sums = { ...noSums }
  const repeats = createRepeatCounter()
  let isOpen = inTransaction
  let reachedUs = Number.NEGATIVE_INFINITY
  for (const { statement, startUs, durationUs, rows } of inOrder(events)) {
    if (statement === null) {
      sums.externals++
      sums.externalUs += durationUs
      continue
    }
    sums.dbUs += durationUs
    sums.rows += rows
    // In the order of their beginnings, the union grows by what reaches beyond all before.
    const endUs = startUs + durationUs
    if (endUs > reachedUs) {
      sums.dbWallUs += endUs - Math.max(startUs, reachedUs)
      reachedUs = endUs
    }
    let isWork = false
    for (const kind of statement.kinds) {
      if (kind === 'begin') {
        isOpen = true
        sums.transactions++
      } else if (kind === 'end') isOpen = false
      else if (kind === 'statement') {
        isWork = true
        sums.statements++
        if (!isOpen) sums.transactions++
      }
    }
    if (isWork) repeats.add(statement.text)
  }
  sums.dbWallUs = Math.round(Math.min(sums.dbWallUs, sums.dbUs, realUs))
  sums.dbUs = Math.round(sums.dbUs)
  sums.externalUs = Math.round(sums.externalUs)
  sums.repeats = repeats.times
  sums.repeated = repeats.times > 1 ? repeats.text : ''
  return sums
}

const noSums: Readonly<Sums> = {
  dbUs: 0,
  dbWallUs: 0,
  externalUs: 0,
  externals: 0,
  statements: 0,
  transactions: 0,
  rows: 0,
  repeats: 0,
  repeated: '',
}

/** As they ran: by their beginning and, where that is known to the ms only, as they ended. */
export function inOrder(events: readonly CallEvent[]): readonly CallEvent[] {
  for (let i = 1; i < events.length; i++)
    if (earlier(events[i] as CallEvent, events[i - 1] as CallEvent) < 0) return events.toSorted(earlier)
  return events
}
const earlier = (a: CallEvent, b: CallEvent): number => a.startUs - b.startUs || a.order - b.order
