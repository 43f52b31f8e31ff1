/** Calls off the wire for tests: whole, and made to be changed in one place. */
import {
  type BudgetVerdictWire,
  type CallChangeWire,
  type CallFacetsWire,
  type CallMethodWire,
  type CallRowWire,
  type CallTableWire,
  type DifferenceWire,
  type ExemplarWire,
  type FiguresWire,
  type FlagCostWire,
  type TrendWire,
} from '@belay/protocol'
import { startMs } from '../fixtures.ts'

const hourMs = 3_600_000
export const fromMs = startMs - 24 * hourMs

/** Of a mean, with the rest in proportion. */
export const someFigures = (mean: number, n = 1_000, over: Partial<FiguresWire> = {}): FiguresWire => ({
  ...{ n, mean, p50: mean * 0.9, p95: mean * 2, p99: mean * 3, max: mean * 10, total: mean * n, share: 0.1 },
  ...over,
})

export const aDifference = (before: number, after: number, width: number, over: Partial<DifferenceWire> = {}): DifferenceWire => {
  const difference = after - before
  const shown = Math.abs(difference) > width
  return {
    ...{ before, after, difference, low: difference - width, high: difference + width, shown, few: false },
    ...{ relative: before === 0 ? null : difference / before, p: shown ? 1e-9 : 0.4, q: shown ? 1e-7 : 0.8 },
    ...over,
  }
}
export const someDifferences = (over: Partial<Record<'real' | 'cpu' | 'db' | 'statements' | 'transactions', DifferenceWire>> = {}) => ({
  real: aDifference(36_000, 37_000, 2_000),
  cpu: aDifference(12_000, 12_100, 500),
  db: aDifference(5_000, 5_010, 200),
  statements: aDifference(3, 3, 0.1),
  transactions: aDifference(1, 1, 0),
  ...over,
})

export const aRow = (over: Partial<CallRowWire> = {}): CallRowWire => ({
  service: 'api',
  method: 'Items.get',
  count: 3_473,
  errors: 0,
  mix: 0.123,
  real: someFigures(36_200, 3_473),
  cpu: someFigures(12_900, 3_473),
  db: someFigures(5_040, 3_473),
  statements: someFigures(3, 3_473),
  transactions: someFigures(1, 3_473),
  external: { mean: 0, count: 0 },
  repeats: null,
  spark: [1, 2, 3, null, 5, 6, 7, 8],
  changedAt: null,
  cpuEstimated: false,
  compared: null,
  ...over,
})

export const aTable = (rows: readonly CallRowWire[], over: Partial<CallTableWire> = {}): CallTableWire => ({
  from: fromMs,
  to: startMs,
  environment: 'production',
  grain: 'raw',
  rank: 'mix',
  rows: [...rows],
  total: { methods: rows.length, count: 31_204, errors: 0, realUs: 4.5e9, cpuUs: 1.2e9, dbUs: 6e8 },
  comparedWith: null,
  notes: [],
  tookMs: 4,
  ...over,
})

/** Three methods that need every width a figure can have. */
export const someRows = [
  aRow(),
  aRow({
    method: 'Activities.getItemStream',
    count: 12,
    errors: 2,
    mix: 0.071,
    real: someFigures(1_890_000, 12),
    cpu: someFigures(410, 12),
    statements: someFigures(40.5, 12),
    repeats: { max: 40, statement: 'select * from items where id = $1' },
  }),
  aRow({
    method: '=GET /{id}',
    count: 1_042,
    mix: 0.0002,
    real: someFigures(3.6, 1_042),
    cpu: someFigures(0, 0),
    db: someFigures(0, 1_042),
  }),
] as const

export const noFacets: CallFacetsWire = {
  ...{ firstAt: null, lastAt: null, environments: ['production'], services: [], audiences: [], releases: [], lanes: [] },
  ...{ hosts: [], variants: [], processes: [], store: { state: 'ready', because: null, waiting: 0 } },
}

