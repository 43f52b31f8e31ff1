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

/** A span's ids as signed 32-bit words, the first digits first: they are hashed for each span, and told for each call. */
export class SpanId {
  trace0 = 0
  trace1 = 0
  trace2 = 0
  trace3 = 0
  id0 = 0
  id1 = 0

  /** @param bytes where the ids are, of 16 and 8 bytes. */
  read(bytes: Buffer, trace: number, id: number): void {
    this.trace0 = bytes.readInt32BE(trace)
    this.trace1 = bytes.readInt32BE(trace + 4)
    this.trace2 = bytes.readInt32BE(trace + 8)
    this.trace3 = bytes.readInt32BE(trace + 12)
    this.id0 = bytes.readInt32BE(id)
    this.id1 = bytes.readInt32BE(id + 4)
  }
  /** Lower-case hex. */
  get trace(): string {
    return hexOf(this.trace0) + hexOf(this.trace1) + hexOf(this.trace2) + hexOf(this.trace3)
  }
  get id(): string {
    return hexOf(this.id0) + hexOf(this.id1)
  }
  /** Neither may be all zeros. */
  get isNone(): boolean {
    return (this.trace0 | this.trace1 | this.trace2 | this.trace3) === 0 || (this.id0 | this.id1) === 0
  }
}

/** Texts are '' where there is none. */
export class Span extends SpanId {
  readonly resource: Resource
  parent0 = 0
  parent1 = 0
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
  /** Of the socket, as its host sees it. */
  peerAddress = ''
  peerPort = 0
  localAddress = ''
  localPort = 0
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
    super()
    this.resource = resource
  }

  get hasParent(): boolean {
    return (this.parent0 | this.parent1) !== 0
  }
}

const hexOfHalf = Array.from({ length: 65_536 }, (_, half) => half.toString(16).padStart(4, '0'))
const hexOf = (word: number): string => (hexOfHalf[word >>> 16] as string) + (hexOfHalf[word & 0xffff] as string)

/** A flag that was evaluated within a span, told by a log record. */
export class Evaluation extends SpanId {
  readonly variant: string

  constructor(variant: string) {
    super()
    this.variant = variant
  }
}

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
 * A collector sends 8,192 spans in a body unless it was told otherwise. While six times as many are read and joined, some
 * tenths of a second, nobody else is answered; what is beyond is rejected, and said so.
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
export const isLocal = ({ hasParent, flags }: Span): boolean => hasParent && (flags & 0x300) === 0x100

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
