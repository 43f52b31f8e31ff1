/**
 * From spans to calls. A span that is no call moves what it knows (statements, calls of others, flags) to its parent, and
 * so on up to the span of the call. Spans of one call come in any order and in several bodies: what comes before its call
 * waits for it (`pending.ts`); what comes after it becomes a row that only adds (`marks.late`); what came within the last
 * minutes is remembered (`recent.ts`), so that a span which comes again counts once, and one that comes late finds its way
 * through spans that have gone.
 *
 * The same bodies at the same times make the same rows, so what was taken before a crash can be taken again.
 */
import { createStatementReader, endpointText, type StatementReader } from '@belay/call-record'
import { blankCall, type CallRow, marks } from '../row.ts'
import { type DescribeCalls, type Described, rpcNameOf } from './describe.ts'
import { type CallEvent, Gathering, sumsOf } from './events.ts'
import { createIdentities, type Identity } from './identities.ts'
import { limits } from './limits.ts'
import { createPending, type Pending } from './pending.ts'
import { fates, type Key, mixInto, Recent } from './recent.ts'
import { type Evaluation, isLocal, type Span, type SpanId, spanKinds } from './shape.ts'

export type Made = {
  readonly row: CallRow
  /** Absent of a row that only adds. */
  readonly span: Span | undefined
  readonly gathering: Gathering
}
export type Counts = {
  calls: number
  /** Spans that came again. */
  duplicates: number
  /** Rows that only add to calls which were counted before. */
  late: number
  /** Spans that waited for a call which never came, or for which there was no room. */
  forgotten: number
  /** Evaluations of flags that came after their call. */
  lateEvaluations: number
}

/** A chain of spans is as deep as the code that made it; a ring of parents has no end. */
const hopsMax = 1_000
/** Where a climb ends: at a span that has not come, at a call of this body, at one of an earlier body; 0: nowhere. */
const [unknown, here, earlier] = [1, 2, 3]
/** Set in the number of an identity: the call began a transaction. */
const beganTransaction = 0x8000_0000

/** One body's spans while they are worked on; columns by position. */
class Body {
  readonly spans: readonly Span[]
  readonly environment: string
  readonly low: Uint32Array
  readonly high: Uint32Array
  readonly parentLow: Uint32Array
  readonly parentHigh: Uint32Array
  /** `fates`: what each is in itself. 0: it came before, and is left out. */
  readonly fate: Uint8Array
  /** A statement or call of others within which another one was found: that one counts. */
  readonly covered: Uint8Array
  /** Its statements, or its calls of others, were counted with an ancestor. */
  readonly dropped: Uint8Array
  readonly target: Uint8Array
  readonly targetA: Uint32Array
  readonly targetB: Uint32Array
  /** What came for it before. */
  readonly waited: (Gathering | undefined)[]
  /** Of those that are calls. */
  readonly gathered: (Gathering | undefined)[]
  readonly late = new Map<string, { identity: Identity; seconds: number; trace: string; began: boolean; gathering: Gathering }>()

  constructor(environment: string, spans: readonly Span[]) {
    const n = spans.length
    this.environment = environment
    this.spans = spans
    this.low = new Uint32Array(n)
    this.high = new Uint32Array(n)
    this.parentLow = new Uint32Array(n)
    this.parentHigh = new Uint32Array(n)
    this.fate = new Uint8Array(n)
    this.covered = new Uint8Array(n)
    this.dropped = new Uint8Array(n)
    this.target = new Uint8Array(n)
    this.targetA = new Uint32Array(n)
    this.targetB = new Uint32Array(n)
    this.waited = new Array<Gathering | undefined>(n)
    this.gathered = new Array<Gathering | undefined>(n)
  }

  /** Is the key that of the span at this position? One that came again is not in this body. */
  has(index: number, low: number, high: number): boolean {
    return index < this.spans.length && this.low[index] === low && this.high[index] === high && this.fate[index] !== 0
  }
}
const [droppedStatements, droppedExternals] = [1, 2]

