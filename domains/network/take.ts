/** The way in: a part is thanked for when it is in the column store, and not before; its sender keeps it until then. */
import type { Columns } from '@belay/columns'
import type { CapturePartWire } from '@belay/protocol'
import type { Captures } from './captures.ts'
import { networkProblem } from './problems.ts'
import { type Place, sessionRow, traceRow, turnRow } from './records.ts'

/** Reasons why a frame was not understood are a fixed set of the analysis; a sender that makes them up is refused. */
const reasonsMax = 200

/**
 * @returns counted: false when this part was kept before.
 * @throws Problem `network-capture-taken`, `network-part-unclear`; `columns-down` and the column store's
 * others, after which the same part may be sent again.
 */
export async function takePart(
  { columns, captures }: { columns: Pick<Columns, 'insertRows'>; captures: Captures },
  part: CapturePartWire,
  actor: string,
): Promise<{ counted: boolean }> {
  check(part)
  const sent = await captures.begin(part, actor)
  if (sent === undefined) return { counted: false }
  const place: Place = { sent, part }
  const rows = {
    tcp_sessions: part.sessions.map((it) => sessionRow(place, it)),
    tcp_turns: part.turns.map((it) => turnRow(place, it)),
    tcp_traces: part.traces.map((it) => traceRow(place, it)),
  }
  // The same token is counted once, should the answer be lost on its way.
  for (const [table, of] of Object.entries(rows))
    if (of.length > 0) await columns.insertRows({ table, rows: of, token: `network/${part.id}/${part.part}/${table}` })
  return { counted: await captures.kept(part) }
}

function check({ capture, sessions, traces }: CapturePartWire): void {
  const unclear = (field: string, because: string) => networkProblem('network-part-unclear', { field, because })
  const reasons = Object.keys(capture.notUnderstood).length
  if (reasons > reasonsMax) throw unclear('capture.notUnderstood', `has ${reasons} reasons; at most ${reasonsMax} are taken`)
  const numbers = new Set(sessions.map(({ number }) => number))
  if (numbers.size < sessions.length) throw unclear('sessions', 'has a session twice')
  const cut = traces.find(({ chunk, chunks }) => chunk >= chunks)
  if (cut !== undefined) throw unclear('traces', `has chunk ${cut.chunk} of ${cut.chunks}; they are counted from 0`)
}
