/**
 * What of OTLP's requests is looked at, the same from protobuf and from JSON. Spans are reduced while they are read: of
 * the attributes only those that say something about a call are kept.
 *
 * Source: opentelemetry-proto, trace/v1, logs/v1, metrics/v1; semantic conventions 1.44 and the older names that are
 * still sent.
 */

/** A scalar of AnyValue, or a list of them; null for what is neither (maps, bytes, lists of lists). Large integers are exact. */
export type Value = string | number | bigint | boolean | null | readonly Value[]

/** Who sent: attributes of `Resource`. */
export type Resource = {
  service: string
  release: string
  host: string
  instance: string
  lane: string
  /** One process's series of CPU time are told apart by it. */
  process: string
}

export const spanKinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const

/** Texts are '' where there is none. */
export class Span {
  readonly resource: Resource
  /** Lower-case hex of 32, 16 and 16 digits. */
  trace = ''
  id = ''
  parent = ''
  kind = 0
  name = ''
  /** Since the epoch. Exact to a quarter of a µs; `durationUs` is exact. */
  startUs = 0
  durationUs = 0
  /** Its status says that it failed. */
  isError = false
  /** Bits 8 and 9 say whether its parent is in another process; see `isLocal`. */
  flags = 0
  /** `flag=variant`. */
  variants: string[] | undefined
  /** Type and message of an exception. */
  exception = ''

  verb = ''
  path = ''
  query = ''
  route = ''
  status = 0
  userAgent = ''
  synthetic = ''
  /** `server.address`, or whom a client called. */
  address = ''
  requestBytes = 0
  responseBytes = 0
  /** Captured headers of the request, in lower case with `-`. */
  headers: Record<string, string> | undefined
  isRpc = false
  rpcService = ''
  rpcMethod = ''
  isMessaging = false
  destination = ''
  messagingType = ''
  messagingName = ''
  dbSystem = ''
  dbText = ''
  dbOperation = ''
  dbCollection = ''
  dbRows = 0
  /** `belay.method`, `.account`, `.audience`: what the service says itself. */
  method = ''
  account = ''
  audience = ''

  constructor(resource: Resource) {
    this.resource = resource
  }
}

/** A flag that was evaluated within a span, told by a log record. */
export type Evaluation = { readonly resource: Resource; readonly trace: string; readonly span: string; readonly variant: string }

/** CPU time that a process has used, by one of its series (user and system come apart). */
export type CpuPoint = {
  readonly resource: Resource
  readonly series: string
  readonly isDelta: boolean
  readonly startMs: number
  readonly atMs: number
  readonly cpuMs: number
}

/** What a body came to. `rejected`: how many of its items were not taken, and why (each reason once). */
export type Decoded<T> = { readonly items: readonly T[]; readonly rejected: number; readonly because: readonly string[] }

/**
 * A collector sends 8,192 spans in a body unless it was told otherwise. These are read in a tenth of a second, in which
 * nobody else is answered; what is beyond is rejected, and said so.
 */
export const itemsMax = 50_000
/** Resources, scopes and metrics of a body: each costs memory, also when it is empty. */
export const groupsMax = 10_000
/** SDKs keep 128 attributes and 128 events of a span; what is beyond is not looked at. */
export const attributesMax = 256
/** A list of header values. */
export const listMax = 32

/** SQL that is longer says nothing more; what is beyond is not kept. */
export const textMax = 16_384
/** Names of services, hosts, routes. */
export const nameMax = 500

/** Why a body cannot be read; `where` says which part of it. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
  where = ''
}

/** HAS_IS_REMOTE is set and IS_REMOTE is not: the parent is in the same process. */
export const isLocal = ({ parent, flags }: Span): boolean => parent !== '' && (flags & 0x300) === 0x100

/** Collects items up to the bound, and counts what is refused. */
export class Gathered<T> implements Decoded<T> {
  readonly items: T[] = []
  rejected = 0
  readonly because: string[] = []
  #groups = 0

  /** Is there room for one more? */
  get isOpen(): boolean {
    return this.items.length < itemsMax
  }
  reject(because: string): void {
    this.rejected++
    if (!this.because.includes(because)) this.because.push(because)
  }
  beyond(): void {
    this.reject(`a body has at most ${itemsMax} items here; send smaller batches`)
  }
  /** @throws Malformed */
  group(): void {
    if (++this.#groups > groupsMax) throw new Malformed(`it has more than ${groupsMax} resources, scopes and metrics`)
  }
}
