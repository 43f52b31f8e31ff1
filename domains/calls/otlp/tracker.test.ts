import { seededRandom } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CallRow, marks } from '../row.ts'
import { createDescribeCalls } from './describe.ts'
import {
  call,
  clientKind,
  hex,
  logsOf,
  noRules,
  nextId,
  protobufOf,
  serverKind,
  start,
  type TestBody,
  type TestSpan,
  traceOf,
} from './fixtures.ts'
import { limits } from './limits.ts'
import { createPending } from './pending.ts'
import { readEvaluations, readSpans } from './protobuf.ts'
import type { Evaluation } from './shape.ts'
import { Tracker } from './tracker.ts'

const trackerWith = (rules: CallRules = noRules) =>
  new Tracker(
    createDescribeCalls(() => rules),
    [1, 2],
    start,
  )
/** Rows of bodies that come one after the other, a second apart. */
function rowsOf(bodies: readonly TestBody[], tracker = trackerWith()): CallRow[] {
  return bodies.flatMap((body, i) =>
    tracker.spans('production', readSpans(protobufOf([body])).items, start + 1_000 * i).map((it) => it.row),
  )
}
const one = (spans: readonly TestSpan[], rules?: CallRules): CallRow => rowsOf([{ spans }], trackerWith(rules))[0] as CallRow