export const anExemplar = (over: Partial<ExemplarWire> = {}): ExemplarWire => ({
  trace: '4bf92f3577b34da6a3ce929d0e0e4736',
  span: '00f067aa0ba902b7',
  at: startMs,
  why: 'repeat',
  release: 'v4',
  lane: 'stable',
  host: 'api1',
  audience: 'customer',
  account: 'acme',
  variants: ['inline-comments=on'],
  status: 200,
  failed: false,
  realUs: 48_000,
  cpuUs: 9_000,
  dbUs: 41_000,
  statements: 6,
  transactions: 1,
  events: [
    { kind: 'evaluation', atUs: 90, tookUs: 3, text: 'inline-comments=on', system: '', failed: false },
    ...[0, 1, 2, 3, 4].map((nth) => ({
      ...{ kind: 'statement', atUs: 1_000 + nth * 8_000, tookUs: 7_800, system: 'postgresql', failed: false },
      text: 'select *\n  from items where id = $1',
    })),
    { kind: 'external', atUs: 41_500, tookUs: 5_000, text: 'GET search.internal', system: '', failed: true },
  ],
  cut: 3,
  ...over,
})

export const aMethod = (over: Partial<CallMethodWire> = {}): CallMethodWire => ({
  row: aRow({ errors: 2, changedAt: 5 }),
  from: fromMs,
  to: startMs,
  environment: 'production',
  distribution: [
    { upToUs: 900, count: 1 },
    { upToUs: 12_600, count: 300 },
    { upToUs: 126_000, count: 100 },
  ],
  divisions: [
    {
      by: 'release',
      total: 7,
      rows: [
        {
          name: 'v4',
          count: 2_000,
          errors: 2,
          realUs: 51_000,
          p95Us: 90_000,
          cpuUs: 18_000,
          dbUs: 9_000,
          statements: 7.4,
          transactions: 1,
        },
        { name: 'v3', count: 1_473, errors: 0, realUs: 36_000, p95Us: null, cpuUs: 12_000, dbUs: 5_000, statements: 3, transactions: 1 },
      ],
    },
    {
      by: 'lane',
      total: 1,
      rows: [{ name: 'stable', count: 3_473, errors: 2, realUs: 1, p95Us: 1, cpuUs: 1, dbUs: 1, statements: 1, transactions: 1 }],
    },
  ],
  repeated: [{ statement: 'select * from items where id = $1', calls: 12, max: 40 }],
  budget: { real: null, cpu: 10_000, db: null, statements: 4, transactions: null },
  notes: ['CPU was sampled: 1 s in 10.'],
  ...over,
})

export const aTrend: TrendWire = {
  measure: 'statements',
  grain: 'hour',
  points: [3, 3.1, null, 7.4, 7.5].map((mean, nth) => ({
    ...{ at: fromMs + nth * hourMs, n: mean === null ? 0 : 100, mean, p50: mean, p95: mean === null ? null : mean * 2, max: mean },
  })),
  marks: [{ at: fromMs + 2.5 * hourMs, kind: 'deployment', name: 'v4', says: 'production gets v4', subject: 'release:v4' }],
}

export const aChange = (over: Partial<CallChangeWire> = {}): CallChangeWire => ({
  id: 'c1',
  foundAt: startMs,
  kind: 'release',
  environment: 'production',
  service: 'api',
  method: 'Items.getList',
  measure: 'statements',
  at: startMs - hourMs,
  before: 3,
  after: 42,
  low: 38.2,
  high: 39.8,
  relative: 13,
  p: 1e-12,
  n: { before: 900, after: 300 },
  cause: 'release:v4',
  statement: 'select * from comments where item = $1',
  says: 'Items.getList runs 42 statements a call since v4, before it 3.',
  dearer: true,
  ...over,
})

export const aFlagCost: FlagCostWire = {
  flag: 'inline-comments',
  variant: 'on',
  against: 'off',
  environment: 'production',
  from: fromMs,
  to: startMs,
  rows: [
    {
      service: 'api',
      method: 'Items.getList',
      count: { before: 500, after: 480 },
      differences: someDifferences({ statements: aDifference(3, 42, 0.8) }),
    },
  ],
  tests: 5,
  says: 'on costs Items.getList 39 more statements a call.',
}

export const aVerdict: BudgetVerdictWire = {
  environment: 'qa',
  release: 'v4',
  ok: false,
  says: '1 of 2 budgets is not kept by v4 in qa.',
  lines: [
    {
      ...{ method: 'Items.getList', measure: 'statements', limit: 4, got: 42, n: 300, state: 'over' },
      says: 'Items.getList runs 42 statements; its budget is 4.',
    },
    { method: 'Items.getList', measure: 'cpu', limit: 10_000, got: 8_210, n: 300, state: 'within', says: 'within' },
  ],
}
