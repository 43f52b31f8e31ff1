import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptySentence } from '../commands/calls/asking.ts'
import { importView } from '../commands/calls/import.ts'
import { plain, startMs } from '../fixtures.ts'
import type { Eye, Paint } from '../terminal.ts'
import { budgetsView, changesView } from './changes-view.ts'
import { differencesView, flagCostsView } from './compare-view.ts'
import { timelineView } from './exemplar-view.ts'
import { middleCut } from './fitting.ts'
import {
  aChange,
  aDifference,
  aFlagCost,
  aMethod,
  anExemplar,
  aRow,
  aTable,
  aTrend,
  aVerdict,
  fromMs,
  noFacets,
  someDifferences,
  someRows,
} from './fixtures.ts'
import { methodView } from './method-view.ts'
import { alignPoints, bar, digits, figure, sayDifference, sayShare, sparkline } from './numbers.ts'
import { csv } from './sheet.ts'
import { topSheet, topView } from './top-view.ts'
import { trendView } from './trend-view.ts'

const eyeOf = (width: number): Eye => ({ look: { terminal: true, width, nowMs: startMs + 120_000 }, paint: plain })
const eye = eyeOf(170)
const marked: Paint = (style, text) => `<${String(style)}:${text}>`

describe('figures', () => {
  const cases: readonly [value: number, text: string][] = [
    [1_890, '1,890'],
    [36.24, '36.2'],
    [9.996, '10.0'],
    [5.04, '5.04'],
    [0.41, '0.410'],
    [0.0036, '0.004'],
    [0.0001, '<0.001'],
    [0, '0'],
    [-2.5, '−2.50'],
  ]
  test.each(cases)('%d is written %s', (value, text) => expect(digits(value)).toBe(text))

  test('have their points below one another', () => {
    expect(alignPoints(['1,890', '36.2', '0.004'])).toEqual(['1,890    ', '36.2  ', '0.004'])
  })

  test('of statements drop what says nothing, of times keep their digits', () => {
    expect([3, 3.1, 2.5, 40, 100].map((value) => figure(value, 'statements'))).toEqual(['3', '3.1', '2.5', '40', '100'])
    expect(figure(5_000, 'db')).toBe('5.00')
    expect(figure(null, 'real')).toBe('–')
  })

  test('that are not nothing are never written as nothing', () => {
    expect([sayShare(0.0002), sayShare(0), sayShare(0.1234)]).toEqual(['<0.1%', '0.0%', '12.3%'])
    expect(bar(0.0001, 10)).toBe('▏')
    expect(bar(0, 10)).toBe('')
    expect(bar(2, 3)).toBe('███')
  })
})

describe('a sparkline', () => {
  test('begins at zero, leaves a gap where no call was and marks the change', () => {
    expect(sparkline([0, null, 5, 10], 3, 16, marked)).toBe('▁ ▅<red:█>')
  })

  test('never has more characters than asked for, nor a bar outside of the eight', () => {
    const points = fc.array(fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: null }), { maxLength: 200 })
    fc.assert(
      fc.property(points, fc.integer({ min: 1, max: 60 }), (some, width) => {
        const drawn = sparkline(some, null, width, plain)
        expect(drawn.length).toBeLessThanOrEqual(Math.max(width, 0))
        expect(drawn).toMatch(/^[▁▂▃▄▅▆▇█ ]*$/)
      }),
    )
  })
})

describe('a difference', () => {
  const cases: readonly [story: string, difference: ReturnType<typeof aDifference>, text: string][] = [
    ['that is shown has size and interval', aDifference(1_000, 1_340, 60), '<red:+34%> <dim:+28…+40%>'],
    ['to the better is green', aDifference(1_000, 880, 20), '<green:−12%> <dim:−14…−10%>'],
    ['that is not shown is its interval, not zero', aDifference(1_000, 1_010, 40), '<dim:−3.0…+5.0%>'],
    ['from nothing is told in the unit of the measure', aDifference(0, 2_000, 200), '<red:+2.00> <dim:+1.80…+2.20>'],
    ['of few calls says nothing', aDifference(1_000, 9_000, 60, { few: true }), '<dim:few calls>'],
    ['of two nothings is none', aDifference(0, 0, 0), '<dim:–>'],
  ]
  test.each(cases)('%s', (_, difference, text) => expect(sayDifference(difference, 'real', marked)).toBe(text))
})