describe('a call', () => {
  test('has what its span says, and what its descendants did', () => {
    const row = one(
      call(1, {
        path: '/items/8231',
        status: 503,
        statements: ['SELECT 1', 'SELECT * FROM item WHERE id = $1'],
        externals: 2,
        attributes: {
          'http.request.body.size': 12,
          'http.response.body.size': 3_000,
          'client.address': '198.51.100.7',
          'network.peer.address': '::ffff:10.0.0.2',
          'network.peer.port': 52_341,
          'net.sock.host.addr': 'FE80::1%eth0',
          'net.sock.host.port': '8080',
        },
      }),
    )
    expect(row).toMatchObject({
      service: 'api',
      environment: 'production',
      release: 'v7',
      lane: 'stable',
      host: 'web1',
      method: 'GET /items/{id}',
      audience: 'everyone',
      status: 503,
      failed: true,
      n: 1,
      realUs: 10_000,
      cpuN: 0,
      dbUs: 1_000,
      externals: 2,
      externalUs: 1_000,
      statements: 2,
      transactions: 2,
      repeats: 1,
      requestBytes: 12,
      responseBytes: 3_000,
      peer: '10.0.0.2:52341',
      local: '[fe80::1]:8080',
      trace: traceOf(1),
      origin: 'otlp',
      marks: 0,
      at: start + 1,
    })
  })

  test('counts a transaction once, and no BEGIN, COMMIT and SAVEPOINT among its statements', () => {
    const statements = ['BEGIN', 'SELECT a FROM t WHERE id = 1', 'SAVEPOINT s', 'SELECT a FROM t WHERE id = 2', 'COMMIT', 'SELECT now()']
    const row = one(call(1, { statements }))
    expect(row).toMatchObject({ statements: 3, transactions: 2, repeats: 2, repeated: 'SELECT a FROM t WHERE id = ?' })
    expect(row.dbUs).toBe(3_000)
  })

  test('counts as waiting for the database once what ran at once, and never more than the call took', () => {
    const [statement, ...rest] = call(1, { statements: ['SELECT 1', 'SELECT 2'] }) as [TestSpan, TestSpan, TestSpan]
    const row = one([{ ...statement, ms: 4 }, { ...rest[0], at: (statement?.at ?? 0) + 2, ms: 4 }, rest[1] as TestSpan])
    expect(row).toMatchObject({ dbUs: 8_000, dbWallUs: 6_000 })
    const long = call(1, { statements: ['SELECT 1'], ms: 1 }).map((span) => (span.kind === clientKind ? { ...span, ms: 60 } : span))
    expect(one(long)).toMatchObject({ dbUs: 60_000, dbWallUs: 1_000 })
  })

  test('does not count waiting for a connection as a statement', () => {
    const spans = call(1, { statements: ['SELECT 1'] })
    const root = spans.at(-1) as TestSpan
    const connect = {
      ...root,
      id: nextId(),
      parent: root.id,
      kind: clientKind,
      name: 'pg-pool.connect',
      attributes: { 'db.system': 'postgresql' },
    }
    expect(one([connect, ...spans])).toMatchObject({ statements: 1, externals: 0 })
  })

  test('counts a statement once that a query builder and its driver both tell of, as the driver tells it', () => {
    const root = call(1).at(-1) as TestSpan
    const outer: TestSpan = {
      trace: root.trace,
      id: nextId(),
      parent: root.id,
      kind: clientKind,
      at: root.at,
      ms: 5,
      attributes: { 'db.system': 'postgresql', 'db.statement': 'select ?' },
    }
    const pool: TestSpan = { trace: root.trace, id: nextId(), parent: outer.id, kind: 1, at: root.at, ms: 4 }
    const inner: TestSpan = {
      ...outer,
      id: nextId(),
      parent: pool.id,
      ms: 3,
      attributes: { 'db.system': 'postgresql', 'db.statement': 'SELECT $1' },
    }
    for (const order of [
      [inner, pool, outer, root],
      [root, outer, pool, inner],
    ])
      expect(one(order)).toMatchObject({ statements: 1, dbUs: 3_000 })
    // In bodies of their own, whichever comes first.
    for (const order of [
      [inner, pool, outer, root],
      [inner, outer, pool, root],
      [outer, inner, pool, root],
    ]) {
      const rows = rowsOf(order.map((span) => ({ spans: [span] })))
      expect(rows.reduce((sum, row) => sum + row.statements, 0)).toBe(1)
    }
  })

  test('counts a request to another service once, also when a client and its transport both tell of it', () => {
    const root = call(1).at(-1) as TestSpan
    const rpc: TestSpan = {
      trace: root.trace,
      id: nextId(),
      parent: root.id,
      kind: clientKind,
      at: root.at,
      ms: 5,
      attributes: { 'rpc.system': 'aws-api', 'rpc.method': 'GetObject' },
    }
    const http: TestSpan = { ...rpc, id: nextId(), parent: rpc.id, ms: 4, attributes: { 'http.request.method': 'GET' } }
    expect(one([http, rpc, root])).toMatchObject({ externals: 1, externalUs: 4_000 })
    // A database that is asked over HTTP.
    const search: TestSpan = { ...rpc, attributes: { 'db.system.name': 'elasticsearch', 'db.operation.name': 'search' } }
    expect(one([http, search, root])).toMatchObject({ externals: 0, statements: 1 })
  })

  test('of another service ends where that service begins', () => {
    const front = call(1, { externals: 1 })
    const client = front[0] as TestSpan
    const back = call(1, { statements: ['SELECT 1'], parent: client.id, path: '/inner' })
    const rows = rowsOf([{ spans: [...back, ...front] }])
    expect(rows.map(({ method, statements, externals }) => ({ method, statements, externals }))).toEqual([
      { method: 'GET /inner', statements: 1, externals: 0 },
      { method: 'GET /items', statements: 0, externals: 1 },
    ])
  })

  test('is one, though a framework tells of the same request within the process', () => {
    const root = call(1).at(-1) as TestSpan
    const rpc: TestSpan = {
      ...root,
      id: nextId(),
      parent: root.id,
      flags: 0x101,
      attributes: { 'rpc.system': 'connect', 'rpc.service': 'shop.Items', 'rpc.method': 'List' },
    }
    const statement: TestSpan = { ...root, id: nextId(), parent: rpc.id, kind: clientKind, attributes: { 'db.query.text': 'SELECT 1' } }
    const rows = rowsOf([{ spans: [statement, rpc, root] }])
    expect(rows).toHaveLength(1)
    expect(rows[0]).toMatchObject({ method: 'shop.Items/List', statements: 1 })
  })

  test('gets its route from a span within, when its own says none', () => {
    const root = call(1, { path: '/items/8231/x' }).at(-1) as TestSpan
    const inner = { ...root, id: nextId(), parent: root.id, kind: 1, attributes: { 'http.route': '/items/:item/x' } }
    expect(one([inner, root]).method).toBe('GET /items/:item/x')
  })
})

