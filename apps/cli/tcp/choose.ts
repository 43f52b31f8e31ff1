/** Which sessions are wanted, in which order, and how many of them are kept while a capture goes by. Pure. */
import { InvalidArgumentError } from 'commander'
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { type Limit, limits, type SessionRecord } from '@belay/tcp'
import { goodput, payload, resentShare, roundTrip } from './figures.ts'

export type Choice = {
  /** Addresses or networks; one of both ends is in one of them. */
  readonly hosts?: BlockList
  readonly ports?: readonly number[]
  /** ms since the epoch; a session that was open in between is wanted. */
  readonly from?: number
  readonly to?: number
  readonly limits?: readonly (Limit | 'none')[]
}

export function isWanted(it: SessionRecord, { hosts, ports, from, to, limits: wanted }: Choice): boolean {
  if (wanted !== undefined && !wanted.includes(it.verdict.limit)) return false
  if (ports !== undefined && !ports.includes(it.client.port) && !ports.includes(it.server.port)) return false
  if (from !== undefined && it.startedMs + it.duration * 1_000 < from) return false
  if (to !== undefined && it.startedMs >= to) return false
  return hosts === undefined || holds(hosts, it.client.address) || holds(hosts, it.server.address)
}
const holds = (hosts: BlockList, address: string): boolean => hosts.check(address, address.includes(':') ? 'ipv6' : 'ipv4')

/** `10.0.0.7`, `10.0.0.0/8`, `2001:db8::/32`, several divided by commas. */
export function hostOption(text: string, before: BlockList = new BlockList()): BlockList {
  for (const part of text.split(',')) {
    const [address = '', bits, ...more] = part.trim().split('/')
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined
    const most = family === 'ipv4' ? 32 : 128
    if (family === undefined || more.length > 0 || (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)))
      throw new InvalidArgumentError('Write an address or a network: 10.0.0.7, 10.0.0.0/8, 2001:db8::1.')
    if (bits === undefined) before.addAddress(address, family)
    else before.addSubnet(address, Number(bits), family)
  }
  return before
}

export const portOption = (text: string, before: readonly number[] = []): readonly number[] => [
  ...before,
  ...text.split(',').map((part) => {
    const port = Number(part)
    if (!/^ *\d+ *$/.test(part) || port > 65_535) throw new InvalidArgumentError('Write a port from 0 to 65535, or several: 80,443.')
    return port
  }),
]

/** Every spelling that a person tries: `slowStart`, `slow-start`, `slow start`. */
export const limitOption = (text: string, before: readonly (Limit | 'none')[] = []): readonly (Limit | 'none')[] => [
  ...before,
  ...text.split(',').map((part) => {
    const name = part.trim().toLowerCase().replace(/[ -]/g, '')
    const found = [...limits, 'none' as const].find((limit) => limit.toLowerCase() === name)
    if (found === undefined)
      throw new InvalidArgumentError(`Choose from ${[...limits, 'none'].map((it) => it.replace('slowStart', 'slow-start')).join(', ')}.`)
    return found
  }),
]

/** A way to order: what stands first is what one would look at first. */
export const sorts = ['score', 'duration', 'bytes', 'goodput', 'rtt', 'p95', 'resent', 'started', 'number'] as const
export type Sort = (typeof sorts)[number]

/** The larger, the further up. */
const weights: Readonly<Record<Sort, (it: SessionRecord) => number>> = {
  score: (it) => -it.score.value,
  duration: (it) => it.duration,
  bytes: payload,
  goodput: (it) => -goodput(it),
  rtt: (it) => roundTrip(it).p50Ms ?? -1,
  p95: (it) => roundTrip(it).p95Ms ?? -1,
  resent: resentShare,
  started: (it) => -it.startedMs,
  number: (it) => -it.number,
}

type Kept = { readonly weight: number; readonly bytes: number; readonly nth: number; readonly record: SessionRecord }

/** Of equal ones the one that carried more, then the one that came first, so that two runs answer alike. */
const precedes = (a: Kept, b: Kept): number => b.weight - a.weight || b.bytes - a.bytes || a.nth - b.nth

/**
 * The first `most` of a stream in an order, however long the stream is: twice as many are held at most, so that
 * sorting is rare.
 */
export class Foremost {
  readonly #most: number
  readonly #weigh: (it: SessionRecord) => number
  #kept: Kept[] = []
  #last: Kept | undefined
  /** All that were offered. */
  count = 0

  constructor(sort: Sort, most: number) {
    this.#most = most
    this.#weigh = weights[sort]
  }

  add(record: SessionRecord): void {
    const it = { weight: this.#weigh(record), bytes: payload(record), nth: this.count++, record }
    if (this.#last !== undefined && precedes(this.#last, it) <= 0) return
    this.#kept.push(it)
    if (this.#kept.length >= 2 * this.#most) this.#trim()
  }

  sorted(): readonly SessionRecord[] {
    this.#trim()
    return this.#kept.map(({ record }) => record)
  }

  #trim(): void {
    this.#kept.sort(precedes)
    this.#kept.length = Math.min(this.#kept.length, this.#most)
    if (this.#kept.length === this.#most) this.#last = this.#kept.at(-1)
  }
}

/** What is counted of every session, shown or not. */
export class Totals {
  sessions = 0
  bytes = 0
  readonly grades = { good: 0, fair: 0, poor: 0 }
  readonly limits = new Map<Limit | 'none', number>()

  add(it: SessionRecord): void {
    this.sessions++
    this.bytes += payload(it)
    this.grades[it.score.grade]++
    this.limits.set(it.verdict.limit, (this.limits.get(it.verdict.limit) ?? 0) + 1)
  }
}
