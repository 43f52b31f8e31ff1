import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { plain, startMs } from '../fixtures.ts'
import { kernelLimit, type LiveFrame, type LiveRow, LiveSockets, sortRows } from './live.ts'
import { liveLine, type LiveLook, liveView } from './live-view.ts'
import { keysOf } from './screen.ts'
import { parseSsLine, type SsSocket } from './ss.ts'
import { captureArguments, captureFilter, dropsOf, sayDrops, whyNot } from './tcpdump.ts'

const socket = (tokens: string, sk = '1'): string => `ESTAB 0 0 10.0.0.1:40000 10.0.0.2:443 sk:${sk} cubic ${tokens}`
const parsed = (tokens: string): SsSocket => parseSsLine(socket(tokens)) as SsSocket

describe('the kernel’s verdict of a socket', () => {
  const cases: readonly [story: string, now: string, before: string | undefined, limit: string, share: number | null][] = [
    ['that sent nothing is none', '', undefined, 'none', null],
    ['that waits for the peer’s window', 'bytes_sent:9 busy:1000ms rwnd_limited:990ms(99.0%)', undefined, 'receiver', 0.99],
    ['whose send buffer is too small', 'bytes_sent:9 busy:1000ms sndbuf_limited:800ms(80.0%)', undefined, 'send buffer', 0.8],
    ['that had nothing to send since', 'bytes_sent:9 busy:1000ms', 'bytes_sent:9 busy:1000ms', 'application', 1],
    ['that might have sent more', 'bytes_sent:9 busy:1000ms app_limited', 'bytes_sent:5 busy:400ms', 'application', null],
    ['that resends', 'bytes_sent:9 busy:1000ms retrans:0/9', 'bytes_sent:5 busy:400ms retrans:0/2', 'loss', 1],
    ['that is on its way', 'bytes_sent:9 busy:1000ms', 'bytes_sent:5 busy:400ms', 'network', 1],
    [
      'is of the last interval, not of its life',
      'busy:2000ms rwnd_limited:1000ms(50.0%)',
      'busy:1000ms rwnd_limited:1000ms(100.0%)',
      'network',
      1,
    ],
  ]
  test.each(cases)('%s', (_, now, before, limit, share) => {
    expect(kernelLimit(parsed(now), before === undefined ? undefined : parsed(before))).toEqual({ limit, share })
  })
})

describe('polled sockets', () => {
  test('have the speed of the interval, and one that takes over a port is another', () => {
    const sockets = new LiveSockets()
    sockets.poll(socket('bytes_sent:1000 bytes_acked:1000 bytes_received:10'), startMs)
    const second = sockets.poll(socket('bytes_sent:126000 bytes_acked:126000 bytes_received:10'), startMs + 1_000)
    expect(second.rows[0]).toMatchObject({ sentBps: 1_000_000, receivedBps: 0, spark: [0, 1_000_000], ageSeconds: 1 })
    const third = sockets.poll(socket('bytes_sent:50 bytes_acked:50', '2'), startMs + 2_000)
    expect(third).toMatchObject({ closed: 1, rows: [{ sentBps: 400, bytes: 50 }] })
  })

  test('that only listen or wait out their time are left out, and odd lines counted', () => {
    const sockets = new LiveSockets()
    const text = ['LISTEN 0 128 0.0.0.0:22 0.0.0.0:*', 'TIME-WAIT 0 0 1.1.1.1:1 2.2.2.2:2', 'what?', socket('')].join('\n')
    expect(sockets.poll(text, startMs).rows).toHaveLength(1)
    expect(sockets.notUnderstood).toBe(1)
  })
})

const aRow = (over: Partial<LiveRow> = {}): LiveRow => ({
  key: '1',
  from: '10.0.0.7:40112',
  to: '192.0.2.10:443',
  state: 'open',
  isOver: false,
  score: 58,
  grade: 'fair',
  limit: 'loss',
  limitShare: 0.62,
  rttMs: 41.2,
  minRttMs: 40,
  sentBps: 0,
  receivedBps: 3_260_000,
  bytes: 5_000_000,
  inFlight: 64_000,
  resentShare: 0.012,
  ageSeconds: 12,
  flags: ['timeout×2'],
  spark: [1, 2, 4],
  ...over,
})
const aFrame = (rows: readonly LiveRow[], source: LiveFrame['source'] = 'packets'): LiveFrame => ({
  source,
  atMs: startMs,
  closed: 3,
  rows,
})
const eye = (width: number) => ({ look: { terminal: true, width, nowMs: startMs }, paint: plain })
const look = (over: Partial<LiveLook> = {}): LiveLook => ({
  sort: 'speed',
  offset: 0,
  height: 12,
  isPaused: false,
  says: 'Packets of eth0, by tcpdump.',
  ...over,
})