describe('a call is named', () => {
  const rules: CallRules = {
    version: '1',
    methods: [{ path: '/rpc/:noun/:verb', verb: 'POST', name: '{noun}.{verb}' }],
    account: ['header.x-account', 'query.account'],
    audiences: [
      { name: 'robot', where: { '==': [{ var: 'robot' }, true] } },
      { name: 'staff', where: { '==': [{ var: 'header.x-role' }, 'staff'] } },
    ],
  }
  const cases: readonly [story: string, attributes: TestSpan['attributes'], name: string, expected: Partial<CallRow>][] = [
    ['by a rule of the team', { 'http.method': 'POST', 'http.target': '/rpc/Items/list?x=1' }, 'POST', { method: 'Items.list' }],
    ['by its route', { 'http.method': 'GET', 'http.route': '/a/:id', 'url.path': '/a/1' }, 'GET', { method: 'GET /a/:id' }],
    ['by the route that is in its name', { 'http.method': 'GET' }, 'GET /b/:id', { method: 'GET /b/:id' }],
    ['by its path without ids', { 'http.method': 'GET', 'http.url': 'https://x.test/a/17?b=c' }, 'GET', { method: 'GET /a/{id}' }],
    ['by its RPC', { 'rpc.system': 'grpc', 'rpc.service': 'a.B', 'rpc.method': 'Do' }, 'a.B/Do', { method: 'a.B/Do', status: 0 }],
    ['as it says itself', { 'http.method': 'GET', 'url.path': '/x', 'belay.method': 'Own.name' }, 'GET', { method: 'Own.name' }],
    ['by its span, when there is nothing else', {}, 'job 42', { method: 'job {id}' }],
    ['for the account of a header', { 'http.request.header.x-account': ['acme'] }, 'x', { account: 'acme' }],
    ['for the account of a header as older SDKs spell it', { 'http.request.header.x_account': ['acme'] }, 'x', { account: 'acme' }],
    ['for the account of its query', { 'url.path': '/', 'url.query': 'a=1&account=b%20c' }, 'x', { account: 'b c' }],
    [
      'for an account that is a number, to its last digit',
      { 'belay.account': 9_007_199_254_740_993n },
      'x',
      { account: '9007199254740993' },
    ],
    ['for a robot by its user agent', { 'user_agent.original': 'Googlebot/2.1' }, 'x', { audience: 'robot' }],
    [
      'for a robot as it is marked',
      { 'user_agent.original': 'Mozilla/5.0 Chrome/149.0', 'user_agent.synthetic.type': 'test' },
      'x',
      { audience: 'robot' },
    ],
    ['for staff by a header', { 'http.request.header.x-role': ['staff'] }, 'x', { audience: 'staff' }],
    ['for whom it says itself', { 'belay.audience': 'partners' }, 'x', { audience: 'partners' }],
  ]
  test.each(cases)('%s', (_, attributes, name, expected) => {
    expect(
      one([{ trace: traceOf(1), id: nextId(), kind: serverKind, name, at: start, ms: 1, ...(attributes ? { attributes } : {}) }], rules),
    ).toMatchObject(expected)
  })

  test('by its queue, when it processes a message; receiving one is no call', () => {
    const attributes = { 'messaging.system': 'kafka', 'messaging.destination.name': 'orders' }
    const message = (type: string) => ({
      trace: traceOf(1),
      id: nextId(),
      kind: 5,
      name: 'x',
      at: start,
      ms: 1,
      attributes: { ...attributes, 'messaging.operation.type': type },
    })
    const rows = rowsOf([{ spans: [message('process'), message('receive')] }])
    expect(rows.map(({ method }) => method)).toEqual(['process orders'])
  })

  test('together with all others, when there are too many names', () => {
    const spans = Array.from({ length: 2_100 }, (_, i) => call(i, { route: `/made/up/${hex(i, 4)}` })).flat()
    const rows = rowsOf([{ spans }])
    expect(rows.filter((row) => row.method === '(other)' && (row.marks & marks.overflow) !== 0)).toHaveLength(100)
    expect(new Set(rows.map((row) => row.method)).size).toBe(2_001)
  })

  test('apart from what scanners look for', () => {
    const spans = Array.from({ length: 50 }, (_, i) =>
      call(i, { path: `/wp-${'abcdefghij'[i % 10]}${'klmno'[i % 5]}`, status: 404 }),
    ).flat()
    expect(new Set(rowsOf([{ spans }]).map((row) => row.method))).toEqual(new Set(['GET (not found)']))
  })
})

