/** A recorder's batch, checked while it becomes rows: half a million numbers a second are looked at once, not twice. */
import { type CallBatch, type Exemplar, type ExemplarEvent, eventsMax, exemplarReasons } from '@belay/call-record'
import { blankCall, type CallRow } from '../row.ts'
import { intakeProblem } from './problems.ts'
import type { RowWriter } from './row-binary.ts'
import type { ExemplarRow, ProcessRow } from './types.ts'

/** A recorder sends every two seconds; 10,000 calls a second make this much. */
export const callsMax = 20_000
const exemplarsMax = 200
const namesMax = 20_000
/** Each call may come by a connection of its own, to a few addresses of the service. */
const peersMax = 2 * callsMax
/** Clocks of hosts differ by less; what differs by more is set right. */
const skewMaxMs = 60_000
/** What lay in a spool for a week is taken. Older rows would make parts of days that are soon thrown away. */
const ageMaxMs = 8 * 86_400_000
const sourcePattern = /^[\w.-]{8,64}$/

const numbers = [
  'at',
  'method',
  'audience',
  'account',
  'variants',
  'status',
  'failed',
  'realUs',
  'cpuUs',
  'dbUs',
  'dbWallUs',
  'externalUs',
  'externals',
  'loopUs',
  'statements',
  'transactions',
  'rows',
  'repeats',
  'repeated',
  'requestBytes',
  'responseBytes',
] as const
/** Recorders of before do not tell them. */
const ends = ['peer', 'local'] as const

/** What a batch must be before its calls are looked at. @throws Problem `calls-unclear` with the field. */
export function checkBatch(value: unknown): CallBatch {
  const it = object(value, 'the body')
  if (it.version !== 1) unclear('version', 'is not 1; this server reads version 1')
  if (typeof it.source !== 'string' || !sourcePattern.test(it.source)) unclear('source', 'is 8 to 64 letters, digits, _, . and -')
  if (!Number.isSafeInteger(it.batch) || (it.batch as number) < 1) unclear('batch', 'is a number from 1 on')
  for (const field of ['service', 'release', 'lane', 'host']) text(it[field], field)
  if (!Number.isFinite(it.sentAt)) unclear('sentAt', 'is a time in milliseconds')
  const names = object(it.names, 'names')
  for (const field of ['methods', 'audiences', 'accounts', 'statements']) texts(names[field], `names.${field}`)
  array(names.variants, 'names.variants', namesMax).forEach((set, i) => texts(set, `names.variants.${i}`))
  if (names.peers !== undefined) texts(names.peers, 'names.peers', peersMax)
  const calls = object(it.calls, 'calls')
  const { length } = array(calls.at, 'calls.at', callsMax)
  const told = [...numbers, ...ends.filter((end) => calls[end] !== undefined)]
  for (const field of [...told, 'trace', 'span'])
    if (array(calls[field], `calls.${field}`, callsMax).length !== length)
      unclear(`calls.${field}`, `has ${(calls[field] as unknown[]).length} values where calls.at has ${length}`)
  for (const field of told) {
    const column = calls[field] as readonly unknown[]
    for (let i = 0; i < length; i++)
      if (!Number.isFinite(column[i]) || (column[i] as number) < -1) unclear(`calls.${field}.${i}`, 'is no number from -1 on')
  }
  for (const field of ['trace', 'span'] as const) {
    const column = calls[field] as readonly unknown[]
    for (let i = 0; i < length; i++) if (typeof column[i] !== 'string') unclear(`calls.${field}.${i}`, 'is no text')
  }
  array(it.exemplars, 'exemplars', exemplarsMax).forEach((exemplar, i) => checkExemplar(exemplar, i, length))
  const figures = object(it.process, 'process')
  for (const field of ['intervalMs', 'cpuMs', 'attributedMs', 'dropped', 'overflowed'])
    if (!Number.isFinite(figures[field]) || (figures[field] as number) < 0) unclear(`process.${field}`, 'is no number from 0 on')
  text(figures.mode, 'process.mode')
  return it as unknown as CallBatch
}

