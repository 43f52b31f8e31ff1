import { type Direction, kinds, labels, type Distribution, type SessionRecord } from '@belay/tcp'
import { Fragment } from 'react'
import { kindWords, labelWords, sayData, sayMaybeMs, sayMs, sayNumber, sayPercent, sayRate } from '../words.ts'

type Line = readonly [name: string, of: (it: Direction) => string, tip?: string]
const dash = '–'
const rtt = (of: (it: Distribution) => number) => (it: Direction) => {
  const its = it.rtt.karn ?? it.rtt.timestamps
  return its === null ? dash : sayMs(of(its))
}
const groups: readonly (readonly [name: string, lines: readonly Line[]])[] = [
  [
    'Volume',
    [
      ['Packets', (it) => sayNumber(it.packets)],
      ['with data', (it) => sayNumber(it.dataPackets)],
      ['pure ACKs', (it) => sayNumber(it.pureAcks)],
      ['Payload', (it) => sayData(it.bytes)],
      ['without what was sent again', (it) => sayData(it.goodBytes)],
      ['Whole frames', (it) => sayData(it.wireBytes)],
      ['Throughput', (it) => sayRate(it.throughputBps), 'Payload over the session’s life'],
      ['at its peak', (it) => sayRate(it.throughputPeakBps), 'In the best of its intervals'],
      ['Goodput', (it) => sayRate(it.goodputBps), 'Without what was sent again'],
      ['First window', (it) => sayData(it.initialWindowBytes), 'Sent before the first acknowledgement of data'],
    ],
  ],
  [
    'Round trips',
    [
      ['Samples', (it) => sayNumber((it.rtt.karn ?? it.rtt.timestamps)?.samples ?? 0), 'None of what was sent again (Karn’s rule)'],
      ['least', rtt((it) => it.minMs)],
      ['median', rtt((it) => it.p50Ms)],
      ['95%', rtt((it) => it.p95Ms)],
      ['99%', rtt((it) => it.p99Ms)],
      ['greatest', rtt((it) => it.maxMs)],
      ['deviation', rtt((it) => it.deviationMs)],
      ['Median by timestamps', (it) => sayMaybeMs(it.rtt.timestamps?.p50Ms ?? null)],
    ],
  ],
  [
    'Windows and flight',
    [
      ['In flight at most', (it) => sayData(it.bytesInFlight.max)],
      ['on average', (it) => sayData(it.bytesInFlight.mean), 'Over the time in which there was any'],
      ['Window offered, least', (it) => (it.receiveWindow === null ? dash : sayData(it.receiveWindow.minBytes))],
      ['greatest', (it) => (it.receiveWindow === null ? dash : sayData(it.receiveWindow.maxBytes))],
      ['Window closed', (it) => `${sayNumber(it.zeroWindows.count)} ×, ${sayMs(it.zeroWindows.timeMs)}`],
      ['Probed by the peer', (it) => sayNumber(it.zeroWindows.probes)],
      ['Filled the peer’s window', (it) => sayNumber(it.windowFull)],
      ['Largest segment', (it) => sayData(it.segmentBytesMax)],
    ],
  ],
  [
    'Loss',
    [
      ['Sent again', (it) => sayNumber(it.retransmissions.segments)],
      ['of data segments', (it) => sayPercent(it.retransmissions.share)],
      ['bytes', (it) => sayData(it.retransmissions.bytes)],
      ['Holes in the capture', (it) => sayNumber(it.lostSegments)],
      ['Acknowledged, never seen', (it) => sayData(it.ackedUnseen.bytes), 'Missed by the capture, not by the network'],
      ['Dup ACKs sent', (it) => sayNumber(it.dupAcks)],
      ['ACKs with SACK', (it) => sayNumber(it.sack.acks)],
      ['with DSACK', (it) => sayNumber(it.sack.duplicates), 'What arrived twice'],
      ['Congestion marked', (it) => sayNumber(it.ecn.congestionExperienced), 'ECN'],
    ],
  ],
]

