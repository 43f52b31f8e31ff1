/** What travels from a recorder to the server, and the rules that travel back. Times: ms since the epoch unless the name says µs. */
import type { JsonLogic } from '@belay/flag-evaluator'

/**
 * What one process recorded since its last batch, column by column: numbers that look alike lie side by side, and names
 * are told once. Every array of `calls` has the same length.
 */
export type CallBatch = {
  readonly version: 1
  /** Who sends, made once per process, and the number of the batch: the same pair is counted once. */
  readonly source: string
  readonly batch: number
  readonly service: string
  readonly release: string
  readonly lane: string
  readonly host: string
  /** The sender's clock when it made this batch; the server subtracts what differs from its own when that is too much. */
  readonly sentAt: number
  readonly names: {
    readonly methods: readonly string[]
    readonly audiences: readonly string[]
    readonly accounts: readonly string[]
    /** Texts of statements that were repeated within a call, without their parameters. */
    readonly statements: readonly string[]
    /** Each a set of `flag=variant` that calls met together. */
    readonly variants: readonly (readonly string[])[]
    /** `address:port` of both ends of connections (`endpointText`). Older recorders tell none. */
    readonly peers?: readonly string[]
  }
  readonly calls: CallColumns
  readonly exemplars: readonly Exemplar[]
  readonly process: ProcessFigures
}

export type CallColumns = {
  /** When the call began. */
  readonly at: readonly number[]
  /** Positions in `names`; -1 where there is none (account, repeated). */
  readonly method: readonly number[]
  readonly audience: readonly number[]
  readonly account: readonly number[]
  readonly variants: readonly number[]
  /** Of the answer: HTTP's, or 0 where there was none (the client went away). */
  readonly status: readonly number[]
  /** 1: it failed by its rule (5xx, an error thrown, no answer). */
  readonly failed: readonly (0 | 1)[]
  readonly realUs: readonly number[]
  /** Of the call's own work on the main thread; -1: not measured. */
  readonly cpuUs: readonly number[]
  /** Sum over its statements; parallel ones count each. */
  readonly dbUs: readonly number[]
  /** Union of their intervals; never more than real time. */
  readonly dbWallUs: readonly number[]
  /** Sum and count of calls to other services. */
  readonly externalUs: readonly number[]
  readonly externals: readonly number[]
  /** How long its callbacks waited for the event loop. */
  readonly loopUs: readonly number[]
  readonly statements: readonly number[]
  readonly transactions: readonly number[]
  /** Read or changed, where the driver says. */
  readonly rows: readonly number[]
  /** How often its most frequent statement ran (1: none was repeated; 0: no statement), and which one that was. */
  readonly repeats: readonly number[]
  readonly repeated: readonly number[]
  readonly requestBytes: readonly number[]
  readonly responseBytes: readonly number[]
  /** W3C ids in lower-case hex; '' where there is none. */
  readonly trace: readonly string[]
  readonly span: readonly string[]
  /** The far and the near end of the socket that carried it: positions in `names.peers`, -1 where there is none. */
  readonly peer?: readonly number[]
  readonly local?: readonly number[]
}

export const exemplarReasons = ['slow', 'failed', 'cpu', 'repeat', 'usual'] as const
export type ExemplarReason = (typeof exemplarReasons)[number]
/** A call that is kept with all that it did. */
export type Exemplar = {
  /** Its position in `calls`. */
  readonly call: number
  readonly why: ExemplarReason
  /** In the order of their beginning, at most `eventsMax`; `cut` says how many are missing. */
  readonly events: readonly ExemplarEvent[]
  readonly cut: number
}
export const eventsMax = 200
export type ExemplarEvent = {
  readonly kind: 'statement' | 'transaction' | 'external' | 'evaluation' | 'error'
  /** Since the beginning of the call. */
  readonly atUs: number
  readonly tookUs: number
  /** The statement without its parameters; method and host of an external call; `flag=variant`; the error's name and message. */
  readonly text: string
  /** Of a statement: `postgresql`, `mysql`, `sqlite`, `mongodb`, `redis`; otherwise ''. */
  readonly system: string
  readonly failed: boolean
}

/** About the process, for what no call can tell. */
export type ProcessFigures = {
  /** Of the interval since the last batch. */
  readonly intervalMs: number
  readonly cpuMs: number
  /** CPU time that was charged to calls; the rest is start-up, timers, other threads. */
  readonly attributedMs: number
  readonly mode: 'exact' | 'sampled' | 'off'
  /** Calls that found no room (memory, spool), and that were counted under the overflow's name instead of their own. */
  readonly dropped: number
  readonly overflowed: number
}

/** The name under which calls are counted whose method found no room among `methodsMax`. */
export const overflowMethod = '(other)'

/** How calls are named and sorted; written in belay.yaml, asked for by recorders, used by the server for OpenTelemetry. */
export type CallRules = {
  /** Changes with the rules. */
  readonly version: string
  /** The first that matches names the call. */
  readonly methods: readonly MethodRule[]
  /** Where the account is found; the first that has one. */
  readonly account: readonly Source[]
  /** The first that matches; a rule without `where` matches everybody. When none does the audience is `everyone`. */
  readonly audiences: readonly { readonly name: string; readonly where: JsonLogic | null }[]
}
export type MethodRule = {
  /** `/rpc/:noun/:verb`: a segment that begins with a colon takes any value; `/*` at the end takes the rest. */
  readonly path: string
  /** HTTP's method in upper case; null: any. */
  readonly verb: string | null
  /** `{noun}.{verb}`: of the path; `{header.x-operation}`, `{query.op}`, `{body.method}` (JSON bodies, top level) of the request. */
  readonly name: string
}
/** `header.x-account`, `query.account`. */
export type Source = string
/** What the rules of audiences are asked with, besides what the service says by `describeCall`. */
export type CallContext = {
  readonly method: string
  readonly verb: string
  readonly path: string
  /** Only those that a rule names, in lower case. */
  readonly header: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** Says the user agent, by the `isbot` list. */
  readonly robot: boolean
  readonly account: string
}
export const everyone = 'everyone'
export const methodsMax = 2_000