export class Tracker {
  readonly counts: Counts = { calls: 0, duplicates: 0, late: 0, forgotten: 0, lateEvaluations: 0 }
  readonly pending: Pending
  readonly #describe: DescribeCalls
  readonly #seed: readonly [number, number]
  readonly #recent: Recent
  readonly #identities = createIdentities()
  readonly #readers = new Map<string, StatementReader>()
  readonly #environments = new Map<string, Key>()
  readonly #key: Key = { low: 0, high: 0 }
  readonly #ofTrace: Key = { low: 0, high: 0 }
  #order = 0
  /** Some trace was; asked for each call. */
  #hasCut = false

  /** @param seed of this place, the same at each start: keys of what is saved depend on it. */
  constructor(describe: DescribeCalls, seed: readonly [number, number], now: number, pending = createPending()) {
    this.#describe = describe
    this.#seed = seed
    this.pending = pending
    this.#recent = new Recent(limits.rememberMax, limits.rememberMs, now)
  }

  /** Rows of the calls that these spans complete, and of those that they add to. */
  spans(environment: string, spans: readonly Span[], now: number): Made[] {
    this.#begin(spans.length, now)
    const body = new Body(environment, spans)
    this.#admit(body)
    for (let i = 0; i < spans.length; i++) this.#climb(body, i)
    for (let i = 0; i < spans.length; i++) this.#gather(body, i, now)
    const made: Made[] = []
    this.#calls(body, now, made)
    this.#lateRows(body, made)
    return made
  }

  evaluations(environment: string, evaluations: readonly Evaluation[], now: number): void {
    this.#begin(0, now)
    const recent = this.#recent
    for (const it of evaluations) {
      this.#keyOf(environment, it)
      let { low, high } = this.#key
      let hops = 0
      while (hops++ < hopsMax && recent.find(low, high) && recent.fate !== fates.call) [low, high] = [recent.value, recent.more]
      if (recent.find(low, high)) this.counts.lateEvaluations++
      else if (low !== 0 || high !== 0) this.pending.put(this.#waiting(low, high), now, (into) => into.addVariants([it.variant]))
    }
  }

  #begin(coming: number, now: number): void {
    if (this.#recent.turn(now, coming)) this.#identities.turn()
    this.pending.age(now, ({ traceLow, traceHigh, gathering }) => {
      this.counts.forgotten += gathering.events.length
      // Its call may come yet, and is then marked.
      this.#recent.set(traceLow, ~traceHigh >>> 0, fates.cut, 0, 0, 0)
      this.#hasCut = true
    })
  }

  /** What waits for its call. `restore` goes on from there. */
  saved(): string {
    return this.pending.saved()
  }
  restore(saved: string): void {
    this.#order = Math.max(this.#order, this.pending.restore(saved) + 1)
  }

  #seedOf(environment: string): Key {
    let seed = this.#environments.get(environment)
    if (seed === undefined) {
      seed = { low: 0, high: 0 }
      let [low, high] = this.#seed
      for (let i = 0; i < environment.length; i++) {
        mixInto(seed, environment.charCodeAt(i), i, low, high)
        ;({ low, high } = seed)
      }
      this.#environments.set(environment, seed)
    }
    return seed
  }

