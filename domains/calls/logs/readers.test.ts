import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseClf, parseMoment } from './clock.ts'
import { haproxyReader } from './haproxy.ts'
import { lineMaxBytes } from './limits.ts'
import { nginxReader } from './nginx.ts'
import type { LineReader, LogLine } from './types.ts'
import { requestOf, traceOf, wordsOf } from './words.ts'

const combined =
  '203.0.113.7 - - [22/Nov/2026:13:00:01 +0100] "GET /items/8231?page=2 HTTP/1.1" 200 5120 "https://shop.example/" "Mozilla/5.0 (X11)"'
const endedAt = Date.UTC(2026, 10, 22, 12, 0, 1)
const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const json = {
  ...{ msec: '1795348801.250', request_method: 'POST', request_uri: '/rpc/items/list?op=1', status: '503', request_time: '1.250' },
  ...{ body_bytes_sent: '10', request_length: '300', http_user_agent: 'curl/8', http_x_account: 'acme', hostname: 'edge1' },
  http_traceparent: `00-${trace}-00f067aa0ba902b7-01`,
}
const haproxy =
  'Nov 22 12:00:01 edge haproxy[14389]: 10.0.1.2:33317 [22/Nov/2026:12:00:01.655 +0000] http-in~ app/api1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example|Mozilla/5.0 (X11)} {} "GET /items/8231 HTTP/1.1"'

const ok = (read: LineReader, line: string): LogLine => {
  const it = read(line)
  if (typeof it === 'string') throw new Error(it)
  return it
}

describe('nginx', () => {
  const read = nginxReader()

  test('combined with $request_time is a call that began so long before it was written', () => {
    expect(ok(read, `${combined} 0.123`)).toEqual({
      ...{ at: endedAt - 123, verb: 'GET', path: '/items/8231?page=2', status: 200, cutOff: false, realUs: 123_000 },
      ...{ requestBytes: 0, responseBytes: 5_120, host: '', trace: '', peer: '', local: '' },
      headers: { referer: 'https://shop.example/', 'user-agent': 'Mozilla/5.0 (X11)' },
    })
    expect(ok(read, `${combined} "-" 0.5 0.400 0.3`)).toMatchObject({ realUs: 500_000 })
  })

  test('further parts go by nginx’s own names of variables', () => {
    const line = `${combined} msec=1795348801.250 request_time=0.250 request_length=411 hostname=edge1 http_x_account="acme \\x22co\\x22" http_traceparent=00-${trace}-00f067aa0ba902b7-01`
    expect(ok(read, line)).toMatchObject({
      ...{ at: 1_795_348_801_000, realUs: 250_000, requestBytes: 411, host: 'edge1', trace },
      headers: { 'x-account': 'acme "co"' },
    })
  })

  test('the ends of the connection are told where the format has their ports', () => {
    const ends = { remote_addr: '2001:db8::7', remote_port: '5000', server_addr: '10.0.0.1', server_port: '443' }
    const told = { peer: '[2001:db8::7]:5000', local: '10.0.0.1:443' }
    expect(ok(read, JSON.stringify({ ...json, ...ends }))).toMatchObject(told)
    expect(ok(read, `${combined} 0.1 remote_port=5000 server_addr=10.0.0.1 server_port=443`)).toMatchObject({
      ...told,
      peer: '203.0.113.7:5000',
    })
  })

  test('JSON is read by the same names', () => {
    expect(ok(read, JSON.stringify(json))).toMatchObject({
      ...{ at: 1_795_348_800_000, verb: 'POST', path: '/rpc/items/list?op=1', status: 503, realUs: 1_250_000, responseBytes: 10 },
      ...{ requestBytes: 300, host: 'edge1', trace, headers: { 'user-agent': 'curl/8', 'x-account': 'acme' } },
    })
    expect(ok(read, '{"time":"2026-11-22T12:00:01+00:00","request":"GET / HTTP/2.0","status":200,"request_time":0.001}')).toMatchObject({
      ...{ at: endedAt - 1, realUs: 1_000, path: '/' },
    })
  })

  test('a client that went away has no answer', () => {
    expect(ok(read, `${combined.replace(' 200 ', ' 499 ')} 0.1`)).toMatchObject({ status: 499, cutOff: true })
  })

  const refused: readonly [story: string, line: string, because: RegExp][] = [
    ['without $request_time', combined, /has no \$request_time, which the format `combined` leaves out/],
    ['of another format', 'hello world', /does not begin as nginx’s format combined does/],
    ['with an open quote', `${combined} "0.1`, /a quote that is not closed/],
    ['of something that is no HTTP', `${combined.replace(/"GET .*?"/, String.raw`"\x16\x03\x01"`)} 0.1`, /is no HTTP request/],
    ['without status', `${combined.replace(' 200 ', ' - ')} 0.1`, /no status/],
    ['of a day that is none', `${combined.replace('22/Nov', '32/Nov')} 0.1`, /no time that can be read/],
    ['that is cut', combined.slice(0, 80), /ends before the size|not closed/],
    ['of broken JSON', '{"msec":', /begins like JSON and is not/],
    ['of JSON without a request', '{"msec":1}', /names no request/],
  ]
  test.each(refused)('a line %s is refused, and the reason said', (_, line, because) => expect(read(line)).toMatch(because))
})

