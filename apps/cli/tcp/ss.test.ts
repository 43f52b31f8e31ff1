import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseSsLine } from './ss.ts'

/** Lines of iproute2 6.1 over Linux 6.18. */
const sender =
  'ESTAB 0      3567136 127.0.0.1:53206 127.0.0.1:38147 timer:(persist,708ms,1) ino:4648984 sk:1 cgroup:/ <-> ts sack bbr wscale:0,10 rto:212 backoff:2 rtt:11.055/19.183 mss:8192 pmtu:65535 rcvmss:536 advmss:65483 cwnd:15 bytes_sent:34576 bytes_retrans:8192 bytes_acked:26385 segs_out:9 segs_in:5 data_segs_out:5 bbr:(bw:4681140624bps,mrtt:0.014,pacing_gain:2.88672,cwnd_gain:2.88672) send 88922659bps lastsnd:852 lastrcv:900 lastack:588 pacing_rate 53512042520bps delivery_rate 1365472bps delivered:6 busy:900ms rwnd_limited:900ms(100.0%) retrans:0/1 dsack_dups:1 reordering:6 rcv_space:65495 rcv_ssthresh:65495 notsent:3567136 minrtt:0.014   '
const reader =
  'ESTAB 26384  0       [::1]:38147 [::1]:53206 ino:4648985 sk:2 cgroup:/ <-> ts sack cubic wscale:10,0 rto:204 rtt:0.023/0.011 ato:176 mss:32768 bytes_received:26384 segs_out:4 segs_in:9 data_segs_in:5 send 113975652174bps pacing_rate 325725462640bps delivered:1 app_limited rcv_rtt:45.728 minrtt:0.023 snd_wnd:65536'

describe('a line of ss', () => {
  test('of a sender is read to its last token, and fields that ss leaves out are 0', () => {
    expect(parseSsLine(sender)).toEqual({
      key: '127.0.0.1:53206 127.0.0.1:38147 1',
      state: 'ESTAB',
      local: '127.0.0.1:53206',
      peer: '127.0.0.1:38147',
      receiveQueue: 0,
      sendQueue: 3_567_136,
      congestionControl: 'bbr',
      appLimited: false,
      rttMs: 11.055,
      rttVarMs: 19.183,
      minRttMs: 0.014,
      rtoMs: 212,
      mss: 8_192,
      cwnd: 15,
      ssthresh: 0,
      sendWindow: 0,
      unacked: 0,
      notSent: 3_567_136,
      bytesSent: 34_576,
      bytesRetrans: 8_192,
      bytesAcked: 26_385,
      bytesReceived: 0,
      segsOut: 9,
      segsIn: 5,
      dataSegsOut: 5,
      dataSegsIn: 0,
      retransNow: 0,
      retransTotal: 1,
      lost: 0,
      dsackDups: 1,
      reordSeen: 0,
      busyMs: 900,
      rwndLimitedMs: 900,
      sndbufLimitedMs: 0,
      lastSndMs: 852,
      lastRcvMs: 900,
      pacingBps: 53_512_042_520,
      deliveryBps: 1_365_472,
      unknown: [],
    })
  })

  test('of a reader has its flags, its congestion control and addresses in brackets', () => {
    expect(parseSsLine(reader)).toMatchObject({
      local: '[::1]:38147',
      congestionControl: 'cubic',
      appLimited: true,
      receiveQueue: 26_384,
      bytesReceived: 26_384,
      sendWindow: 65_536,
      busyMs: 0,
      unknown: [],
    })
  })

  const cases: readonly [story: string, line: string, expected: object | undefined][] = [
    [
      'of an IPv4 connection of a dual socket has an IPv4 address',
      'ESTAB 0 0 [::ffff:10.0.0.1]:80 [::ffff:10.0.0.2]:4 sk:a',
      { local: '10.0.0.1:80' },
    ],
    ['with a zone keeps it', 'ESTAB 0 0 [fe80::1]%eth0:80 [fe80::2]%eth0:4', { local: '[fe80::1]%eth0:80' }],
    ['with tokens of a newer ss names them', 'ESTAB 0 0 1.1.1.1:1 2.2.2.2:2 cubic warp:9 rtt:1/2 !', { unknown: ['warp', '!'], rttMs: 1 }],
    ['with rates in larger units is read', 'ESTAB 0 0 1.1.1.1:1 2.2.2.2:2 delivery_rate 1.5Mbps', { deliveryBps: 1_500_000 }],
    ['that ends in a key keeps what came before', 'ESTAB 0 0 1.1.1.1:1 2.2.2.2:2 mss:1448 pacing_rate', { mss: 1_448, pacingBps: 0 }],
    ['of headings is none', 'State Recv-Q Send-Q Local Address:Port Peer Address:Port', undefined],
    ['that is empty is none', '', undefined],
  ]
  test.each(cases)('%s', (_, line, expected) => {
    if (expected === undefined) expect(parseSsLine(line)).toBeUndefined()
    else expect(parseSsLine(line)).toMatchObject(expected)
  })

  test('cut, changed or made up never throws, and no figure of it is ever negative or no number', () => {
    const changed = fc
      .tuple(
        fc.constantFrom<string>(sender, reader),
        fc.array(fc.record({ at: fc.nat(700), piece: fc.string({ unit: 'binary-ascii', maxLength: 4 }) }), { maxLength: 6 }),
      )
      .map(([line, changes]) =>
        changes.reduce<string>((text, { at, piece }) => text.slice(0, at) + piece + text.slice(at + piece.length), line),
      )
    const tokens = fc.constantFrom(
      'rtt:',
      'busy:9ms(',
      'retrans:1/2',
      'bbr:(',
      ')',
      'send',
      'pacing_rate',
      '-1bps',
      'minrtt:1e9',
      'sk:',
      '::',
      'cubic',
      '\u0000',
    )
    const made = fc.array(tokens, { maxLength: 40 }).map((some) => `ESTAB 0 0 1.1.1.1:1 2.2.2.2:2 ${some.join(' ')}`)
    fc.assert(
      fc.property(fc.oneof(changed, made, fc.string({ unit: 'binary-ascii', maxLength: 300 })), (line) => {
        const figures = Object.values(parseSsLine(line) ?? {}).filter((value) => typeof value === 'number')
        return figures.every((value) => Number.isFinite(value) && value >= 0)
      }),
      { numRuns: 1_000 },
    )
  })
})