const zeros = new Set(['0', '0 B', '0%', dash, '0 ×, 0 ms'])

/** What each side sent, beside each other, and what its segments were: by Belay and as tshark labels them. */
export function Directions({ record }: { record: SessionRecord }) {
  return (
    <div className="directions">
      <table className="list figures-table">
        <caption className="hidden">Figures of each direction</caption>
        <thead>
          <tr>
            <th>Figure</th>
            <th className="num">To the server</th>
            <th className="num">To the client</th>
          </tr>
        </thead>
        {groups.map(([name, lines]) => (
          <tbody key={name}>
            <tr className="figures-group">
              <th colSpan={3} scope="rowgroup">
                {name}
              </th>
            </tr>
            {lines.map(([line, of, tip], at) => (
              <tr key={line}>
                <th scope="row" className={/^[a-z\d]/.test(line) && at > 0 ? 'is-under' : ''} data-tip={tip}>
                  {line}
                </th>
                {record.directions.map((it, side) => {
                  const said = of(it)
                  return (
                    <td key={side === 0 ? 'out' : 'back'} className={`num ${zeros.has(said) ? 'soft' : ''}`}>
                      {said}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        ))}
      </table>
      <Names record={record} />
    </div>
  )
}

const countOf: Readonly<Record<(typeof kinds)[number], (it: Direction, peer: Direction) => number | undefined>> = {
  new: (it) => it.dataPackets - it.retransmissions.segments - it.lostBefore - it.reordered - it.duplicates,
  fast: (it) => it.retransmissions.fast,
  timeout: (it) => it.retransmissions.timeout,
  tail: (it) => it.retransmissions.tail,
  spurious: (it) => it.retransmissions.spurious,
  reordered: (it) => it.reordered,
  lostBefore: (it) => it.lostBefore,
  duplicate: (it) => it.duplicates,
  // The peer counts how often it was probed.
  probe: (_, peer) => peer.zeroWindows.probes,
  keepAlive: (it) => it.keepAlives,
}

function Names({ record }: { record: SessionRecord }) {
  const [a, b] = record.directions
  const rows = Math.max(kinds.length, labels.length)
  return (
    <div className="scroll-x" role="region" aria-label="Segments by name" tabIndex={0}>
      <table className="list names-table">
        <caption>Segments, by Belay and as tshark 4.0 labels them</caption>
        <thead>
          <tr>
            <th>Belay</th>
            <th className="num">→ server</th>
            <th className="num">→ client</th>
            <th className="names-second">tshark</th>
            <th className="num">→ server</th>
            <th className="num">→ client</th>
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: rows }, (_, at) => {
            const kind = kinds[at]
            const label = labels[at]
            return (
              <tr key={label ?? kind}>
                {kind === undefined ? (
                  <td colSpan={3} />
                ) : (
                  <Fragment>
                    <td>{kindWords[kind]}</td>
                    <Count of={countOf[kind](a, b)} />
                    <Count of={countOf[kind](b, a)} />
                  </Fragment>
                )}
                {label !== undefined && (
                  <Fragment>
                    <td className="names-second">{labelWords[label]}</td>
                    <Count of={a.labels[label] ?? 0} />
                    <Count of={b.labels[label] ?? 0} />
                  </Fragment>
                )}
              </tr>
            )
          })}
        </tbody>
      </table>
      <p className="soft names-note">
        tshark calls a retransmission that fills a hole within a round trip “Out-Of-Order”, and much that was only reordered a
        retransmission; Belay weighs SACK, timestamps, IP identification and the age of the hole as well.
      </p>
    </div>
  )
}

const Count = ({ of }: { of: number | undefined }) => (
  <td className={`num ${of === undefined || of <= 0 ? 'soft' : ''}`}>{of === undefined ? dash : sayNumber(Math.max(0, of))}</td>
)