describe('HAProxy', () => {
  const read = haproxyReader()

  test('a line of option httplog is a call, with or without what syslog writes before it', () => {
    const expected = {
      ...{ at: Date.UTC(2026, 10, 22, 12, 0, 1, 655), verb: 'GET', path: '/items/8231', status: 200, cutOff: false, realUs: 109_000 },
      ...{ requestBytes: 0, responseBytes: 2_750, host: 'api1', trace: '', peer: '10.0.1.2:33317', local: '', headers: {} },
    }
    expect(ok(read, haproxy)).toEqual(expected)
    expect(ok(read, haproxy.slice(haproxy.indexOf('10.0.1.2')))).toEqual(expected)
  })

  test('the client of a connection is told, by IPv4 or IPv6; one on the same machine’s socket has no address', () => {
    expect(ok(read, haproxy.replace('10.0.1.2:33317', '2001:db8::7:33317')).peer).toBe('[2001:db8::7]:33317')
    expect(ok(read, haproxy.replace('10.0.1.2:33317', 'unix:1')).peer).toBe('')
    expect(ok(read, haproxy.slice(haproxy.indexOf('[22/Nov'))).peer).toBe('')
  })

  test('time without a zone is this machine’s', () => {
    expect(ok(read, haproxy.replace(' +0000]', ']')).at).toBe(new Date(2026, 10, 22, 12, 0, 1, 655).getTime())
  })

  test('no answer, no server, logasap and pairs after the request', () => {
    const line = haproxy.replace('app/api1 10/0/30/69/109 200', 'app/<NOSRV> 0/-1/-1/-1/+5000 -1')
    expect(ok(read, `${line} http_x_account="acme#22" request_length=9`)).toMatchObject({
      ...{ status: 0, cutOff: true, host: '', realUs: 5_000_000, requestBytes: 9, headers: { 'x-account': 'acme"' } },
    })
  })

  test('a line that was cut within its path still names its beginning', () => {
    expect(ok(read, haproxy.slice(0, haproxy.indexOf('231 HTTP')))).toMatchObject({ path: '/items/8' })
  })

  const refused: readonly [story: string, line: string, because: RegExp][] = [
    ['about a server', 'Server app/api1 is DOWN, reason: Layer4 timeout', /only lines of option httplog/],
    ['of option tcplog', haproxy.replace('10/0/30/69/109', '0/0/109'), /no timers TR\/Tw\/Tc\/Tr\/Ta/],
    ['of a bad request', haproxy.replace(/"GET .*$/, '"<BADREQ>"'), /is no HTTP request: "\\"<BADREQ>/],
    ['that ends before the request', haproxy.slice(0, haproxy.indexOf(' "GET')), /ends before the request/],
  ]
  test.each(refused)('a line %s is refused, and the reason said', (_, line, because) => expect(read(line)).toMatch(because))
})

describe('whatever a line is, it is read in a moment, and what comes out is sound', () => {
  const good = [`${combined} 0.123`, JSON.stringify(json), haproxy]
  const mutated = fc
    .tuple(
      fc.constantFrom(...good),
      fc.array(fc.tuple(fc.nat(400), fc.nat(8), fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 6 }),
    )
    .map(([line, edits]) => edits.reduce((text, [at, gone, put]) => text.slice(0, at) + put + text.slice(at + gone), line))
  const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), mutated, fc.json())

  test.each([
    ['nginx', nginxReader],
    ['haproxy', haproxyReader],
  ] as const)('%s', (_, make) => {
    const read = make()
    fc.assert(
      fc.property(anything, (text) => {
        const it = read(text)
        if (typeof it === 'string') {
          expect(it).not.toBe('')
          return
        }
        expect(Number.isFinite(it.at) && Number.isInteger(it.at)).toBe(true)
        expect(it.path).toMatch(/^\//)
        expect(it.verb).toMatch(/^[A-Z][A-Z-]*$/)
        expect(it.status).toBeGreaterThanOrEqual(0)
        expect(it.status).toBeLessThan(1_000)
        for (const number of [it.realUs, it.requestBytes, it.responseBytes]) expect(number).toBeGreaterThanOrEqual(0)
        expect(it.trace).toMatch(/^([0-9a-f]{32})?$/)
      }),
      { numRuns: 1_000 },
    )
  })

  const long = lineMaxBytes
  const slow: readonly [story: string, line: string][] = [
    ['brackets', '['.repeat(long)],
    ['brackets after an address', `1.1.1.1 - ${'x ['.repeat(long / 3)}`],
    ['quotes', `${combined} ${'"'.repeat(long)}`],
    ['backslashes', `${combined} "${'\\x'.repeat(long / 2)}`],
    ['pairs', `${combined} ${'a='.repeat(long / 2)}`],
    ['words', `${combined} ${'a '.repeat(long / 2)}`],
    ['arrays', `{"a":${'['.repeat(long)}`],
    ['times', `${'[22/Nov/2026:12:00:01.655 '.repeat(long / 26)}`],
    ['slashes', `${haproxy.slice(0, haproxy.indexOf('"GET'))}"GET ${'/'.repeat(long)}`],
  ]
  test.each(slow)('64 KiB of %s', (_, line) => {
    for (const read of [nginxReader(), haproxyReader()]) {
      const from = performance.now()
      read(line)
      // A tenth of it alone; what takes seconds would let one file hold the server.
      expect(performance.now() - from).toBeLessThan(500)
    }
  })
})

test('times are read as they were written', () => {
  expect(parseClf('22/Nov/2026:13:00:01 +0100')).toBe(endedAt)
  expect(parseClf('22/Nov/2026:06:30:01 -0530')).toBe(endedAt)
  expect(parseMoment('1795348801.25')).toBe(1_795_348_801_250)
  expect(parseMoment('2026-11-22T13:00:01+01:00')).toBe(endedAt)
  for (const none of ['', 'soon', '22/Nov/2026', '22/Foo/2026:13:00:01 +0100', '2026-11-22']) expect(parseMoment(none), none).toBeNaN()
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), fc.integer({ min: -14, max: 14 }), (seconds, zone) => {
      const local = new Date((seconds + zone * 3_600) * 1_000)
      const month = local.toLocaleString('en', { month: 'short', timeZone: 'UTC' })
      const iso = local.toISOString()
      const offset = `${zone < 0 ? '-' : '+'}${String(Math.abs(zone)).padStart(2, '0')}00`
      expect(parseClf(`${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} ${offset}`)).toBe(seconds * 1_000)
    }),
  )
})

test('requests and traces', () => {
  expect(requestOf('GET http://shop.example/items?x=1 HTTP/1.1')).toEqual({ verb: 'GET', path: '/items?x=1' })
  expect(requestOf('OPTIONS * HTTP/1.1')).toEqual({ verb: 'OPTIONS', path: '/*' })
  expect(requestOf('get / HTTP/1.1')).toBeUndefined()
  expect(traceOf(`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`)).toBe('')
  expect(wordsOf('a=1 "b c" d="e \\" f" =x')).toEqual([
    { name: 'a', text: '1', quoted: false },
    { name: '', text: 'b c', quoted: true },
    { name: 'd', text: 'e " f', quoted: true },
    { name: '', text: '=x', quoted: false },
  ])
})
