import { type CallRowWire, callRowWire } from '@belay/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnsOf, findRows, fitColumns, sortRows } from './columns.ts'
import { csvOf } from './csv.ts'
import { ranks } from './search.ts'
import { sparkOf } from './spark.ts'

const figures = (mean: number, n = 10) => ({ n, mean, p50: mean, p95: mean, p99: null, max: mean, total: mean * n, share: 0.5 })
const row = (method: string, mean: number, more: Partial<CallRowWire> = {}): CallRowWire =>
  callRowWire.parse({
    service: 'api',
    method,
    count: 10,
    errors: 0,
    mix: mean / 1_000,
    real: figures(mean),
    cpu: figures(mean / 2),
    db: figures(0),
    statements: figures(1),
    transactions: figures(1),
    external: { mean: 0, count: 0 },
    repeats: null,
    spark: [],
    changedAt: null,
    cpuEstimated: false,
    compared: null,
    ...more,
  })
const columns = columnsOf('mix', 'Change', () => null)
const names = (rows: readonly CallRowWire[]) => rows.map((it) => it.method)

describe('the order of the table', () => {
  const rows = [row('B', 5), row('A', 5), row('C', 50), row('D', 1, { cpu: figures(0, 0) })]

  test('is what the tab ranks by, and the name among equals', () => {
    expect(names(sortRows(rows, 'mix', columns, undefined))).toEqual(['C', 'A', 'B', 'D'])
  })
  test('turns; what was not measured stays last in either', () => {
    expect(names(sortRows(rows, 'mix', columns, { key: 'cpu.mean', turned: false }))).toEqual(['C', 'A', 'B', 'D'])
    expect(names(sortRows(rows, 'mix', columns, { key: 'cpu.mean', turned: true }))).toEqual(['A', 'B', 'C', 'D'])
    expect(names(sortRows(rows, 'mix', columns, { key: 'method', turned: true }))).toEqual(['D', 'C', 'B', 'A'])
  })
  test('of a column that the tab does not have is that of the tab', () => {
    expect(names(sortRows(rows, 'mix', columns, { key: 'weight', turned: true }))).toEqual(['C', 'A', 'B', 'D'])
  })
  test('loses and adds no row, whatever is sorted by', () => {
    const someRows = fc.array(fc.tuple(fc.string(), fc.double({ min: 0, max: 1e9, noNaN: true })), { maxLength: 30 })
    fc.assert(
      fc.property(someRows, fc.constantFrom(...columns.map((it) => it.key), 'method'), fc.boolean(), (some, key, turned) => {
        const all = some.map(([method, mean]) => row(method, mean))
        expect(new Set(sortRows(all, 'mix', columns, { key, turned }))).toEqual(new Set(all))
      }),
    )
  })
})

test('a method is found by parts of its name and of its service, in either case', () => {
  const rows = [row('Items.get', 1), row('Items.getList', 1, { service: 'worker' }), row('Pages.save', 1)]
  expect(names(findRows(rows, 'ITEM list'))).toEqual(['Items.getList'])
  expect(names(findRows(rows, 'worker'))).toEqual(['Items.getList'])
  expect(findRows(rows, '  ')).toBe(rows)
})

describe('columns', () => {
  test('give way from the least to the most needed as the window narrows', () => {
    for (const rank of ranks) {
      const all = columnsOf(rank, 'Change', () => null)
      const shown = [2_000, 1_150, 700, 360].map((width) => fitColumns(all, width).map((it) => it.key))
      expect(shown[0]).toEqual(all.map((it) => it.key))
      for (const [at, keys] of shown.entries()) expect(keys.every((key) => (shown[at - 1] ?? keys).includes(key))).toBe(true)
      expect(shown[3]?.[0]).toMatch(/\.mean$/)
    }
  })
  test('of the mix all fit a window of 1440', () => expect(fitColumns(columns, 1_190)).toHaveLength(columns.length))
})

describe('the file', () => {
  test('has every figure in full, in ms, and nothing for what is not known', () => {
    const [head, first] = csvOf([row('Items.get', 36_500)])
      .split('\n')
      .map((line) => line.split(','))
    const of = (name: string) => first?.[head?.indexOf(name) ?? -1]
    expect([of('method'), of('real_mean_ms'), of('real_p99_ms'), of('cpu_total_ms'), of('real_share')]).toEqual([
      'Items.get',
      '36.5',
      '',
      '182.5',
      '0.5',
    ])
    expect(first).toHaveLength(head?.length ?? 0)
  })
  test('holds names with commas and quotes as they are, and none that a spreadsheet would run', () => {
    expect(csvOf([row('GET /a,"b"', 1)])).toContain('"GET /a,""b"""')
    expect(csvOf([row('=HYPERLINK(1)', 1)])).toContain("'=HYPERLINK(1)")
  })
})

describe('the small line', () => {
  test('has a gap where no call was, and a dot for what stands alone', () => {
    const { d, dots } = sparkOf([1, 2, null, 3, null, 1, 2], 90, 18)
    expect(d.match(/M/g)).toHaveLength(2)
    expect(dots).toHaveLength(1)
    expect(sparkOf([null, null], 90, 18)).toEqual({ d: '', dots: [] })
  })
  test('stays within its box, and flat where nothing moves', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e12, noNaN: true }), { minLength: 2, maxLength: 60 }), (points) => {
        const numbers = [...sparkOf(points, 90, 18).d.matchAll(/[ML]([\d.]+) ([\d.]+)/g)]
        expect(numbers).toHaveLength(points.length)
        for (const [, x, y] of numbers) expect(Number(x) <= 90 && Number(y) <= 18).toBe(true)
      }),
    )
    expect(sparkOf([5, 5, 5], 90, 18).d).toMatch(/^M1\.5 1\.5L45 1\.5L88\.5 1\.5$/)
  })
})
