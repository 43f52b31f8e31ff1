/**
 * Server-sent events for very many clients at once. What sse.ts does for one source and one reader, this does for one
 * source and thousands: an event is spelled once and its bytes are shared by all who get it, one timer keeps all
 * connections alive, and nobody's slowness is waited for.
 */
import type { ServerResponse } from 'node:http'
import type { ServerSentEvent } from './types.ts'
import { openHead, streamTiming, wireOf } from './sse.ts'

export type HubOptions = {
  /** How often a sign of life is sent. */
  readonly heartbeatMs?: number
  /**
   * A client that has not taken this many bytes when the next event comes is cut: it comes back with its last event's
   * id and gets the newest state in one piece, which is less than what it failed to read.
   */
  readonly unsentMaxBytes?: number
  /** Each open stream holds a socket and some kilobytes; whoever comes beyond this is told to come later. */
  readonly clientsMax?: number
}

export type HubClient = {
  readonly channel: string
  /** Whoever may have the stream ended: `endOf(owner)`. */
  readonly owner?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Events that only this client gets, before all others. */
  readonly first?: readonly Buffer[]
}

export type Hub = {
  /** Takes the response over. False: there are too many, and nothing was written. */
  join(response: ServerResponse, client: HubClient): boolean
  /** Sends to everybody who is on the channel now. */
  send(channel: string, event: Buffer): void
  /** Ends the streams of one owner. */
  endOf(owner: string): void
  /** Ends all streams of a channel. */
  endOn(channel: string): void
  readonly size: number
  /** Ends all streams and the timer. */
  close(): void
}

/** The bytes of one event, to be sent to many. */
export const eventBytes = (event: ServerSentEvent): Buffer => Buffer.from(wireOf(event))

/** Two hundred kilobytes are a thousand changes of a flag: whoever is that far behind is better off with the whole. */
const unsentMaxBytes = 200 * 1_024
/** At about 20 KB each these are 400 MB, which a server of this kind has; more connections want a second server. */
const clientsMax = 20_000
const signOfLife = Buffer.from(': still here\n\n')

type Member = { readonly response: ServerResponse; readonly owner: string | undefined; allowance: number; isSilent: boolean }

export function createHub(options: HubOptions = {}): Hub {
  const channels = new Map<string, Set<Member>>()
  const bound = options.unsentMaxBytes ?? unsentMaxBytes
  let size = 0
  let heartbeat: NodeJS.Timeout | undefined

  function give(member: Member, bytes: Buffer): void {
    const { response } = member
    if (response.writableLength > member.allowance) return void response.destroy()
    response.write(bytes)
  }

  function beat(): void {
    for (const members of channels.values()) {
      for (const member of members) {
        const isStuck = member.response.writableNeedDrain
        // Nothing taken since the last sign of life: nobody reads there any more.
        if (isStuck && member.isSilent) member.response.destroy()
        else if (!isStuck) member.response.write(signOfLife)
        member.isSilent = isStuck
      }
    }
  }

  function leave(channel: string, member: Member): void {
    const members = channels.get(channel)
    if (!members?.delete(member)) return
    size--
    if (members.size === 0) channels.delete(channel)
    if (size > 0) return
    clearInterval(heartbeat)
    heartbeat = undefined
  }

  return {
    join(response, { channel, owner, headers = {}, first = [] }) {
      if (size >= (options.clientsMax ?? clientsMax)) return false
      openHead(response, headers)
      // What a newcomer is told first may be larger than any event, and is no sign of slowness.
      const member = { response, owner, allowance: bound + first.reduce((sum, bytes) => sum + bytes.length, 0), isSilent: false }
      const members = channels.get(channel) ?? new Set()
      channels.set(channel, members.add(member))
      size++
      heartbeat ??= setInterval(beat, options.heartbeatMs ?? streamTiming.heartbeatMs).unref()
      response.once('close', () => leave(channel, member))
      for (const bytes of first) response.write(bytes)
      return true
    },
    send(channel, event) {
      for (const member of channels.get(channel) ?? []) give(member, event)
    },
    endOf(owner) {
      for (const members of channels.values()) for (const member of members) if (member.owner === owner) member.response.end()
    },
    endOn(channel) {
      for (const { response } of channels.get(channel) ?? []) response.end()
    },
    get size() {
      return size
    },
    close() {
      clearInterval(heartbeat)
      for (const members of channels.values()) for (const { response } of members) response.end()
    },
  }
}
