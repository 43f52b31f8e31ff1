/** One call as it is stored, and the order of its columns in the table `calls`. Raw rows live for weeks; see tables/schema.ts. */

/** How the row came to be known. */
export const origins = { recorder: 1, otlp: 2, log: 3 } as const
export type Origin = keyof typeof origins

/** Bits of `marks`. */
export const marks = {
  /** OpenTelemetry's spans did not all come in time. */
  partial: 1,
  /** Later spans of a call that was counted before: `n` is 0, only its sums count. */
  late: 2,
  /** The method was one too many and is counted under the overflow's name. */
  overflow: 4,
} as const

export type CallRow = {
  /** When it began, ms. */
  at: number
  service: string
  environment: string
  release: string
  lane: string
  host: string
  method: string
  audience: string
  /** '' where none is known. */
  account: string
  /** `flag=variant`, sorted. */
  variants: readonly string[]
  status: number
  failed: boolean
  /** 1; 0 in a row that only adds to an earlier one. */
  n: 0 | 1
  realUs: number
  cpuUs: number
  /** 1 when its CPU time was measured. */
  cpuN: 0 | 1
  dbUs: number
  dbWallUs: number
  externalUs: number
  externals: number
  loopUs: number
  statements: number
  transactions: number
  rows: number
  repeats: number
  /** Its most frequent statement without parameters, when it ran more than once; else ''. */
  repeated: string
  requestBytes: number
  responseBytes: number
  /** Lower-case hex of 32 and 16 digits, or ''. */
  trace: string
  span: string
  origin: Origin
  marks: number
  /** The ends of the socket that carried it, `address:port`; '' where none is known. */
  peer: string
  local: string
}

/** A call of which nothing is known yet: what a source cannot tell stays as it is here. */
export const blankCall: Readonly<CallRow> = {
  at: 0,
  service: '',
  environment: '',
  release: '',
  lane: '',
  host: '',
  method: '',
  audience: '',
  account: '',
  variants: [],
  status: 0,
  failed: false,
  n: 1,
  realUs: 0,
  cpuUs: 0,
  cpuN: 0,
  dbUs: 0,
  dbWallUs: 0,
  externalUs: 0,
  externals: 0,
  loopUs: 0,
  statements: 0,
  transactions: 0,
  rows: 0,
  repeats: 0,
  repeated: '',
  requestBytes: 0,
  responseBytes: 0,
  trace: '',
  span: '',
  origin: 'recorder',
  marks: 0,
  peer: '',
  local: '',
}

/** The order of RowBinary; what is added stands behind all others, so that rows of before are a beginning of it. `repeated` is LowCardinality: few statements of a service are ever repeated, and their texts are cut at 500 characters. */
export const callColumns = [
  ['ts', 'DateTime64(3)'],
  ['service', 'LowCardinality(String)'],
  ['environment', 'LowCardinality(String)'],
  ['release', 'LowCardinality(String)'],
  ['lane', 'LowCardinality(String)'],
  ['host', 'LowCardinality(String)'],
  ['method', 'LowCardinality(String)'],
  ['audience', 'LowCardinality(String)'],
  ['account', 'String'],
  ['variants', 'Array(LowCardinality(String))'],
  ['status', 'UInt16'],
  ['failed', 'UInt8'],
  ['n', 'UInt8'],
  ['real_us', 'UInt32'],
  ['cpu_us', 'UInt32'],
  ['cpu_n', 'UInt8'],
  ['dbt_us', 'UInt32'],
  ['dbw_us', 'UInt32'],
  ['ext_us', 'UInt32'],
  ['ext', 'UInt16'],
  ['loop_us', 'UInt32'],
  ['stc', 'UInt16'],
  ['txc', 'UInt16'],
  ['rows', 'UInt32'],
  ['rep', 'UInt16'],
  ['repeated', 'LowCardinality(String)'],
  ['in_bytes', 'UInt32'],
  ['out_bytes', 'UInt32'],
  ['trace', 'FixedString(16)'],
  ['span', 'UInt64'],
  ['origin', "Enum8('recorder' = 1, 'otlp' = 2, 'log' = 3)"],
  ['marks', 'UInt8'],
  ['peer', 'String'],
  ['local', 'LowCardinality(String)'],
] as const
/** Columns that the table had at first, and rows of a spool that was written then. */
export const callColumnsAtFirst = 32
