/**
 * The token in the address of a stream of events. A browser's EventSource cannot send a header, so the address itself
 * must open the stream: for one environment, for some hours, and nothing but the times of changes comes through it.
 */
import { timingSafeEqual } from 'node:crypto'

/**
 * The token, and with it every bulk answer and its ETag, changes once in a slot. It opens streams in its own slot and
 * the one after it, so an address is good for 6 to 12 hours; who comes with an older one is refused, asks anew, and is
 * told the new one.
 */
export const slotMs = 6 * 3_600_000
/** 128 bits of the signature: forging one takes longer than anything lasts. */
const signatureChars = 22

export const slotAt = (nowMs: number): number => Math.floor(nowMs / slotMs)

export function streamToken(environment: string, slot: number, sign: (text: string) => string): string {
  const signature = sign(`stream ${slot} ${environment}`).slice(0, signatureChars)
  return `${Buffer.from(environment).toString('base64url')}.${slot}.${signature}`
}

/** The environment that the token is for; undefined when it is none, forged, or too old. */
export function environmentOfToken(token: string, nowMs: number, sign: (text: string) => string): string | undefined {
  const [name = '', slotText = ''] = token.split('.')
  const environment = Buffer.from(name, 'base64url').toString()
  const slot = Number(slotText)
  // Another server's clock may be in the next slot already.
  if (!Number.isSafeInteger(slot) || !(Math.abs(slot - slotAt(nowMs)) <= 1)) return undefined
  const expected = Buffer.from(streamToken(environment, slot, sign))
  const given = Buffer.from(token)
  return expected.length === given.length && timingSafeEqual(expected, given) ? environment : undefined
}
