import { sayCount } from '@belay/base'
import type { SessionRecord } from '@belay/tcp'
import { closeWords, handshakeWords, pointWords, sayData, sayMaybeMs, sayMaybeRate, sayMs, sayNumber } from '../words.ts'

/** How it began, what both agreed on, how it ended, and where it was watched from. */
export function Handshake({ record }: { record: SessionRecord }) {
  const { handshake: it, directions, quality, ceilings } = record
  const [a, b] = directions
  const retries = [
    it.synRetries > 0 ? sayCount(it.synRetries, 'SYN sent again', 'SYNs sent again') : '',
    it.synAckRetries > 0 ? sayCount(it.synAckRetries, 'SYN+ACK sent again', 'SYN+ACKs sent again') : '',
  ].filter((one) => one !== '')
  const offers = [
    it.sack ? 'SACK' : 'no SACK',
    it.timestamps ? 'timestamps' : 'no timestamps',
    it.windowScaling ? 'window scaling' : 'no window scaling',
    ...(it.ecn ? ['ECN'] : []),
    ...(it.fastOpen ? ['data in the SYN'] : []),
  ]
  const sayOne = (mss: number | null, scale: number | null) =>
    `${mss === null ? 'none' : sayNumber(mss)}, ${scale === null ? 'no scale' : `window × ${2 ** scale}`}`
  return (
    <dl className="facts">
      <dt>Handshake</dt>
      <dd>
        {handshakeWords[it.state]}
        {it.rttMs !== null && `, ${sayMs(it.rttMs)}`}
        {it.serverMs !== null && (
          <span className="soft">
            {` (${sayMaybeMs(it.serverMs)} between capture point and server, ${sayMaybeMs(it.clientMs)} between it and client)`}
          </span>
        )}
        {retries.length > 0 && <span className="ink-fall">{` · ${retries.join(', ')}`}</span>}
      </dd>
      {it.state !== 'none' && (
        <>
          <dt>Both offered</dt>
          <dd>{offers.join(', ')}</dd>
          <dt>MSS, window</dt>
          <dd>{`client ${sayOne(a.mss, a.windowScale)} · server ${sayOne(b.mss, b.windowScale)}`}</dd>
        </>
      )}
      <dt>Ended</dt>
      <dd>{closeWords[record.close]}</dd>
      <dt>Client</dt>
      <dd>{record.opener === 'syn' ? 'known: it sent the SYN' : 'guessed by the ports: no SYN was seen'}</dd>
      <dt>Idle</dt>
      <dd>{`${sayMs(record.idle.totalMs)} in all, ${sayMs(record.idle.longestMs)} at most`}</dd>
      <dt>Would allow</dt>
      <dd>
        {`window ${sayMaybeRate(ceilings.receiverBps)} · loss ${sayMaybeRate(ceilings.lossBps)} · link ${sayMaybeRate(ceilings.linkBps)}`}
      </dd>
      <dt>Captured</dt>
      <dd>
        {pointWords[quality.point]}
        {quality.oneSided && ', one direction only'}
        {quality.missedBytes > 0 && `, ${sayData(quality.missedBytes)} missed`}
        {quality.duplicates > 0 && `, ${sayCount(quality.duplicates, 'packet')} twice`}
        {quality.offloaded > 0 && `, ${sayCount(quality.offloaded, 'packet')} larger than the MSS (before the card divided them)`}
        {quality.sentences.map((one) => (
          <span key={one} className="soft">{` ${one}`}</span>
        ))}
      </dd>
    </dl>
  )
}