  /** Into `#ofTrace` and `#key`. */
  #keyOf(environment: string, it: SpanId): void {
    const { low, high } = this.#seedOf(environment)
    mixInto(this.#ofTrace, it.trace0, it.trace1, low, high)
    mixInto(this.#ofTrace, it.trace2, it.trace3, this.#ofTrace.low, this.#ofTrace.high)
    mixInto(this.#key, it.id0, it.id1, this.#ofTrace.low, this.#ofTrace.high)
  }

  /** Of the trace whose key was made last. */
  #waiting(low: number, high: number) {
    return { low, high, traceLow: this.#ofTrace.low, traceHigh: this.#ofTrace.high }
  }

  /** Remembers each span; those that are known came before. */
  #admit(body: Body): void {
    const recent = this.#recent
    const key = this.#key
    for (let i = 0; i < body.spans.length; i++) {
      const span = body.spans[i] as Span
      this.#keyOf(body.environment, span)
      const { low, high } = key
      body.low[i] = low
      body.high[i] = high
      if (recent.find(low, high)) {
        this.counts.duplicates++
        continue
      }
      if (span.hasParent) {
        mixInto(key, span.parent0, span.parent1, this.#ofTrace.low, this.#ofTrace.high)
        body.parentLow[i] = key.low
        body.parentHigh[i] = key.high
      }
      const fate = fateOf(span)
      body.fate[i] = fate
      recent.set(low, high, fate, body.parentLow[i] as number, body.parentHigh[i] as number, i)
      body.waited[i] = this.pending.take(low, high)
    }
  }

  /** Finds where what the span knows goes, and what on the way there tells of the same statement. */
  #climb(body: Body, i: number): void {
    const fate = body.fate[i] as number
    const waited = body.waited[i]
    if (fate === 0 || fate === fates.call) return
    const waitedStatements = waited?.events.some((it) => it.statement !== null) === true
    const waitedExternals = waited !== undefined && waited.events.length > 0 && waited.events.some((it) => it.statement === null)
    if ((fate === fates.statement && waitedStatements) || (fate === fates.external && waitedExternals)) this.#cover(body, i)
    const hasStatement = fate === fates.statement || waitedStatements
    const hasExternal = fate === fates.external || waitedExternals
    if (!hasStatement && !hasExternal && waited === undefined && !tells(body.spans[i] as Span)) return

    const recent = this.#recent
    let low = body.parentLow[i] as number
    let high = body.parentHigh[i] as number
    for (let hops = 0; hops < hopsMax && (low !== 0 || high !== 0); hops++) {
      if (!recent.find(low, high)) return this.#aim(body, i, unknown, low, high)
      const { fate: above, value, more, index } = recent
      const isHere = body.has(index, low, high)
      if (above === fates.call) return isHere ? this.#aim(body, i, here, index, 0) : this.#aim(body, i, earlier, value, more)
      if (above === fates.statement) {
        if (hasExternal) body.dropped[i] = (body.dropped[i] as number) | droppedExternals
        if (hasStatement && isHere) this.#cover(body, index)
        else if (hasStatement) body.dropped[i] = (body.dropped[i] as number) | droppedStatements
      } else if (above === fates.external && hasExternal) {
        if (isHere) this.#cover(body, index)
        else body.dropped[i] = (body.dropped[i] as number) | droppedExternals
      }
      low = value
      high = more
    }
  }

  #aim(body: Body, i: number, target: number, a: number, b: number): void {
    body.target[i] = target
    body.targetA[i] = a
    body.targetB[i] = b
  }