describe('the live table', () => {
  test('fills the screen, says what it is sorted by and how much is out of sight', () => {
    const rows = Array.from({ length: 9 }, (_, nth) =>
      aRow({ key: String(nth), receivedBps: nth * 1e6, rttMs: nth === 0 ? null : 4.12 * 10 ** (nth % 3) }),
    )
    const lines = liveView(aFrame(rows), look({ offset: 2 }), eye(200)).split('\n')
    expect(lines).toHaveLength(11)
    expect(lines[0]).toMatch(/^9 sessions open, 3 closed, to servers 0 bit\/s, to clients 36\.0 Mbit\/s, \d\d:\d\d:\d\d$/)
    expect(lines[3]).toBe(
      'SCORE  CLIENT          SERVER          LIMIT     RTT MS   MIN  →            ←  IN FLIGHT  RESENT     BYTES     AGE  SPEED                 FLAGS',
    )
    expect(lines[4]).toBe(
      '   58  10.0.0.7:40112  192.0.2.10:443  loss 62%    4.12  40.0  –  6.00 Mbit/s   62.5 KiB    1.2%  4.77 MiB  12.0 s  ▃▅█                   timeout×2',
    )
    expect(lines.at(-1)).toBe('q quits, s sorts (speed), ↑↓ scroll, space pauses; 2 above, 1 below')
  })

  test('of sockets has no score and names both ends by where they are', () => {
    const text = liveView(aFrame([aRow({ score: null, grade: null, limit: 'send buffer' })], 'sockets'), look(), eye(160))
    expect(text).not.toMatch(/SCORE/)
    expect(text).toMatch(/HERE +THERE +LIMIT/)
    expect(text).toMatch(/send buffer 62%/)
    expect(text).toMatch(/^1 socket open/)
  })

  test.each([160, 100, 80, 60])('fits into %d columns', (width) => {
    for (const line of liveView(aFrame([aRow({ from: '[2001:db8:85a3::8a2e:370:7334]:40112' })]), look(), eye(width)).split('\n'))
      expect(stringWidth(line)).toBeLessThanOrEqual(width)
  })

  test('puts what is over below what lives, and equal ones always in the same order', () => {
    const rows = [aRow({ key: 'b' }), aRow({ key: 'over', isOver: true, receivedBps: 9e9 }), aRow({ key: 'a' })]
    expect(sortRows(rows, 'speed').map(({ key }) => key)).toEqual(['a', 'b', 'over'])
  })

  test('where nothing can be drawn again is one line an interval, with the worst session', () => {
    expect(liveLine(aFrame([aRow()]))).toMatch(
      /^\d\d:\d\d:\d\d {2}1 open, 3 closed, → 0 bit\/s, ← 3\.26 Mbit\/s; worst 10\.0\.0\.7:40112 → 192\.0\.2\.10:443 58 loss$/,
    )
    expect(liveLine(aFrame([]))).toMatch(/0 open, 3 closed, → 0 bit\/s, ← 0 bit\/s$/)
  })
})

test('keys are told apart, also several in one piece', () => {
  expect(keysOf('q\u001b[A\u001bOBs\u001b[5~\u0003')).toEqual(['q', 'up', 'down', 's', 'pageUp', 'interrupt'])
})

describe('tcpdump', () => {
  test('is started with all headers, no names, the kernel’s large buffer and a filter of TCP', () => {
    const words = captureArguments({ interface: 'eth0', filter: captureFilter('10.0.0.7', 443), snaplen: 128 })
    expect(words.join(' ')).toBe(
      '-i eth0 -n -U -s 128 -B 65536 --immediate-mode --time-stamp-precision=nano -w - tcp and host 10.0.0.7 and port 443',
    )
  })

  test('is read at its end: what the kernel dropped makes every loss doubtful', () => {
    const drops = dropsOf('\n1300 packets captured\n1310 packets received by filter\n10 packets dropped by kernel\n')
    expect(drops).toEqual({ captured: 1_300, received: 1_310, droppedByKernel: 10, droppedByInterface: null })
    expect(sayDrops(drops)).toBe('The capture itself lost 10 packets (the kernel had no room for them): losses shown may be its own.')
    expect(sayDrops(dropsOf('1 packet captured\n0 packets dropped by kernel'))).toBe('The capture lost no packet.')
    expect(sayDrops(dropsOf(''))).toBeUndefined()
  })

  const wish = { interface: 'eth9', filter: 'tcp and host x', snaplen: 128 }
  const refusals: readonly [says: string, code: string, sentence: RegExp][] = [
    [
      `tcpdump: eth9: You don't have permission to perform this capture on that device\n(socket: Operation not permitted)\n`,
      'no-capture-right',
      /^This user may not capture on eth9: .*setcap/,
    ],
    ['tcpdump: eth9: No such device exists\n(No such device exists)\n', 'no-interface', /^There is no interface eth9 here\. Known: any, /],
    [`tcpdump: can't parse filter expression: syntax error\n`, 'capture-failed', /syntax error \(tcp and host x\)\.$/],
    ['', 'capture-failed', /ended at once/],
  ]
  test.each(refusals)('that says %j is %s', (says, code, sentence) => {
    const problem = whyNot(says, wish)
    expect(problem.code).toBe(code)
    expect(problem.message).toMatch(sentence)
  })
})
