/**
 * Requests and their answers, as they follow each other on one connection. A turn begins with data of the client, which
 * the server answers, and ends when the client speaks again after all of the answer. Several requests that do not wait
 * for their answers (pipelining, HTTP/2) are one turn; what a server says unasked (a greeting) belongs to none.
 */
import { never, zero } from '../double.ts'
import { DUPLICATE, LOST_BEFORE, NEW, REORDERED } from '../evidence/kinds.ts'
import { Samples } from '../evidence/samples.ts'
import { ACK, type Packet, PSH } from '../packet.ts'
import type { Conversation, Side } from '../side.ts'
import type { Turn, Turns } from '../types.ts'

const silent = 0
const asking = 1
const answering = 2

/** Bytes that the capture has seen before. */
const isAgain = (kind: number): boolean => kind !== NEW && kind !== REORDERED && kind !== LOST_BEFORE

export class TurnClock {
  /** Called with each turn that was answered, when it is over. */
  onTurn: ((turn: Turn) => void) | undefined = undefined
  /** Answered turns that are over. */
  count = 0
  #state: 0 | 1 | 2 = silent
  #startedAt = zero
  #requestAt = zero
  #answerAt = zero
  #answeredAt = zero
  /** Above the answer's last byte; when it was acknowledged, -1 not yet. */
  #answerEnd = 0
  #ackAt = never
  /** The answer's last segment says that there is more. */
  #goesOn = false
  #requestBytes = 0
  #answerBytes = 0
  #lost = 0
  #requests: Samples | undefined = undefined
  #servers: Samples | undefined = undefined
  #answers: Samples | undefined = undefined

  /** Called with every packet that carries data or acknowledges some. */
  packet(session: Conversation, fromClient: boolean, p: Packet, t: number, kind: number): void {
    if (p.length > 0) {
      if (kind >= NEW && kind < DUPLICATE) {
        if (fromClient) this.#asked(session.aIsClient ? session.a : session.b, p, t, kind)
        else if (this.#state !== silent) this.#answered(p, t, kind)
      }
    } else if (fromClient && this.#state === answering) this.#acknowledged(p, t)
  }

  #asked(client: Side, p: Packet, t: number, kind: number): void {
    const again = isAgain(kind)
    if (this.#state === answering) {
      this.#acknowledged(p, t)
      // Sent again, or sent before the answer was there: no new question.
      if (!again && !this.#goesOn && this.#ackAt >= 0) this.#over()
    }
    if (this.#state === silent) {
      this.#state = asking
      this.#startedAt = t
    }
    if (again || kind === LOST_BEFORE) this.#lost++
    if (!again) this.#requestBytes += p.length
    // What is sent again before the answer begins had not arrived, and that is the network's time; unless the server has
    // acknowledged it, and only its acknowledgement was lost.
    const known = again && client.acked && ((p.seq + p.length - client.una) | 0) <= 0
    if (this.#state === asking && !known) this.#requestAt = t
  }

  #answered(p: Packet, t: number, kind: number): void {
    if (this.#state === asking) {
      this.#state = answering
      this.#answerAt = t
      this.#answerEnd = p.seq
    }
    const end = (p.seq + p.length) | 0
    if (((end - this.#answerEnd) | 0) > 0) {
      this.#answerEnd = end
      this.#goesOn = (p.flags & PSH) === 0
      this.#ackAt = -1
    }
    const again = isAgain(kind)
    if (again || kind === LOST_BEFORE) this.#lost++
    if (!again) this.#answerBytes += p.length
    this.#answeredAt = t
  }

  #acknowledged(p: Packet, t: number): void {
    if (this.#ackAt < 0 && (p.flags & ACK) !== 0 && ((p.ack - this.#answerEnd) | 0) >= 0) this.#ackAt = t
  }

  #over(): void {
    this.#requests ??= new Samples()
    this.#servers ??= new Samples()
    this.#answers ??= new Samples()
    const request = this.#requestAt - this.#startedAt
    const server = this.#answerAt - this.#requestAt
    const answer = this.#answeredAt - this.#answerAt
    this.count++
    this.#requests.add(request)
    this.#servers.add(server)
    this.#answers.add(answer)
    this.onTurn?.({
      startedMs: this.#startedAt / 1e6,
      requestMs: request / 1e6,
      serverMs: server / 1e6,
      responseMs: answer / 1e6,
      ackMs: this.#ackAt >= 0 ? (this.#ackAt - this.#answeredAt) / 1e6 : 0,
      requestBytes: this.#requestBytes,
      responseBytes: this.#answerBytes,
      lost: this.#lost,
    })
    this.#state = silent
    this.#requestBytes = 0
    this.#answerBytes = 0
    this.#lost = 0
    this.#ackAt = -1
    this.#goesOn = false
  }

  /** The session is over: so is its last turn, when it was answered. */
  end(_session: Conversation): void {
    if (this.#state === answering) this.#over()
  }

  /** Of the turns that are over. */
  summary(): Turns {
    return {
      count: this.count,
      requestMs: this.#requests?.distribution() ?? null,
      serverMs: this.#servers?.distribution() ?? null,
      responseMs: this.#answers?.distribution() ?? null,
    }
  }

  /** All as in a new one (`Session.renew`). */
  renew(): void {
    this.onTurn = undefined
    this.count = 0
    this.#state = silent
    this.#startedAt = 0
    this.#requestAt = 0
    this.#answerAt = 0
    this.#answeredAt = 0
    this.#answerEnd = 0
    this.#ackAt = -1
    this.#goesOn = false
    this.#requestBytes = 0
    this.#answerBytes = 0
    this.#lost = 0
    this.#requests?.renew()
    this.#servers?.renew()
    this.#answers?.renew()
  }
}
