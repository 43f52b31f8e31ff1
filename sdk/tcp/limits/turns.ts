/** Requests and their answers, as they follow each other on one connection. */
import type { Packet } from '../packet.ts'
import type { Session } from '../side.ts'

export class TurnClock {
  /** Called with every packet that carries data or acknowledges some. */
  packet(_session: Session, _fromClient: boolean, _p: Packet, _t: number, _kind: number): void {}
}
