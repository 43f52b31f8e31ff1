/** A call that is under way, and all that is told of it. Everything here runs for every call and every statement: it must be cheap. */
import { randomFillSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import {
  createRepeatCounter,
  createStatementReader,
  type ExemplarEvent,
  eventsMax,
  type RepeatCounter,
  type StatementReader,
} from '@belay/call-record'
import type { Metered } from './cpu/meter.ts'
import { lagMs } from './lag.ts'
import type { CallDescription, External, OpenCall, Statement } from './types.ts'

/** Flags that one call asks for; more is a loop over generated names. */
const variantsMax = 50
/** Of an error's message. */
const messageMax = 200
/** Of a name that the service gives. */
const wordMax = 200
/** Intervals that do not touch; more of them lie so far back that no statement still runs beside them. */
const intervalsMax = 64

const readers = new Map<string, StatementReader>()
/** Systems are few; a channel that makes up names gets no memory of its own for each. */
const readersMax = 16
function readerOf(system: string): StatementReader {
  let reader = readers.get(system)
  if (reader === undefined) {
    reader = createStatementReader(system)
    if (readers.size < readersMax) readers.set(system, reader)
  }
  return reader
}

export class Call implements OpenCall, Metered {
  // Fields of the meter.
  sliceMs = 0
  window = 0

  readonly startedMs = performance.now()
  /** Its answer has ended; what is told after that comes too late. */
  closed = false
  threw = false
  /** Its answer is a stream of events, which has begun. */
  streams = false
  account: string | undefined = undefined
  audience: string | undefined = undefined
  method: string | undefined = undefined
  template = ''

  dbUs = 0
  dbWallUs = 0
  externalUs = 0
  externals = 0
  loopMs = lagMs()
  statements = 0
  transactions = 0
  rows = 0
  repeats: RepeatCounter | undefined = undefined
  events: ExemplarEvent[] | undefined = undefined
  cut = 0
  variants: string[] | undefined = undefined
  trace: string
  span = ''

  /** Explicit transactions that are open: their connection and when they began. */
  #open: Map<object, number> | undefined = undefined
  /** Beginnings and ends of database time, merged, ascending. */
  #busy: number[] | undefined = undefined

  constructor(trace: string) {
    this.trace = trace
  }

  statement(it: Statement): void {
    if (this.closed) return
    const { text, kinds, standsAlone } = readerOf(it.system).read(it.text)
    this.dbUs += it.tookUs
    this.#addBusy(it.startedUs, it.startedUs + it.tookUs)
    // SQLite answers in the same slice: nothing waits for the loop.
    if (it.system !== 'sqlite') this.loopMs += lagMs()
    if (it.rows !== undefined) this.rows += it.rows
    const connection = it.connection ?? this
    for (let nth = 0; nth < kinds.length; nth++) {
      const kind = kinds[nth]
      if (kind === 'statement') {
        this.statements++
        if (standsAlone && (this.#open === undefined || !this.#open.has(connection))) this.transactions++
      } else if (kind === 'begin') this.#begin(connection, it.startedUs)
      else if (kind === 'end') this.#end(connection, it)
    }
    if (kinds.length !== 1 || kinds[0] === 'statement') {
      this.repeats ??= createRepeatCounter()
      this.repeats.add(text)
    }
    this.#event('statement', it.startedUs, it.tookUs, text, it.system, it.failed)
  }

  external(it: External): void {
    if (this.closed) return
    this.externalUs += it.tookUs
    this.externals++
    this.loopMs += lagMs()
    this.#event('external', it.startedUs, it.tookUs, it.text, '', it.failed)
  }

  evaluation(flag: string, variant: string): void {
    if (this.closed) return
    const label = `${flag}=${variant}`
    this.variants ??= []
    if (this.variants.includes(label) || this.variants.length >= variantsMax) return
    this.variants.push(label)
    this.#event('evaluation', performance.now() * 1_000, 0, label, '', false)
  }

  error(thrown: unknown): void {
    if (this.closed) return
    this.threw = true
    const { name, message } = thrown instanceof Error ? thrown : { name: 'Thrown', message: String(thrown) }
    this.#event('error', performance.now() * 1_000, 0, `${name}: ${message.slice(0, messageMax)}`, '', true)
  }

  describe({ account, audience, method }: CallDescription): void {
    // Channels bring whatever somebody publishes.
    if (typeof account === 'string') this.account = account.slice(0, wordMax)
    if (typeof audience === 'string') this.audience = audience.slice(0, wordMax)
    if (typeof method === 'string' && method !== '') this.method = method.slice(0, wordMax)
  }

  route(template: string): void {
    this.template = template
  }

  traceparent(): string {
    this.identify()
    return `00-${this.trace}-${this.span}-01`
  }

  /** Ids cost something, so only calls have them that came with one, went on to another service, or are kept as exemplars. */
  identify(): void {
    if (this.trace === '') this.trace = randomHex(16)
    if (this.span === '') this.span = randomHex(8)
  }

  #begin(connection: object, startedUs: number): void {
    this.#open ??= new Map()
    if (this.#open.has(connection)) return
    this.#open.set(connection, startedUs)
    this.transactions++
  }

  #end(connection: object, { startedUs, tookUs, system, failed }: Statement): void {
    const begunUs = this.#open?.get(connection)
    if (begunUs === undefined) return
    this.#open?.delete(connection)
    this.#event('transaction', begunUs, startedUs + tookUs - begunUs, '', system, failed)
  }

  #event(kind: ExemplarEvent['kind'], startedUs: number, tookUs: number, text: string, system: string, failed: boolean): void {
    this.events ??= []
    if (this.events.length >= eventsMax) this.cut++
    else this.events.push({ kind, atUs: startedUs - this.startedMs * 1_000, tookUs, text, system, failed })
  }

  /** Statements are told when they end, so no interval ends before one that was told earlier. */
  #addBusy(startUs: number, endUs: number): void {
    const busy = (this.#busy ??= [])
    let from = startUs
    while (busy.length > 0 && (busy[busy.length - 1] as number) > from) {
      const end = busy.pop() as number
      const start = busy.pop() as number
      this.dbWallUs -= end - start
      if (start < from) from = start
      if (end > endUs) endUs = end
    }
    busy.push(from, endUs)
    this.dbWallUs += endUs - from
    if (busy.length > 2 * intervalsMax) busy.splice(0, intervalsMax)
  }
}

const pool = Buffer.alloc(4_096)
let used = pool.length
/** Not secret, only different: W3C Trace Context 2.2.3. A call to the generator fills ids for hundreds of calls. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const text = pool.toString('hex', used, used + bytes)
  used += bytes
  // An id of zeros alone is invalid.
  return /[^0]/.test(text) ? text : randomHex(bytes)
}

/** Version 00 and those to come, which begin the same way. '' when there is none, or it is none. */
export function traceIdOf(traceparent: unknown): string {
  if (typeof traceparent !== 'string' || traceparent.length < 55 || !traceparentPattern.test(traceparent)) return ''
  return traceparent.slice(3, 35)
}
const traceparentPattern = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/
