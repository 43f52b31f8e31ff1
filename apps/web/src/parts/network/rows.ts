/** Sessions of files that were dropped on the page, as rows of the same table as the server's. Pure. */
import type { NetworkRank, SessionRowWire } from '@belay/protocol'
import type { SessionRecord } from '@belay/tcp'
import type { LocalCapture } from './local/captures.ts'
import type { NetworkSearch } from './search.ts'
import { timesOf } from './asked.ts'
import { sayEnd } from './words.ts'

export function rowOf({ id, name }: Pick<LocalCapture, 'id' | 'name'>, it: SessionRecord): SessionRowWire {
  const [a, b] = it.directions
  const rtt = [a, b].map(({ rtt: { karn, timestamps } }) => karn ?? timestamps).sort((x, y) => (y?.samples ?? 0) - (x?.samples ?? 0))[0]
  const again = (one: typeof a) => one.retransmissions.segments + one.lostBefore
  return {
    id: `${id}.${it.number}`,
    capture: id,
    captureName: name,
    number: it.number,
    environment: '',
    client: it.client,
    server: it.server,
    startedMs: it.startedMs,
    duration: it.duration,
    score: it.score.value,
    grade: it.score.grade,
    limit: it.verdict.limit,
    limitShare: it.verdict.share,
    because: it.verdict.because,
    handshakeMs: it.handshake.rttMs,
    rttMs: rtt?.p50Ms ?? it.handshake.rttMs,
    rttP95Ms: rtt?.p95Ms ?? null,
    goodputBps: [a.goodputBps, b.goodputBps],
    bytes: [a.bytes, b.bytes],
    packets: a.packets + b.packets,
    resentShare: Math.max(...[a, b].map((one) => (one.dataPackets === 0 ? 0 : Math.min(1, again(one) / one.dataPackets)))),
    resent: again(a) + again(b),
    turns: it.turns.count,
    serverMs: it.turns.serverMs?.p50Ms ?? null,
    close: it.close,
    traced: true,
    spark: sumOf(it.series.directions[0].bytes, it.series.directions[1].bytes),
    sparkRtt: it.series.directions[a.bytes >= b.bytes ? 0 : 1].rttMs.slice(),
  }
}
const sumOf = (a: readonly number[], b: readonly number[]): number[] =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, at) => (a[at] ?? 0) + (b[at] ?? 0))

const valueOf: Readonly<Record<NetworkRank, (row: SessionRowWire) => number>> = {
  // The worst first: every rank is the largest first, so a low score counts high.
  score: (it) => -it.score,
  started: (it) => it.startedMs,
  duration: (it) => it.duration,
  bytes: (it) => it.bytes[0] + it.bytes[1],
  rtt: (it) => it.rttMs ?? -1,
  goodput: (it) => Math.max(...it.goodputBps),
  resent: (it) => it.resentShare,
  server: (it) => it.serverMs ?? -1,
}

/** What the address asks for, of the rows in this tab: the same rules as the server's. */
export function findRows(rows: readonly SessionRowWire[], search: NetworkSearch, nowAt: number): readonly SessionRowWire[] {
  const { from = -Infinity, to = Infinity } = timesOf(search, nowAt)
  const text = search.text?.toLowerCase()
  const isHost = (address: string) =>
    search.host === undefined || address === search.host || (/[.:]$/.test(search.host) && address.startsWith(search.host))
  const value = valueOf[search.rank ?? 'score']
  return rows
    .filter(
      (it) =>
        it.startedMs >= from &&
        it.startedMs < to &&
        (isHost(it.client.address) || isHost(it.server.address)) &&
        (search.port === undefined || it.client.port === search.port || it.server.port === search.port) &&
        (search.limited === undefined || it.limit === search.limited) &&
        (search.grade === undefined || it.grade === search.grade) &&
        (text === undefined || `${sayEnd(it.client)} ${sayEnd(it.server)} ${it.captureName} ${it.because}`.toLowerCase().includes(text)),
    )
    .sort((a, b) => value(b) - value(a) || a.number - b.number)
}

/** "37 sessions: 30 good, 5 fair, 2 poor, most of them limited by loss". */
export function gradesOf(rows: readonly SessionRowWire[]): { good: number; fair: number; poor: number } {
  const grades = { good: 0, fair: 0, poor: 0 }
  for (const { grade } of rows) grades[grade]++
  return grades
}
