/** Divides a session's time into what limited it. */
import type { Packet } from '../packet.ts'
import type { Session, Side } from '../side.ts'

export class LimitClock {
  /**
   * Called with every packet before it is counted: the interval since the last one is charged by the state in between.
   * @param kind position in `kinds`; -1 for a packet without data, SYN or FIN
   */
  packet(_session: Session, _mine: Side, _theirs: Side, _p: Packet, _t: number, _kind: number): void {}
}