  /** From now on it only passes on what it is told. */
  #cover(body: Body, i: number): void {
    if (body.covered[i] === 1) return
    body.covered[i] = 1
    const [low, high] = [body.low[i] as number, body.high[i] as number]
    this.#recent.set(low, high, fates.passed, body.parentLow[i] as number, body.parentHigh[i] as number, i)
  }

  #gather(body: Body, i: number, now: number): void {
    const fate = body.fate[i] as number
    if (fate === 0 || fate === fates.call) return
    const span = body.spans[i] as Span
    const waited = body.waited[i]
    const ownEvent = (fate === fates.statement || fate === fates.external) && body.covered[i] === 0
    if (!ownEvent && waited === undefined && !tells(span)) return
    const dropped = body.dropped[i] as number
    const isStatement = fate === fates.statement
    const fill = (into: Gathering) => {
      if (waited !== undefined) into.absorb(withoutDropped(waited, dropped | (isStatement ? droppedExternals : 0)))
      if (ownEvent && (dropped & (isStatement ? droppedStatements : droppedExternals)) === 0) into.add(this.#event(span, isStatement))
      if (span.variants !== undefined) into.addVariants(span.variants)
      if (span.kind !== spanKinds.client && span.route.length > into.route.length) into.route = span.route
      if (span.kind === spanKinds.server && span.isRpc) into.rpc = rpcNameOf(span)
      if (span.isError && into.exception === '') into.exception = span.exception
    }
    const [a, b] = [body.targetA[i] as number, body.targetB[i] as number]
    switch (body.target[i]) {
      case here:
        fill((body.gathered[a] ??= new Gathering()))
        break
      case unknown:
        this.#keyOf(body.environment, span)
        this.pending.put(this.#waiting(a, b), now, fill)
        break
      case earlier: {
        const identity = this.#identities.get((a & ~beganTransaction) >>> 0)
        if (identity === undefined) break
        const { trace } = span
        const key = `${a} ${b} ${trace}`
        let late = body.late.get(key)
        if (late === undefined) {
          late = { identity, seconds: b, trace, began: (a & beganTransaction) !== 0, gathering: new Gathering() }
          body.late.set(key, late)
        }
        fill(late.gathering)
        break
      }
      default:
        // Work that no call asked for: timers, queues, start-up.
        break
    }
  }

  #event(span: Span, isStatement: boolean): CallEvent {
    const { dbSystem, dbText, dbOperation, dbCollection, startUs, durationUs, dbRows, isError, address, verb } = span
    const common = { startUs, durationUs, rows: dbRows, failed: isError, order: this.#order++ }
    if (!isStatement) return { ...common, statement: null, name: span.isRpc ? rpcNameOf(span) : `${verb} ${address}`.trim() }
    return { ...common, statement: this.#reader(dbSystem).read(dbText || `${dbOperation} ${dbCollection}`.trim()), name: dbSystem }
  }

  #reader(system: string): StatementReader {
    // Systems are few; whoever makes them up shares one that reads standard SQL.
    const name = this.#readers.size < 50 || this.#readers.has(system) ? system : ''
    let reader = this.#readers.get(name)
    if (reader === undefined) {
      reader = createStatementReader(name)
      this.#readers.set(name, reader)
    }
    return reader
  }

  #calls(body: Body, now: number, into: Made[]): void {
    /** Of this body's calls that are alike. */
    const numbers = new Map<Described, Map<number, number>>()
    for (let i = 0; i < body.spans.length; i++) {
      if (body.fate[i] !== fates.call) continue
      const span = body.spans[i] as Span
      const gathering = gatheringOf(body, i)
      const described = this.#describe.describe(body.environment, span, gathering, now)
      const row = this.#row(body, i, described, gathering, now)
      this.counts.calls++
      let number: number
      if (row.variants.length > 0) number = this.#identities.numberOf(row)
      else {
        let byOutcome = numbers.get(described)
        if (byOutcome === undefined) {
          byOutcome = new Map()
          numbers.set(described, byOutcome)
        }
        const outcome = row.status * 2 + (row.failed ? 1 : 0)
        number = byOutcome.get(outcome) ?? this.#identities.numberOf(row)
        byOutcome.set(outcome, number)
      }
      const value = beganOne(gathering.events) ? (number | beganTransaction) >>> 0 : number
      this.#recent.set(body.low[i] as number, body.high[i] as number, fates.call, value, Math.floor(row.at / 1_000), i)
      into.push({ row, span, gathering })
    }
  }

  #row(body: Body, i: number, described: Described, gathering: Gathering, now: number): CallRow {
    const span = body.spans[i] as Span
    const realUs = Math.round(span.durationUs)
    const startMs = Math.floor(span.startUs / 1_000)
    const isPartial = gathering.isCut || this.#wasCut(body.environment, span) || realUs > limits.pendingMs * 1_000
    const sums = sumsOf(gathering.events, realUs)
    return {
      at: startMs > now + limits.aheadMs ? now : startMs,
      service: described.service,
      environment: body.environment,
      release: described.release,
      lane: described.lane,
      host: described.host,
      method: described.method,
      audience: described.audience,
      account: described.account,
      variants: gathering.variants.length > 1 ? gathering.variants.toSorted() : gathering.variants,
      status: span.isRpc && span.verb === '' ? 0 : span.status,
      failed: span.isError || span.status >= 500,
      n: 1,
      realUs,
      cpuUs: 0,
      cpuN: 0,
      dbUs: sums.dbUs,
      dbWallUs: sums.dbWallUs,
      externalUs: sums.externalUs,
      externals: sums.externals,
      loopUs: 0,
      statements: sums.statements,
      transactions: sums.transactions,
      rows: sums.rows,
      repeats: sums.repeats,
      repeated: sums.repeated,
      requestBytes: span.requestBytes,
      responseBytes: span.responseBytes,
      trace: span.trace,
      span: span.id,
      origin: 'otlp',
      marks: (isPartial ? marks.partial : 0) | (described.isOverflow ? marks.overflow : 0),
      peer: endpointText(span.peerAddress, span.peerPort),
      local: endpointText(span.localAddress, span.localPort),
    }
  }

  #wasCut(environment: string, span: Span): boolean {
    if (!this.#hasCut) return false
    this.#keyOf(environment, span)
    return this.#recent.find(this.#ofTrace.low, ~this.#ofTrace.high >>> 0)
  }

  #lateRows(body: Body, into: Made[]): void {
    for (const { identity, seconds, trace, began, gathering } of body.late.values()) {
      if (gathering.variants.length > 0) this.counts.lateEvaluations++
      if (gathering.events.length === 0) continue
      this.counts.late++
      const sums = sumsOf(gathering.events, Number.MAX_SAFE_INTEGER, began)
      const row: CallRow = { ...emptyRow, ...identity, ...sums, at: seconds * 1_000, trace, marks: marks.late }
      into.push({ row, span: undefined, gathering })
    }
  }
}

