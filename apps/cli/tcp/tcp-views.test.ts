import stringWidth from 'string-width'
import type { SessionRecord } from '@belay/tcp'
import { compareSessions } from '@belay/tcp'
import { describe, expect, test } from 'vitest'
import { csv } from '../calls/sheet.ts'
import { plain, startMs } from '../fixtures.ts'
import type { Eye, Paint } from '../terminal.ts'
import { Totals } from './choose.ts'
import { compareView } from './compare-view.ts'
import { flagsOf, resentShare, roundTrip, sayEndpoint, sayLength, sayRate, sayVolume } from './figures.ts'
import { aCapture, aDirection, aDistribution, aSession } from './fixtures.ts'
import { capturesView, keptSessionsView, networkCallsView } from './network-view.ts'
import { sessionView } from './session-view.ts'
import { sessionColumns, sessionsView } from './sessions-view.ts'

const eyeOf = (width: number, paint: Paint = plain): Eye => ({ look: { terminal: true, width, nowMs: startMs + 120_000 }, paint })
const marked: Paint = (style, text) => `<${String(style)}:${text}>`

const calm = aSession({
  number: 12,
  client: { address: '2001:db8::7', port: 50_000 },
  score: { value: 97, grade: 'good', parts: [], confidence: 'high', confidenceBecause: '' },
  verdict: { limit: 'none', share: 0, because: 'too little was sent to be limited by anything' },
  startedMs: startMs + 1_250,
  duration: 0.084,
  directions: [aDirection(), aDirection()],
})

const viewOf = (sessions: readonly SessionRecord[], width = 200, of: Partial<Parameters<typeof sessionsView>[0]> = {}): string => {
  const totals = new Totals()
  for (const it of sessions) totals.add(it)
  return sessionsView({ captures: [aCapture()], sessions, totals, sort: 'score', ...of }, eyeOf(width))
}

describe('figures', () => {
  test('of rates and volumes have units of one width', () => {
    expect([0, 12, 999.7, 4_800_000, 1.2e10, 2e13].map(sayRate)).toEqual([
      '0  bit/s',
      '12.0  bit/s',
      '1.00 kbit/s',
      '4.80 Mbit/s',
      '12.0 Gbit/s',
      '20.0 Tbit/s',
    ])
    expect([0, 812, 1_023.6, 5_000_000].map(sayVolume)).toEqual(['0 B  ', '812 B  ', '1.00 KiB', '4.77 MiB'])
  })

  test('of time have the unit that fits', () => {
    expect([0.84, 12.34, 3_210, 242_000, 7_500_000, 300_000_000].map(sayLength)).toEqual([
      '0.840 ms',
      '12.3 ms',
      '3.21 s',
      '4 min 2 s',
      '2 h 5 min',
      '3 d 11 h',
    ])
  })

  test('of IPv6 stand in brackets', () => expect(sayEndpoint(calm.client)).toBe('[2001:db8::7]:50000'))
})

describe('a session', () => {
  test('has the round trip of its longer part, of both where the capture stood between, of its handshake where there is no other', () => {
    expect(roundTrip(aSession())).toEqual({ p50Ms: 41, p95Ms: 96 })
    const between = { ...aSession().quality, point: 'between' as const }
    expect(roundTrip(aSession({ quality: between }))).toEqual({ p50Ms: 41.2, p95Ms: 96.4 })
    const none = aDirection({ rtt: { karn: null, timestamps: null } })
    expect(roundTrip(aSession({ directions: [none, none] }))).toEqual({ p50Ms: 40.3, p95Ms: null })
    const stamped = aDirection({ rtt: { karn: null, timestamps: aDistribution(7, 9) } })
    expect(roundTrip(aSession({ directions: [none, stamped] }))).toEqual({ p50Ms: 7, p95Ms: 9 })
  })

  test('counts what was lost before the capture as sent again, of the worse direction', () => {
    expect(resentShare(aSession())).toBe(0.06)
    expect(resentShare(aSession({ directions: [aDirection(), aDirection({ dataPackets: 90, lostBefore: 10 })] }))).toBe(0.1)
    expect(resentShare(aSession({ directions: [aDirection({ dataPackets: 0 }), aDirection({ dataPackets: 0 })] }))).toBe(0)
  })

  const flags: readonly [over: Partial<SessionRecord>, expected: readonly string[]][] = [
    [{}, ['timeout×2']],
    [{ close: 'resetByServer', handshake: { ...aSession().handshake, state: 'refused' }, directions: calm.directions }, ['refused']],
    [
      {
        handshake: { ...aSession().handshake, state: 'halfOpen', synRetries: 3 },
        directions: calm.directions,
        quality: { ...calm.quality, oneSided: true },
      },
      ['half-open', 'syn again×3'],
    ],
    [
      { directions: [aDirection({ zeroWindows: { count: 1, timeMs: 9, probes: 0 } }), aDirection({ reordered: 1_200 })] },
      ['zero window', 'reordered×1,200'],
    ],
    [{ directions: calm.directions, quality: { ...calm.quality, missedBytes: 9, duplicates: 2 } }, ['capture gaps', 'seen twice']],
  ]
  test.each(flags)('with %j has the flags %j', (over, expected) => expect(flagsOf(aSession(over))).toEqual(expected))
})