function checkExemplar(value: unknown, i: number, calls: number): void {
  const it = object(value, `exemplars.${i}`)
  if (!Number.isInteger(it.call) || (it.call as number) < 0 || (it.call as number) >= calls)
    unclear(`exemplars.${i}.call`, `is the position of one of ${calls} calls`)
  if (!exemplarReasons.includes(it.why as Exemplar['why'])) unclear(`exemplars.${i}.why`, `is one of ${exemplarReasons.join(', ')}`)
  array(it.events, `exemplars.${i}.events`, eventsMax).forEach((event, j) => {
    const { kind, text: said, system, atUs, tookUs } = object(event, `exemplars.${i}.events.${j}`)
    if ([kind, said, system].some((one) => typeof one !== 'string'))
      unclear(`exemplars.${i}.events.${j}`, 'has kind, text and system as texts')
    if (!Number.isFinite(atUs) || !Number.isFinite(tookUs)) unclear(`exemplars.${i}.events.${j}`, 'has atUs and tookUs as numbers')
  })
}

/** Writes all calls of a batch that was checked. @returns those that were kept with their events. */
export function writeBatch(
  writer: RowWriter,
  it: { environment: string; batch: CallBatch; now: number },
): { exemplars: ExemplarRow[]; process: ProcessRow } {
  const { environment, batch, now } = it
  const { calls, names, service, release, lane, host } = batch
  const skewMs = now - batch.sentAt
  // A batch may have waited in a spool: only a clock that is ahead is surely wrong.
  const shiftMs = skewMs < -skewMaxMs ? skewMs : 0
  const row: CallRow = { ...blankCall, service, environment, release, lane, host }
  const kept = new Map(batch.exemplars.map((exemplar) => [exemplar.call, exemplar]))
  const exemplars: ExemplarRow[] = []
  for (let i = 0; i < calls.at.length; i++) {
    const cpuUs = calls.cpuUs[i] as number
    row.at = Math.max(now - ageMaxMs, Math.min(now, Math.round((calls.at[i] as number) + shiftMs)))
    row.method = names.methods[calls.method[i] as number] ?? ''
    row.audience = names.audiences[calls.audience[i] as number] ?? 'everyone'
    row.account = names.accounts[calls.account[i] as number] ?? ''
    row.variants = names.variants[calls.variants[i] as number] ?? blankCall.variants
    row.status = whole(calls.status[i])
    row.failed = calls.failed[i] === 1
    row.realUs = whole(calls.realUs[i])
    row.cpuUs = cpuUs < 0 ? 0 : whole(cpuUs)
    row.cpuN = cpuUs < 0 ? 0 : 1
    row.dbUs = whole(calls.dbUs[i])
    row.dbWallUs = whole(calls.dbWallUs[i])
    row.externalUs = whole(calls.externalUs[i])
    row.externals = whole(calls.externals[i])
    row.loopUs = whole(calls.loopUs[i])
    row.statements = whole(calls.statements[i])
    row.transactions = whole(calls.transactions[i])
    row.rows = whole(calls.rows[i])
    row.repeats = whole(calls.repeats[i])
    row.repeated = row.repeats > 1 ? (names.statements[calls.repeated[i] as number] ?? '') : ''
    row.requestBytes = whole(calls.requestBytes[i])
    row.responseBytes = whole(calls.responseBytes[i])
    row.trace = calls.trace[i] as string
    row.span = calls.span[i] as string
    row.peer = names.peers?.[calls.peer?.[i] ?? -1] ?? ''
    row.local = names.peers?.[calls.local?.[i] ?? -1] ?? ''
    writer.row(row)
    const exemplar = kept.get(i)
    if (exemplar) exemplars.push({ ...row, why: exemplar.why, events: exemplar.events.map(eventOf), cut: whole(exemplar.cut) })
  }
  return { exemplars, process: { ...batch.process, at: Math.min(now, batch.sentAt + shiftMs), service, environment, release, host } }
}

const eventOf = ({ kind, atUs, tookUs, text: said, system, failed }: ExemplarEvent): ExemplarEvent => ({
  kind,
  atUs,
  tookUs,
  text: said.slice(0, 500),
  system: system.slice(0, 50),
  failed: failed === true,
})

/** Whole and not negative; NaN cannot come, since the batch was checked. */
function whole(value: number | undefined): number {
  return value === undefined || value < 0 ? 0 : Math.round(value)
}

function object(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) unclear(field, 'is no object')
  return value as Record<string, unknown>
}
function array(value: unknown, field: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) return unclear(field, 'is no list')
  if (value.length > max) unclear(field, `has ${value.length} entries; at most ${max} are taken at once`)
  return value
}
function text(value: unknown, field: string): void {
  if (typeof value !== 'string' || value.length > 500) unclear(field, 'is a text of at most 500 characters')
}
function texts(value: unknown, field: string, max = namesMax): void {
  array(value, field, max).forEach((one, i) => text(one, `${field}.${i}`))
}
function unclear(field: string, because: string): never {
  throw intakeProblem('calls-unclear', { field, because })
}