describe('flags', () => {
  const variants = ['a=on', 'b=blue', 'c=true']
  test('that a call met come from events and attributes of any of its spans, sorted, each once', () => {
    const root = call(1, {
      attributes: { 'feature_flags.b': 'blue' },
      events: [{ name: 'feature_flag.evaluation', attributes: { 'feature_flag.key': 'c', 'feature_flag.result.value': true } }],
    }).at(-1) as TestSpan
    const inner: TestSpan = {
      ...root,
      id: nextId(),
      parent: root.id,
      kind: 1,
      attributes: {},
      events: [{ name: 'feature_flag', attributes: { 'feature_flag.key': 'a', 'feature_flag.variant': 'on' } }, ...(root.events ?? [])],
    }
    expect(one([inner, root]).variants).toEqual(variants)
  })

  test('that log records tell of are joined to their call, by whichever of its spans', () => {
    const tracker = trackerWith()
    const root = call(1).at(-1) as TestSpan
    const inner: TestSpan = { ...root, id: nextId(), parent: root.id, kind: 1, attributes: {} }
    const told = (span: string, variant: string) => {
      const [flag = '', on = ''] = variant.split('=')
      return readEvaluations(logsOf([{ trace: root.trace, span, flag, variant: on }])).items[0] as Evaluation
    }
    tracker.evaluations('production', [told(root.id, 'a=on'), told(inner.id, 'b=blue')], start)
    expect(rowsOf([{ spans: [inner, root] }], tracker)[0]?.variants).toEqual(['a=on', 'b=blue'])
    tracker.evaluations('production', [told(inner.id, 'c=true')], start)
    expect(tracker.counts.lateEvaluations).toBe(1)
  })
})