describe('the table of sessions', () => {
  test('has a head with the totals, a line each, and what was not understood', () => {
    expect(viewOf([aSession(), calm]).split('\n')).toEqual([
      'office.pcap: 830 packets in 12.5 s, 820 of TCP; 2 sessions, 1.01 MiB: 1 good, 1 fair',
      '',
      ' #  SCORE  CLIENT               SERVER          LIMIT     STARTED       SECONDS  RTT MS     P95      GOODPUT  RESENT     BYTES  BYTES OVER TIME  FLAGS',
      ' 0     58  10.0.0.7:40112       192.0.2.10:443  loss 62%  12:00:00.000   12.5    41.0    96.0     641 kbit/s    6.0%  1.01 MiB  ▃█▇▆             timeout×2',
      '12     97  [2001:db8::7]:50000  192.0.2.10:443  –         12:00:01.250    0.084   0.200   0.400  1.54 kbit/s       0  2.34 KiB  ▃█▇▆             ',
      'belay tcp FILE --session # tells one in words',
      '10 packets without a TCP segment that could be read: 8 arp, 2 udp',
    ])
  })

  test.each([200, 140, 120, 100, 80, 70])('fits into %d columns and keeps number, score, ends and limit', (width) => {
    const lines = viewOf([aSession(), calm], width).split('\n')
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width)
    expect(lines.find((line) => line.includes('CLIENT'))).toMatch(/# +SCORE +CLIENT +SERVER +LIMIT/)
  })

  test('keeps the column that it is sorted by, however narrow', () => {
    expect(viewOf([aSession()], 80, { sort: 'duration' })).toMatch(/SECONDS/)
    expect(viewOf([aSession()], 80, { sort: 'p95' })).toMatch(/P95/)
  })

  test('says how many are out of sight, and names the capture where there are several', () => {
    const totals = new Totals()
    for (let nth = 0; nth < 61; nth++) totals.add(calm)
    const captures = [aCapture(), aCapture({ name: 'home.pcap', warnings: ['The file is cut off.'], notUnderstood: {} })]
    const text = viewOf([aSession(), aSession({ capture: 'home.pcap' })], 200, { totals, captures })
    expect(text).toMatch(/^2 captures: 1,660 packets in 12\.5 s, 1,640 of TCP; 61 sessions/)
    expect(text).toMatch(/the first 2 of 61 sessions by score; --top shows more/)
    expect(text).toMatch(/home\.pcap +58/)
    expect(text).toMatch(/■ home\.pcap: The file is cut off\./)
    expect(text).toMatch(/office\.pcap: 10 packets without/)
  })

  test('that is empty says why', () => {
    expect(viewOf([])).toMatch(/None of 1 session is like that/)
    expect(viewOf([], 200, { captures: [aCapture({ sessions: 0 })] })).toMatch(/There is no TCP session in it\./)
    expect(viewOf([], 200, { captures: [aCapture({ sessions: 0, packets: 0, firstMs: null, lastMs: null })] })).toMatch(
      /There is no packet in it\./,
    )
  })

  test('paints what is poor and nothing else red', () => {
    const poor = aSession({
      score: { ...aSession().score, value: 12, grade: 'poor' },
      directions: [aDirection({ lostBefore: 3 }), aDirection()],
    })
    const totals = new Totals()
    const text = sessionsView({ captures: [aCapture()], sessions: [poor, calm], totals, sort: 'score' }, eyeOf(400, marked))
    expect(text.match(/<red:[^>]*>/g)).toEqual(['<red:12>', '<red:loss>', '<red:23.1%>'])
  })
})