describe('the table', () => {
  test('has the figures of every method, aligned, with what is odd about them', () => {
    const lines = topView(aTable(someRows, { notes: ['12 calls were dropped.'] }), eye).split('\n')
    expect(lines[0]).toMatch(/^production, .*: 31,204 calls of 3 methods; real 1\.25 h, CPU 20\.0 min, database 10\.0 min$/)
    expect(lines[2]).toMatch(/^# +METHOD +COUNT +ERRORS +MIX +REAL MS +P95 +MAX +CPU MS +MAX +DB MS +MAX +STC +TXC +REPEATS +$/)
    expect(lines[4]).toMatch(/Activities\.getItemStream +12 +2 +7\.1% +1,890 +3,780 +18,900 +0\.410 .*×40/)
    const points = lines.slice(3, 6).map((line) => line.indexOf('36.2') + line.indexOf('0.004') + 1)
    expect(points[0]).toBe((lines[3] ?? '').indexOf('36.2'))
    expect((lines[3] ?? '').indexOf('36.2') + 2).toBe((lines[5] ?? '').indexOf('0.004') + 1)
    // CPU that was never measured is not zero.
    expect(lines[5]).toMatch(/0\.036 +– +– +0 +0/)
    expect(lines.at(-1)).toBe('■ 12 calls were dropped.')
  })

  test.each([160, 120, 100, 80, 60, 40])('fits into %d columns and keeps what it is ranked by', (width) => {
    const lines = topView(aTable(someRows, { rank: 'statements' }), eyeOf(width)).split('\n')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
    expect(lines.find((line) => line.includes('METHOD'))).toContain('STC')
    expect(lines.join('\n')).toMatch(/40\.5/)
  })

  test('shortens names in the middle at last', () => {
    expect(middleCut('Activities.getItemStream', 12)).toBe('Activi…tream')
    expect(topView(aTable(someRows), eyeOf(28))).toMatch(/Activ\w*….*tream/)
  })

  test('names the service only where there are several, and says how many methods are left out', () => {
    expect(topView(aTable([aRow()]), eye)).not.toContain('SERVICE')
    const text = topView(aTable([aRow(), aRow({ service: 'web' })], { total: { ...aTable([]).total, methods: 61 } }), eye)
    expect(text).toMatch(/SERVICE/)
    expect(text).toMatch(/the first 2 of 61 methods; --limit shows more/)
  })

  test('of a comparison has a column of differences of what it is ranked by', () => {
    const rows = [
      aRow({ compared: someDifferences({ cpu: aDifference(10_000, 13_400, 600) }) }),
      aRow({ method: 'New.one', compared: null }),
    ]
    const text = topView(aTable(rows, { rank: 'cpu', comparedWith: 'release v3' }), eye)
    expect(text).toMatch(/CPU DIFFERS/)
    expect(text).toMatch(/\+34% \+28…\+40%/)
    expect(text).toMatch(/not there before/)
    expect(text).toMatch(/against release v3; dim: no change shown/)
  })

  test('says of estimated CPU that it is one', () => {
    expect(topView(aTable([aRow({ cpuEstimated: true })]), eye)).toMatch(/~12\.9/)
  })
})

describe('as CSV', () => {
  const { rows, columns } = topSheet(aTable(someRows, { comparedWith: null }))
  test('the table has a header, every figure as it is, and no formula', () => {
    const lines = csv(rows, columns).split('\r\n')
    expect(lines[0]).toMatch(/^service,method,count,errors,mix,real_mean_us,real_p50_us/)
    expect(lines[1]).toMatch(/^api,Items\.get,3473,0,0\.123,36200,/)
    expect(lines[3]).toMatch(/^api,'=GET \/\{id\},1042/)
    expect(lines).toHaveLength(5)
    expect(lines.at(-1)).toBe('')
  })

  test('every text comes out of a reader of RFC 4180 as it went in, but for the apostrophe', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1 }), (texts) => {
        const read = readCsv(csv(texts, [['text', (text) => text]]))
        expect(read.slice(1).map(([text]) => text)).toEqual(texts.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)))
      }),
    )
  })
})

/** The grammar of RFC 4180 §2, as small as it can be. */
function readCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? bare ?? '')
    if (end !== ',') rows.push(row.splice(0))
  }
  row = []
  return rows
}

test('a method’s page has its figures, budget, distribution, divisions and what it repeats', () => {
  const text = methodView(aMethod(), eyeOf(110))
  for (const part of [
    /method +Items\.get of api, in production/,
    /calls +3,473 calls, 2 failed/,
    /MEAN +P50 +P95 +P99 +MAX +TOTAL +SHARE +BUDGET/,
    /cpu ms +12\.9 .* 10\.0% +10\.0/,
    /statements +3 +2\.7 +6 +9 +30 +10,419 +10\.0% +4/,
    /12\.6 +300 +75\.1% +█{30}/,
    /By release\nRELEASE +COUNT +ERRORS +REAL MS +P95 +CPU MS +DB MS +STC +TXC\nv4 +2,000 +2 +51\.0/,
    /the largest 2 of 7/,
    /×40 in the worst of 12 calls: select \* from items/,
    /■ CPU was sampled/,
  ])
    expect(text).toMatch(part)
  // One lane tells nothing.
  expect(text).not.toContain('By lane')
})