/** What descendants told of a call, and its own span. Most tell nothing: they share one. */
function gatheringOf(body: Body, i: number): Gathering {
  const waited = body.waited[i]
  const { variants } = body.spans[i] as Span
  const gathered = body.gathered[i]
  if (gathered === undefined && waited === undefined && variants === undefined) return nothing
  const gathering = gathered ?? new Gathering()
  if (waited !== undefined) gathering.absorb(waited)
  if (variants !== undefined) gathering.addVariants(variants)
  return gathering
}
const nothing = new Gathering()

function beganOne(events: readonly CallEvent[]): boolean {
  for (const { statement } of events) if (statement?.kinds.includes('begin')) return true
  return false
}

const emptyRow: CallRow = { ...blankCall, n: 0, origin: 'otlp' }

/**
 * A server's span is a call, and so is one that processes a message. A server's span whose parent is in the same process
 * is the inner one of two that tell of the same request (an RPC over HTTP, a framework's own).
 */
function fateOf(span: Span): number {
  switch (span.kind) {
    case spanKinds.server:
      return isLocal(span) ? fates.passed : fates.call
    case spanKinds.consumer:
      return span.messagingType === 'receive' ? fates.passed : fates.call
    case spanKinds.producer:
      return fates.passed
    default: {
      // Connecting to a database, or waiting for a connection, says neither: it is no statement.
      if (span.dbText !== '' || span.dbOperation !== '') return fates.statement
      const isClient = span.kind === spanKinds.client && span.dbSystem === ''
      return isClient && (span.verb !== '' || span.isRpc) ? fates.external : fates.passed
    }
  }
}

/** Whether a span has something to say besides a statement or a call of others. */
function tells(span: Span): boolean {
  return (
    span.variants !== undefined ||
    (span.isError && span.exception !== '') ||
    (span.route !== '' && span.kind !== spanKinds.client) ||
    (span.kind === spanKinds.server && span.isRpc)
  )
}

function withoutDropped(it: Gathering, dropped: number): Gathering {
  if (dropped === 0) return it
  const kept = new Gathering()
  kept.absorb(it)
  kept.events.splice(
    0,
    kept.events.length,
    ...it.events.filter(({ statement }) => (dropped & (statement === null ? droppedExternals : droppedStatements)) === 0),
  )
  return kept
}
