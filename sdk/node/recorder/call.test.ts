import { unionOfIntervals } from '@belay/call-record'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Call, traceIdOf } from './call.ts'
import type { Statement } from './types.ts'

const statement = (text: string, more: Partial<Statement> = {}): Statement => ({
  system: 'postgresql',
  text,
  startedUs: performance.now() * 1_000,
  tookUs: 10,
  failed: false,
  ...more,
})
const told = (...statements: Statement[]): Call => {
  const call = new Call('')
  for (const it of statements) call.statement(it)
  return call
}

const cases: readonly (readonly [story: string, texts: readonly string[], statements: number, transactions: number])[] = [
  ['statements on their own are a transaction each', ['select 1', 'select 2'], 2, 2],
  ['those between BEGIN and COMMIT are one', ['BEGIN', 'select 1', 'insert into a values (1)', 'COMMIT'], 2, 1],
  [
    'also when it is rolled back, and savepoints are none',
    ['start transaction', 'savepoint a', 'select 1', 'rollback to a', 'rollback'],
    1,
    1,
  ],
  ['a BEGIN inside of one begins none', ['begin', 'begin', 'select 1', 'commit'], 1, 1],
  ['after the end they stand alone again', ['begin', 'select 1', 'end', 'select 1'], 2, 2],
  ['one text may hold several', ['begin; select 1; select 2; commit'], 2, 1],
  ['an end without a beginning is nothing', ['commit'], 0, 0],
]
test.each(cases)('%s', (_, texts, statements, transactions) => {
  expect(told(...texts.map((text) => statement(text)))).toMatchObject({ statements, transactions })
})

test('a transaction is bound to its connection', () => {
  const [a, b] = [{}, {}]
  const call = told(
    statement('begin', { connection: a }),
    statement('select 1', { connection: a }),
    statement('select 1', { connection: b }),
    statement('select 1'),
    statement('commit', { connection: a }),
  )
  expect(call).toMatchObject({ statements: 3, transactions: 3 })
  expect(call.events?.filter(({ kind }) => kind === 'transaction')).toHaveLength(1)
})

test('equal statements are counted, whatever their parameters and whichever ran between', () => {
  const call = told(...[1, 2, 3, 4].flatMap((id) => [statement(`select * from a where id = ${id}`), statement('select now()')]))
  call.statement(statement('select * from a where id = 5'))
  expect(call.repeats).toMatchObject({ times: 5, text: 'select * from a where id = ?' })
})

test('time in which a statement ran is counted once, however many ran', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1_000), fc.nat(300)), { maxLength: 60 }), (given) => {
      // They are told as they end.
      const intervals = given.map(([start, length]) => [start, start + length] as const).sort((a, b) => a[1] - b[1])
      const call = told(...intervals.map(([start, end]) => statement('select 1', { startedUs: start, tookUs: end - start })))
      expect(call.dbWallUs).toBe(unionOfIntervals(intervals))
      expect(call.dbUs).toBe(intervals.reduce((sum, [start, end]) => sum + end - start, 0))
    }),
  )
})

test('ten thousand statements are counted, and some of them kept', () => {
  const call = told(...Array.from({ length: 10_000 }, (_, nth) => statement('select 1', { startedUs: nth * 20 })))
  expect(call).toMatchObject({ statements: 10_000, dbUs: 100_000, dbWallUs: 100_000, cut: 9_800 })
  expect(call.events).toHaveLength(200)
})

test('what comes after the end of the call is not counted', () => {
  const call = told(statement('select 1'))
  call.closed = true
  call.statement(statement('select 1'))
  call.external({ text: 'GET x', startedUs: 0, tookUs: 1, failed: false })
  call.evaluation('a', 'on')
  call.error(new Error('late'))
  expect(call).toMatchObject({ statements: 1, externals: 0, variants: undefined, threw: false })
})

test('a trace is carried on when it is one, and made when it is asked for', () => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  expect(traceIdOf(`00-${trace}-b7ad6b7169203331-01`)).toBe(trace)
  expect(traceIdOf(`cc-${trace}-b7ad6b7169203331-01-what-is-to-come`)).toBe(trace)
  const none = [undefined, '', `ff-${trace}-b7ad6b7169203331-01`, `00-${'0'.repeat(32)}-b7ad6b7169203331-01`]
  for (const it of [...none, `00-${trace}-0000000000000000-01`, `00-${trace.toUpperCase()}-b7ad6b7169203331-01`])
    expect(traceIdOf(it)).toBe('')
  const call = new Call('')
  const first = call.traceparent()
  expect(first).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  expect(call.traceparent()).toBe(first)
  expect(new Call(trace).traceparent()).toContain(trace)
  expect(new Set(Array.from({ length: 1_000 }, () => new Call('').traceparent())).size).toBe(1_000)
})