test('a timeline folds equal statements, shows where in the call each was, and what was not kept', () => {
  const lines = timelineView(anExemplar(), eyeOf(100)).split('\n')
  expect(lines).toContain('variants  inline-comments=on')
  expect(lines.at(-3)).toMatch(/^ 1\.00 +39\.0 +█+.? +postgresql {2}×5 select \* from items where id = \$1$/)
  expect(lines.at(-2)).toMatch(/^41\.5 +5\.00 {20,}▍ +external {2}GET search\.internal$/)
  expect(lines.at(-1)).toBe('3 more events were not kept')
  expect(timelineView(anExemplar({ events: [], realUs: 0, cpuUs: null }), eye)).toMatch(/cpu +not measured/)
})

test('a trend has a line for each step and its marks where they belong', () => {
  const lines = trendView(aTrend, eyeOf(100)).split('\n')
  expect(lines.findIndex((line) => line.includes('production gets v4'))).toBe(4)
  expect(lines[3]).toMatch(/ 0 +– +–/)
  expect(lines[5]).toMatch(/100 +7\.4 +14\.8 +█{29}/)
  const points = Array.from({ length: 500 }, (_, nth) => ({ at: fromMs + nth, n: 1, mean: nth, p50: null, p95: null, max: nth }))
  expect(trendView({ ...aTrend, points, marks: [] }, eye).split('\n').length).toBeLessThan(50)
})

test('changes begin with the week in a sentence and name the cause and the statement', () => {
  const text = changesView([aChange(), aChange({ dearer: false, cause: null, statement: null })], 'The week.', true, eyeOf(120))
  const lines = text.split('\n')
  expect(lines[0]).toBe('The week.')
  expect(lines[2]).toBe('▲ Items.getList  statements 3 → 42 statements (+1,300%)  release:v4, 62 min ago')
  expect(lines[4]).toBe('  repeated: select * from comments where item = $1')
  expect(lines[5]).toMatch(/^▼ .* no cause near/)
  expect(lines.at(-1)).toMatch(/--limit/)
})

test('budgets are told with what was spent, and why one is not kept', () => {
  const text = budgetsView(aVerdict, eye)
  expect(text).toMatch(/^✗ 1 of 2 budgets is not kept/)
  expect(text).toMatch(/Items\.getList +statements +42 +4 statements +300 +✗ over/)
  expect(text).toMatch(/cpu +8\.21 +10\.0 ms +300 +● within/)
  expect(text).toMatch(/\n {2}Items\.getList runs 42 statements; its budget is 4\./)
})

describe('differences of many methods', () => {
  const rows = [
    { service: 'api', method: 'Calm.one', count: { before: null, after: 9 }, differences: someDifferences() },
    {
      service: 'api',
      method: 'Dear.one',
      count: { before: null, after: 9 },
      differences: someDifferences({ statements: aDifference(3, 42, 0.8) }),
    },
  ]
  test('begin with those that are shown and explain the others', () => {
    const lines = differencesView(rows, ['real', 'statements'], eyeOf(100)).split('\n')
    expect(lines[1]).toMatch(/^Dear\.one .*\+1,300% \+1,273…\+1,327%/)
    expect(lines[2]).toMatch(/^Calm\.one .*−2\.8…\+8\.3% +−3\.3…\+3\.3%/)
    expect(lines.slice(3).join(' ')).toMatch(/1 of 2 methods differs\. An interval alone: no change shown, which is not zero/)
  })

  test('of a flag stand below its sentence', () => {
    const text = flagCostsView([aFlagCost], ['One more flag had too few calls.'], eye)
    expect(text).toMatch(/^inline-comments: on against off in production, .*\non costs Items\.getList 39 more statements a call\.\n/)
    expect(text).toMatch(/500 \/ 480/)
    expect(text).toMatch(/■ One more flag had too few calls\.$/)
  })
})

describe('where nothing is', () => {
  const range = { environment: 'production', from: fromMs, to: startMs }
  const said = (over: object): string => emptySentence({ ...noFacets, ...over }, range, eyeOf(1_000))
  test('and never was, the ways to begin are named', () => {
    expect(said({})).toMatch(/^No call was recorded in production yet\. Add record: true .*\/v1\/traces.*belay calls import FILE/)
  })
  test('in this range, the newest call is', () => {
    expect(said({ firstAt: 1, lastAt: startMs })).toMatch(
      /No call of production is like that .* recorded 2 min ago\. Ask for a longer range/,
    )
  })
  test('because the store is down, the reason is', () => {
    expect(said({ store: { state: 'down', because: 'No room on the disk.', waiting: 3 } })).toMatch(
      /does not answer: No room on the disk\. What services record meanwhile is kept/,
    )
  })
})

test('an import says what it took and which lines it did not understand', () => {
  const it = { lines: 3, calls: 2, refused: 1, examples: [{ line: 2, because: 'has no $request_time' }], again: false, says: 'Two calls.' }
  expect(importView(it, eye)).toBe('● Two calls.\n  line 2: has no $request_time')
  expect(importView({ ...it, calls: 0 }, eye)).toMatch(/^✗/)
})