test('as CSV a session is one row whose header has the units', () => {
  const [header, row, end] = csv([aSession()], sessionColumns).split('\r\n')
  expect(header).toMatch(
    /^capture,number,client,server,started,duration_s,score,grade,limit,limit_share,rtt_p50_ms,rtt_p95_ms,goodput_bps,resent_share,bytes,/,
  )
  expect(row).toMatch(
    /^office\.pcap,0,10\.0\.0\.7:40112,192\.0\.2\.10:443,2026-11-22T12:00:00\.000000000Z,12\.5,58,fair,loss,0\.62,41,96,640768,0\.06,1061200,/,
  )
  expect(row?.split(',').length).toBe(header?.split(',').length)
  expect(end).toBe('')
  expect(new Set(header?.split(','))).toHaveLength(sessionColumns.length)
})

describe('one session in words', () => {
  const text = sessionView(aSession(), eyeOf(110))

  test('begins with both ends, score and verdict, and divides its time as a bar that is told apart without colour', () => {
    const lines = text.split('\n')
    expect(lines.slice(0, 2)).toEqual([
      '10.0.0.7:40112 → 192.0.2.10:443  session 0 of office.pcap',
      '58 of 100, fair  for 62% of its time it recovered from loss; 6.0% of the segments were sent again',
    ])
    const at = lines.indexOf('What its time went into')
    expect(lines.slice(at + 1, at + 8)).toEqual([
      '  hssaaaaalllllllllllllllllllllllllllllllllllllbbbbbbbbbbbbbb·',
      '  l loss          62.0%  7.75 s',
      '  b bandwidth     24.1%  3.01 s',
      '  a application    8.0%  1.00 s',
      '  s slow start     4.0%  500 ms',
      '  · idle           1.6%  200 ms',
      '  h handshake      0.3%  40.0 ms',
    ])
  })

  test('draws speed, what was sent again, round trip and bytes in flight over time', () => {
    const lines = text.split('\n')
    const at = lines.indexOf('Over time')
    expect(lines.slice(at + 1, at + 6)).toEqual([
      '  throughput  ▃█▇▆  top 1.02 Mbit/s',
      '  sent again  ▁▃█▇  top 20 segments',
      '  round trip  ▄▆█▅  top 96.0 ms',
      '  in flight   ▂█▄▁  top 87.9 KiB',
      '  of what the server sent; one step is 3.13 s',
    ])
  })

  test('shows what Wireshark calls its segments beside what they were', () => {
    expect(text).toMatch(
      /\n {2}Belay {6}39 fast, 2 timeout, 1 tail\n {2}Wireshark {2}30 retransmission, 28 fast retransmission, 12 out of order\n/,
    )
  })

  test('tells what happened, what to try and how the score is made', () => {
    for (const title of ['What happened', 'What to try', 'How the score is made', 'How far to trust this'])
      expect(text).toContain(`\n${title}\n`)
    expect(text).toMatch(/ −42\.0 {2}resent {2}6\.0% of the segments/)
    expect(sessionView(calm, eyeOf(110))).toMatch(/100: nothing was taken off/)
  })

  test.each([120, 80, 60])('fits into %d columns; what does not fit side by side stands below one another', (width) => {
    const narrow = sessionView(aSession(), eyeOf(width))
    for (const line of narrow.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(width)
    if (width < 100) expect(narrow).toMatch(/the client sent\n/)
  })
})

describe('a comparison', () => {
  test('of too few sessions says so and shows no difference', () => {
    const comparison = compareSessions([aSession()], [calm], {
      seed: 1,
      resources: { a: { cpuMs: 4_000 }, b: { memoryBytes: 120_000_000 } },
    })
    const text = compareView(comparison, { a: 'old.pcap', b: 'new.pcap' }, ['A note.'], eyeOf(120))
    expect(text).toMatch(/^A {2}old\.pcap: 1 session\nB {2}new\.pcap: 1 session\n\nNo difference shown/)
    expect(text).toMatch(/CPU +4\.00 s +–/)
    expect(text).toMatch(/memory +– +114 MiB/)
    expect(text).toMatch(/■ A note\.$/)
  })

  test('shows each measure with its change and interval, and paints only what is shown', () => {
    const spread = (median: number) => ({ sessions: 30, p25: median * 0.9, median, p75: median * 1.1, mean: median })
    const base = compareSessions([], [], { seed: 1 })
    const measure = {
      unit: 'ms' as const,
      better: 'lower' as const,
      effect: -0.6,
      effectSize: 'large' as const,
      p: 0.001,
      pAdjusted: 0.002,
      because: '',
    }
    const text = compareView(
      {
        ...base,
        outcome: 'better in B',
        sentences: ['B serves better: its round trip is 40% shorter.'],
        measures: [
          {
            ...measure,
            measure: 'rttP50Ms',
            label: 'RTT, median',
            a: spread(80),
            b: spread(48),
            change: { as: 'ratio', estimate: 0.6, low: 0.55, high: 0.66 },
            outcome: 'better in B',
          },
          {
            ...measure,
            measure: 'resentShare',
            label: 'resent',
            unit: 'share',
            a: spread(0.01),
            b: spread(0.012),
            change: { as: 'difference', estimate: 0.002, low: -0.001, high: 0.005 },
            outcome: 'no difference shown',
          },
        ],
      },
      { a: 'a', b: 'b' },
      [],
      eyeOf(200, marked),
    )
    expect(text).toMatch(/80\.0 ms <dim:\(72\.0…88\.0\)>/)
    expect(text).toMatch(/<green:−40%> <dim:−45%…−34%> +large +<bold:better in B>/)
    expect(text).toMatch(/1\.00% <dim:\(0\.900…1\.10\)> .*<dim:−0\.100%…\+0\.500%> +<dim:–> +<dim:no difference shown>/)
  })
})

describe('what the server keeps', () => {
  const range = { from: startMs - 3_600_000, to: startMs }
  test('without a session says how to get some', () => {
    const it = { sessions: [], total: 0, grades: { good: 0, fair: 0, poor: 0 }, limits: [], ...range, notes: ['The store starts.'] }
    expect(keptSessionsView(it, eyeOf(200))).toMatch(
      /^0 sessions, .*\n\nNo session is like that\. Send some: belay tcp send FILE.*\n■ The store starts\.$/,
    )
    expect(capturesView([], false, eyeOf(100))).toMatch(/belay tcp send FILE/)
  })

  test('calls are told with the time of the network and of the server', () => {
    const turn = {
      startedMs: startMs,
      requestMs: 12,
      serverMs: 30,
      responseMs: 900,
      ackMs: 41,
      requestBytes: 900,
      responseBytes: 90_000,
      lost: 3,
    }
    const call = {
      ...{ at: startMs, service: 'api', method: 'Items.getList', release: 'v4', host: 'web1', status: 200, failed: false },
      ...{ realMs: 30, dbMs: 3, externalMs: 0, trace: '', span: '', peer: '', local: '', session: 'abcdefgh.3', turn },
      ...{
        rttMs: 41,
        wholeMs: 983,
        networkMs: 953,
        slowBecause: 'network' as const,
        because: 'the response took 900 ms; 3 segments were lost',
      },
    }
    const it = {
      ...range,
      environment: 'production',
      calls: [call],
      reasons: { network: 1, server: 0, unknown: 0 },
      says: 'The network made one call slow.',
      notes: [],
    }
    const lines = networkCallsView(it, eyeOf(200)).split('\n')
    expect(lines[0]).toMatch(/^production, .*: The network made one call slow\.$/)
    expect(lines.at(-1)).toMatch(/Items\.getList +api +983 +12\.0 +30\.0 +900 +953 +41\.0 +network +abcdefgh\.3 +the response took 900 ms/)
  })
})
