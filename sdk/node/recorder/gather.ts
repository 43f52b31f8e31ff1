/** Calls that have ended, in columns, until they are sent. Nothing here waits or throws. */
import {
  type CallBatch,
  type CallColumns,
  createExemplarChoice,
  createMethodBook,
  type Exemplar,
  overflowMethod,
  type ProcessFigures,
} from '@belay/call-record'
import type { Call } from './call.ts'
import type { Meter } from './cpu/meter.ts'

/** What is known of a call when its answer has ended. */
export type Ended = {
  /** Ms since the epoch. */
  readonly at: number
  readonly method: string
  /** A name of something that may not exist is counted under this when it is not known already. */
  readonly otherwise: string | undefined
  readonly audience: string
  readonly account: string
  readonly status: number
  readonly failed: boolean
  readonly realUs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** `endpointText` of the far and the near end of its socket; '' where there is none. */
  readonly peer: string
  readonly local: string
}

export type Gathered = Pick<CallBatch, 'names' | 'calls' | 'exemplars' | 'process'>

export type CallGatherer = {
  add(call: Call, ended: Ended): void
  /** All of it, and no longer here; undefined: there is nothing to tell. */
  take(): Gathered | undefined
  readonly waiting: number
}

/** Memory while nobody takes them: 300 bytes each, exemplars aside. */
const callsMax = 20_000
/** Enough for a batch: writing it as text takes a millisecond or two, and asking the server as long again, however much there is. */
const batchCalls = 5_000
/** The process is told of also when no call was, but not every two seconds. */
const quietMs = 30_000

type Columns = { -readonly [Name in keyof CallColumns]-?: NonNullable<CallColumns[Name]>[number][] }

export function createCallGatherer(meter: Meter, onMuch: () => void): CallGatherer {
  const book = createMethodBook()
  const choice = createExemplarChoice()
  let names = newNames()
  let calls = newColumns()
  let exemplars: Exemplar[] = []
  let dropped = 0
  let overflowed = 0
  let told = { atMs: performance.now(), cpuMs: processCpuMs() }

  function exemplarOf(call: Call, why: Exemplar['why']): Exemplar {
    call.identify()
    const events = (call.events ?? []).map((it) => ({ ...it, atUs: whole(it.atUs), tookUs: whole(it.tookUs) }))
    return { call: calls.at.length, why, events: events.sort((a, b) => a.atUs - b.atUs), cut: call.cut }
  }

  function figures(): ProcessFigures {
    const nowMs = performance.now()
    const cpuMs = processCpuMs()
    const taken = {
      intervalMs: whole(nowMs - told.atMs),
      cpuMs: whole(cpuMs - told.cpuMs),
      attributedMs: whole(meter.takeAttributedMs()),
      mode: meter.mode,
      dropped,
      overflowed,
    }
    told = { atMs: nowMs, cpuMs }
    dropped = 0
    overflowed = 0
    return taken
  }

  return {
    add(call, { at, method, otherwise, audience, account, status, failed, realUs, requestBytes, responseBytes, peer, local }) {
      const cpu = meter.end(call)
      if (calls.at.length >= callsMax) {
        dropped++
        return
      }
      const name = book.take(method, otherwise)
      if (name === overflowMethod) overflowed++
      const { repeats, variants } = call
      const times = repeats?.times ?? 0
      const why = choice.choose(name, { realUs, cpu, repeats: times, failed }, at)
      if (why !== undefined) exemplars.push(exemplarOf(call, why))
      calls.at.push(Math.floor(at))
      calls.method.push(names.methods.of(name))
      calls.audience.push(names.audiences.of(audience))
      calls.account.push(account === '' ? -1 : names.accounts.of(account))
      calls.variants.push(names.variants.of(variants === undefined ? '' : variants.sort().join('\n')))
      calls.status.push(status)
      calls.failed.push(failed ? 1 : 0)
      calls.realUs.push(whole(realUs))
      // In slices, until the batch is taken.
      calls.cpuUs.push(cpu)
      calls.dbUs.push(whole(call.dbUs))
      calls.dbWallUs.push(whole(Math.min(call.dbWallUs, realUs)))
      calls.externalUs.push(whole(call.externalUs))
      calls.externals.push(call.externals)
      calls.loopUs.push(whole(Math.min(call.loopMs * 1_000, realUs)))
      calls.statements.push(call.statements)
      calls.transactions.push(call.transactions)
      calls.rows.push(call.rows)
      calls.repeats.push(times)
      calls.repeated.push(times > 1 ? names.statements.of((repeats as NonNullable<typeof repeats>).text) : -1)
      calls.requestBytes.push(requestBytes)
      calls.responseBytes.push(responseBytes)
      if (call.trace !== '') call.identify()
      calls.trace.push(call.trace)
      calls.span.push(call.span)
      calls.peer.push(peer === '' ? -1 : names.peers.of(peer))
      calls.local.push(local === '' ? -1 : names.peers.of(local))
      if (calls.at.length % batchCalls === 0) onMuch()
    },
    take() {
      if (calls.at.length + dropped === 0 && performance.now() - told.atMs < quietMs) return undefined
      const usPerSlice = meter.factor() * 1_000
      calls.cpuUs = calls.cpuUs.map((cpu) => (cpu < 0 ? -1 : whole(cpu * usPerSlice)))
      const taken: Gathered = {
        names: {
          methods: names.methods.list,
          audiences: names.audiences.list,
          accounts: names.accounts.list,
          statements: names.statements.list,
          variants: names.variants.list.map((labels) => (labels === '' ? [] : labels.split('\n'))),
          peers: names.peers.list,
        },
        calls,
        exemplars,
        process: figures(),
      }
      names = newNames()
      calls = newColumns()
      exemplars = []
      choice.nextBatch()
      return taken
    },
    get waiting() {
      return calls.at.length
    },
  }
}

/** Times come from two clocks and may be a little below zero. */
function whole(value: number): number {
  return value > 0 ? Math.round(value) : 0
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

function newNames() {
  return {
    methods: new Names(),
    audiences: new Names(),
    accounts: new Names(),
    statements: new Names(),
    variants: new Names(),
    peers: new Names(),
  }
}

class Names {
  readonly list: string[] = []
  readonly #positions = new Map<string, number>()

  of(name: string): number {
    let position = this.#positions.get(name)
    if (position === undefined) {
      position = this.list.push(name) - 1
      this.#positions.set(name, position)
    }
    return position
  }
}

function newColumns(): Columns {
  return {
    at: [],
    method: [],
    audience: [],
    account: [],
    variants: [],
    status: [],
    failed: [],
    realUs: [],
    cpuUs: [],
    dbUs: [],
    dbWallUs: [],
    externalUs: [],
    externals: [],
    loopUs: [],
    statements: [],
    transactions: [],
    rows: [],
    repeats: [],
    repeated: [],
    requestBytes: [],
    responseBytes: [],
    trace: [],
    span: [],
    peer: [],
    local: [],
  }
}
