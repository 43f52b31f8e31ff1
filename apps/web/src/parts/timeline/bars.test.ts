import type { DeploymentWire, PlanWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { type Bar, chartOf, chartOfPlan, mostTelling, neighbour } from './bars.ts'

type Item = PlanWire['items'][number]
type Run = DeploymentWire['runs'][number]
const startedAt = 1_000_000

const item = (index: number, wave: number, step: string, host: string, expectedMs: number | null = 10_000): Item => ({
  index,
  wave,
  step,
  host,
  services: ['api'],
  does: 'restart',
  action: `${step} api@v2`,
  undo: 'back to api@v1',
  rerun: true,
  changesDatabase: false,
  timeLimitMs: 60_000,
  expectedMs,
})
const planOf = (items: Item[]): PlanWire => ({
  hash: 'f00d',
  environment: 'qa',
  release: 'v2',
  from: 'v1',
  kind: 'deploy',
  items,
  unchanged: [],
  warnings: [],
  expectedMs: items.some((it) => it.expectedMs === null) ? null : new Set(items.map((it) => it.wave)).size * 10_000,
})
const run = (index: number, fromMs: number, toMs: number | null, more: Partial<Run> = {}): Run => ({
  index,
  direction: 'do',
  state: toMs === null ? 'running' : 'done',
  attempt: 1,
  startedAt: startedAt + fromMs,
  endedAt: toMs === null ? null : startedAt + toMs,
  because: null,
  outputHash: null,
  ...more,
})
const rolling = planOf([
  item(0, 0, 'install', 'api1'),
  item(1, 0, 'install', 'api2'),
  item(2, 1, 'restart', 'api1'),
  item(3, 2, 'restart', 'api2'),
])
const deployment = (state: DeploymentWire['state'], runs: Run[], plan = rolling) => ({
  plan,
  runs,
  state,
  startedAt,
  createdAt: startedAt,
  endedAt: null,
})
const at = (bars: readonly Bar[], index: number, direction: 'do' | 'undo' = 'do') =>
  bars.find((bar) => bar.index === index && bar.direction === direction)

describe('a deployment as bars', () => {
  test('a plan alone stands one turn after the other, as rehearsed', () => {
    const chart = chartOfPlan(rolling)
    expect(chart.bars.map((bar) => [bar.host, bar.step, bar.startMs, bar.endMs, bar.state])).toEqual([
      ['api1', 'install', 0, 10_000, 'ahead'],
      ['api2', 'install', 0, 10_000, 'ahead'],
      ['api1', 'restart', 10_000, 20_000, 'ahead'],
      ['api2', 'restart', 20_000, 30_000, 'ahead'],
    ])
    expect(chart.nowMs).toBeUndefined()
  })

  test('a running step grows to the present and what is ahead waits for its expected end', () => {
    const chart = chartOf(deployment('running', [run(0, 0, 8_000), run(1, 0, 9_000), run(2, 9_000, null)]), startedAt + 12_000)
    expect(at(chart.bars, 2)).toMatchObject({ state: 'running', startMs: 9_000, endMs: 12_000, expectedMs: 10_000 })
    expect(at(chart.bars, 3)).toMatchObject({ state: 'ahead', startMs: 19_000, endMs: 29_000 })
    expect(chart.nowMs).toBe(12_000)
  })

  test('a step that takes longer than rehearsed pushes what is ahead, never into the past', () => {
    const chart = chartOf(deployment('running', [run(0, 0, 8_000), run(1, 0, 9_000), run(2, 9_000, null)]), startedAt + 45_000)
    expect(at(chart.bars, 3)?.startMs).toBe(45_000)
    expect(chart.spanMs).toBeGreaterThanOrEqual(55_000)
  })

  test('the axis keeps the whole rehearsal while the deployment may still take as long', () => {
    const quick = chartOf(deployment('running', [run(0, 0, 100), run(1, 0, 100)]), startedAt + 200)
    expect(quick.spanMs).toBe(30_000)
    const done = chartOf(deployment('passed', [run(0, 0, 100), run(1, 0, 100), run(2, 100, 200), run(3, 200, 300)]), startedAt + 900)
    expect(done.spanMs).toBe(10_200)
  })

  test('what was never timed is guessed from its like in this deployment', () => {
    const plan = planOf([item(0, 0, 'restart', 'api1', null), item(1, 1, 'restart', 'api2', null)])
    const chart = chartOf(deployment('running', [run(0, 0, 3_000)], plan), startedAt + 3_000)
    expect(at(chart.bars, 1)).toMatchObject({ startMs: 3_000, endMs: 6_000, expectedMs: null })
  })

  test('a step that was brought back is marked, the one that failed stays a failure, and nothing is ahead any more', () => {
    const runs = [
      run(0, 0, 8_000),
      run(1, 0, 9_000),
      run(2, 9_000, 12_000, { state: 'failed', because: 'the check did not hold' }),
      run(2, 12_000, 13_000, { direction: 'undo' }),
      run(0, 13_000, 14_000, { direction: 'undo' }),
    ]
    const chart = chartOf(deployment('undone', runs), startedAt + 99_000)
    expect(at(chart.bars, 0)).toMatchObject({ state: 'done', reversed: true })
    expect(at(chart.bars, 2)).toMatchObject({ state: 'failed', reversed: false, because: 'the check did not hold' })
    expect(at(chart.bars, 0, 'undo')).toMatchObject({ startMs: 13_000, expectedMs: null })
    expect(chart.bars.some((bar) => bar.state === 'ahead')).toBe(false)
  })

  test('a deployment that waits after it turned round does not promise to go forward', () => {
    const runs = [run(0, 0, 8_000), run(0, 9_000, null, { direction: 'undo', state: 'interrupted' })]
    expect(chartOf(deployment('waiting', runs), startedAt + 20_000).bars.some((bar) => bar.state === 'ahead')).toBe(false)
  })

  test('a run that was cut off does not grow while its deployment stands still', () => {
    const chart = chartOf(deployment('waiting', [run(0, 0, null)]), startedAt + 3_600_000)
    expect(at(chart.bars, 0)).toMatchObject({ state: 'interrupted', startMs: 0, endMs: 0 })
  })

  test('steps that run side by side on one host have a lane each', () => {
    const chart = chartOfPlan(planOf([item(0, 0, 'install', 'box'), item(1, 0, 'warm', 'box'), item(2, 1, 'restart', 'box')]))
    expect(chart.rows).toEqual([{ host: 'box', lanes: 2 }])
    expect(chart.bars.map((bar) => bar.lane)).toEqual([0, 1, 0])
  })
})

describe('the step that is shown when nobody chose one', () => {
  const bars = (runs: Run[], state: DeploymentWire['state']) => chartOf(deployment(state, runs), startedAt + 30_000).bars
  test('what runs comes first', () =>
    expect(mostTelling(bars([run(0, 0, 1, { state: 'failed' }), run(1, 5, null)], 'running'))?.index).toBe(1))
  test('then what failed', () => expect(mostTelling(bars([run(0, 0, 1, { state: 'failed' }), run(1, 5, 9)], 'failed'))?.index).toBe(0))
  test('then what was last', () => expect(mostTelling(bars([run(0, 0, 1), run(1, 5, 9)], 'passed'))?.index).toBe(1))
})

describe('the arrow keys', () => {
  const chart = chartOfPlan(rolling)
  const from = (index: number) => at(chart.bars, index) as Bar
  test('walk along a host in time', () => {
    expect(neighbour(chart, from(0), 'right')?.index).toBe(2)
    expect(neighbour(chart, from(2), 'left')?.index).toBe(0)
    expect(neighbour(chart, from(2), 'right')).toBeUndefined()
  })
  test('go to the nearest moment on the next host', () => {
    expect(neighbour(chart, from(0), 'down')?.index).toBe(1)
    expect(neighbour(chart, from(3), 'up')?.index).toBe(2)
    expect(neighbour(chart, from(0), 'up')).toBeUndefined()
  })
})