describe('spans of one call', () => {
  /** A tree of spans under a call: internal ones, and statements as leaves. */
  const tree = fc.tuple(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }))

  test('make the same sums in whatever order and in however many bodies they come, and however often', () => {
    fc.assert(
      fc.property(tree, ([seed, size, bodyCount]) => {
        const random = seededRandom(seed)
        const root = call(1).at(-1) as TestSpan
        const parents = [root]
        const leaves: TestSpan[] = []
        for (let i = 0; i < size; i++) {
          const parent = parents[Math.floor(random() * parents.length)] as TestSpan
          const isStatement = random() < 0.6
          const span: TestSpan = {
            ...root,
            id: nextId(),
            parent: parent.id,
            kind: isStatement ? clientKind : 1,
            ms: 1,
            attributes: isStatement ? { 'db.query.text': `SELECT ${'abc'[i % 3]}` } : {},
          }
          if (isStatement) leaves.push(span)
          else parents.push(span)
        }
        const spans = [...parents, ...leaves].map((span) => ({ span, at: random() })).toSorted((a, b) => a.at - b.at)
        const bodies = Array.from({ length: bodyCount }, () => [] as TestSpan[])
        for (const { span } of spans) {
          for (let times = random() < 0.2 ? 2 : 1; times > 0; times--) bodies[Math.floor(random() * bodyCount)]?.push(span)
        }
        const rows = rowsOf(bodies.map((body) => ({ spans: body })))
        const sum = (of: (row: CallRow) => number) => rows.reduce((total, row) => total + of(row), 0)
        expect(sum((row) => row.n)).toBe(1)
        expect(sum((row) => row.statements)).toBe(leaves.length)
        expect(sum((row) => row.dbUs)).toBe(1_000 * leaves.length)
        for (const row of rows)
          expect(row).toMatchObject(row.n === 1 ? { realUs: 10_000 } : { realUs: 0, marks: marks.late, method: 'GET /items' })
      }),
      { numRuns: 300 },
    )
  })

  test('that come after their call add to it under its name, release, variants and hour', () => {
    const spans = call(1, { statements: ['SELECT 1', 'SELECT 2'], attributes: { 'feature_flags.f': 'on' } })
    const [statement, other, root] = spans as [TestSpan, TestSpan, TestSpan]
    const [first, late] = rowsOf([{ spans: [statement, root] }, { spans: [other] }]) as [CallRow, CallRow]
    const { service, method, release, variants, trace } = first
    expect(late).toMatchObject({ service, method, release, variants, trace, n: 0, statements: 1, transactions: 1, marks: marks.late })
    expect(Math.abs(late.at - first.at)).toBeLessThan(1_000)
  })

  test('are of their own environment: the same ids in another are others', () => {
    const tracker = trackerWith()
    const spans = readSpans(protobufOf([{ spans: call(1, { statements: ['SELECT 1'] }) }])).items
    expect(tracker.spans('production', spans, start)).toHaveLength(1)
    expect(tracker.spans('qa', spans, start)).toHaveLength(1)
    expect(tracker.spans('qa', spans, start)).toHaveLength(0)
    expect(tracker.counts.duplicates).toBe(2)
  })

  test('whose call never comes are forgotten after a while, and counted', () => {
    const tracker = trackerWith()
    const [statement] = call(1, { statements: ['SELECT 1'] }) as [TestSpan]
    rowsOf([{ spans: [statement] }], tracker)
    expect(tracker.pending.size).toBe(1)
    tracker.spans('production', [], start + limits.pendingMs)
    expect(tracker.pending.size).toBe(0)
    expect(tracker.counts.forgotten).toBe(1)
  })

  test('of a call that lasted minutes are all there at its end', () => {
    const [statement, root] = call(1, { statements: ['SELECT 1'], ms: 600_000 }) as [TestSpan, TestSpan]
    const tracker = trackerWith()
    rowsOf([{ spans: [statement] }], tracker)
    for (let s = 0; s < 600; s += 30) tracker.spans('production', [], start + s * 1_000)
    expect(tracker.spans('production', readSpans(protobufOf([{ spans: [root] }])).items, start + 600_000)[0]?.row).toMatchObject({
      statements: 1,
      marks: 0,
    })
  })

  test('that form a ring, or are their own ancestors, end nowhere', () => {
    const [a, b] = [nextId(), nextId()]
    const ring = (id: string, parent: string): TestSpan => ({
      trace: traceOf(1),
      id,
      parent,
      kind: clientKind,
      at: start,
      ms: 1,
      attributes: { 'db.query.text': 'x' },
    })
    expect(rowsOf([{ spans: [ring(a, b), ring(b, a)] }])).toEqual([])
  })
})

test('what waits for its call is bounded, and calls that lost something are marked', () => {
  const tracker = new Tracker(
    createDescribeCalls(() => noRules),
    [1, 2],
    start,
    createPending(100),
  )
  const orphans = Array.from({ length: 300 }, (_, i) => ({
    ...(call(i, { statements: ['SELECT 1'] })[0] as TestSpan),
    parent: hex(2 ** 41 + i, 16),
  }))
  rowsOf([{ spans: orphans }, { spans: [] }], tracker)
  expect(tracker.pending.size).toBe(100)
  expect(tracker.counts.forgotten).toBe(200)
  const rootOf = (i: number) => ({ trace: traceOf(i), id: hex(2 ** 41 + i, 16), kind: serverKind, at: start, ms: 1 })
  expect(rowsOf([{ spans: [rootOf(0), rootOf(299)] }], tracker).map((row) => row.marks)).toEqual([marks.partial, 0])
})
