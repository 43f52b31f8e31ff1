/** What must hold of the analysis of any bytes whatever. */
import { createAnalyser } from '../analyser.ts'
import { reasons } from '../decode/index.ts'
import { CaptureError } from '../read/index.ts'
import type { CaptureSummary, SessionRecord } from '../types.ts'
import type { Random } from './random.ts'

/** A promise was broken; the message says which. */
export class Finding extends Error {}

export type Judged = { readonly packets: number; readonly sessions: number; readonly refused: boolean }

/** Far beyond what a file of some hundred packets takes on a busy machine; what takes longer twice is a finding. */
const longestMs = 5_000

/** @throws Finding, or what the analysis should not have thrown */
export function judge(file: Uint8Array, random: Random): Judged {
  let began = performance.now()
  const whole = analysed(file, [file])
  if (performance.now() - began > longestMs) {
    began = performance.now()
    analysed(file, [file])
    const took = performance.now() - began
    if (took > longestMs) throw new Finding(`${file.length} bytes took ${Math.round(took)} ms`)
  }
  // What is read in pieces is read the same. Not each time: it doubles the work.
  if (random.once(16)) {
    const other = analysed(file, piecesOf(file, random))
    if (JSON.stringify(other) !== JSON.stringify(whole)) throw new Finding('the result depends on the pieces in which the file came')
  }
  if (whole.summary === undefined) return { packets: 0, sessions: 0, refused: true }
  consistent(whole.summary, whole.records)
  return { packets: whole.summary.packets, sessions: whole.records.length, refused: false }
}

type Analysed = { readonly summary?: CaptureSummary; readonly records: readonly SessionRecord[]; readonly refusal?: string }

function analysed(file: Uint8Array, pieces: Iterable<Uint8Array>): Analysed {
  const records: SessionRecord[] = []
  let turns = 0
  const analyser = createAnalyser({
    name: 'fuzz',
    onSession: (record) => records.push(record),
    onTurn: () => turns++,
    trace: { sessions: [0], onTrace: () => {} },
  })
  try {
    for (const piece of pieces) analyser.write(piece)
    return { summary: analyser.end(), records }
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
    if (error.at < 0 || error.at > file.length) throw new Finding(`an error names byte ${error.at} of ${file.length}`)
    return { records, refusal: error.message }
  }
}

function* piecesOf(file: Uint8Array, random: Random): Iterable<Uint8Array> {
  const longest = random.pick([1, 7, 100, 5000])
  for (let at = 0; at < file.length; ) {
    const length = 1 + random.below(longest)
    yield file.subarray(at, at + length)
    at += length
  }
}

function consistent(summary: CaptureSummary, records: readonly SessionRecord[]): void {
  const without = reasons.reduce((sum, reason) => sum + (summary.notUnderstood[reason] ?? 0), 0)
  if (summary.packets !== summary.tcpPackets + without)
    throw new Finding(`${summary.packets} packets are not ${summary.tcpPackets} with TCP and ${without} without`)
  if (summary.sessions !== records.length) throw new Finding(`${records.length} of ${summary.sessions} sessions came out`)
  let packets = 0
  const numbers = new Set<number>()
  for (const record of records) {
    packets += record.directions[0].packets + record.directions[1].packets
    numbers.add(record.number)
    finite(record, `session ${record.number}`)
    sound(record)
  }
  if (packets > summary.tcpPackets) throw new Finding(`sessions have ${packets} of ${summary.tcpPackets} packets`)
  if (numbers.size !== records.length || Math.max(-1, ...numbers) !== records.length - 1)
    throw new Finding('sessions are not numbered one by one')
}

function sound(record: SessionRecord): void {
  const { number, duration, limits, score, directions } = record
  const said = (what: string) => new Finding(`session ${number}: ${what}`)
  const spent = Object.values(limits).reduce((sum, ms) => sum + ms, 0)
  if (Object.values(limits).some((ms) => ms < 0)) throw said(`a limit took less than no time: ${JSON.stringify(limits)}`)
  if (Math.abs(spent - duration * 1e3) > 0.001 + duration * 1e-6) throw said(`limits make ${spent} ms of ${duration} s`)
  if (!(score.value >= 0 && score.value <= 100)) throw said(`its score is ${score.value}`)
  for (const one of directions) {
    if (one.goodBytes > one.bytes) throw said(`${one.goodBytes} good bytes of ${one.bytes}`)
    if (one.dataPackets + one.pureAcks > one.packets)
      throw said(`${one.dataPackets} with data and ${one.pureAcks} without of ${one.packets} packets`)
    const { fast, timeout, tail, spurious, segments, share } = one.retransmissions
    if (fast + timeout + tail + spurious !== segments)
      throw said(`${segments} sent again are not ${fast} + ${timeout} + ${tail} + ${spurious}`)
    if (share > 1) throw said(`a share of ${share} was sent again`)
  }
}

/** Every number is one, and none but a time may be below 0. */
function finite(value: unknown, path: string): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Finding(`${path} is ${value}`)
    if (value < 0 && !path.endsWith('startedMs')) throw new Finding(`${path} is ${value}`)
  } else if (Array.isArray(value)) for (const [index, one] of value.entries()) finite(one, `${path}[${index}]`)
  else if (typeof value === 'object' && value !== null) for (const [key, one] of Object.entries(value)) finite(one, `${path}.${key}`)
}
