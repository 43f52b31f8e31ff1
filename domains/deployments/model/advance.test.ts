import { seededRandom } from '@belay/base'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { advance, type Course, type Direction, type ItemRun, type RunState } from './advance.ts'
import { plan, usualSteps } from './fixtures.ts'
import type { Plan } from './plan.ts'

const there: Course = { direction: 'do', because: null, aborted: false }
const back: Course = { direction: 'undo', because: 'x failed', aborted: false }
const run = (index: number, state: RunState, direction: Direction = 'do', attempt = 1): ItemRun => ({
  index,
  state,
  direction,
  attempt,
  because: state === 'failed' ? 'exit 1' : null,
})
const done = (...indices: number[]) => indices.map((index) => run(index, 'done'))
const indices = (move: ReturnType<typeof advance>) => (move.kind === 'run' ? move.items.map((item) => item.index) : move.kind)

describe('the next move', () => {
  const it = plan()

  test('begins with the whole first wave', () => expect(indices(advance(it, [], there))).toEqual([0, 1, 2]))
  test('waits for what runs', () => expect(advance(it, [run(0, 'running'), ...done(1, 2)], there)).toEqual({ kind: 'watch' }))
  test('goes to the next wave when the last is done', () => expect(indices(advance(it, done(0, 1, 2), there))).toEqual([3]))
  test('passes when all is done', () =>
    expect(advance(it, done(0, 1, 2, 3, 4, 5, 6), there)).toEqual({ kind: 'end', state: 'passed', because: null }))

  test('turns round when an item fails, and says why', () =>
    expect(advance(it, [...done(0, 1, 2, 3), run(4, 'failed')], there)).toEqual({
      kind: 'turn',
      because: 'restart failed on web1: exit 1',
    }))

  test('undoes in reverse order what began, and nothing else', () => {
    const runs = [...done(0, 1, 2, 3, 4), run(5, 'failed')]
    expect(indices(advance(it, runs, back))).toEqual([5])
    const first = [...runs, run(5, 'done', 'undo')]
    expect(indices(advance(it, first, back))).toEqual([4])
    expect(indices(advance(it, [...first, run(4, 'done', 'undo')], back))).toEqual([3])
  })

  test('does not undo a command that failed: what fails leaves things as they were', () =>
    expect(indices(advance(it, [...done(0, 1, 2), run(3, 'failed')], back))).toEqual([0, 1, 2]))

  test('is undone when all is brought back', () =>
    expect(advance(it, [run(0, 'failed'), run(0, 'done', 'undo')], back)).toEqual({
      kind: 'end',
      state: 'undone',
      because: 'x failed. 1 item on 1 host brought back',
    }))

  test('holds where the step says so', () => {
    const holding = plan({ deploy: [{ step: 'migrate', on: 'db', run: 'up', undo: 'down', onFailure: 'hold' }] })
    expect(advance(holding, [run(0, 'failed')], there)).toMatchObject({ kind: 'end', state: 'held' })
  })

  test('holds rather than leave an old program on a database that has no way back', () => {
    const oneWay = plan({ deploy: usualSteps.map((step) => (step.step === 'migrate' ? { ...step, undo: undefined } : step)) })
    expect(advance(oneWay, [...done(0, 1, 2, 3), run(4, 'failed')], there)).toMatchObject({
      kind: 'end',
      state: 'held',
      because: 'restart failed on web1: exit 1. Not undone: migrate changed a database on db1 and has no undo',
    })
  })

  test('waits for a person when nobody knows whether a command ran, unless it may be rerun', () => {
    expect(advance(it, [...done(0, 1, 2), run(3, 'interrupted')], there)).toMatchObject({ kind: 'end', state: 'waiting' })
    const again = plan({ deploy: usualSteps.map((step) => (step.step === 'migrate' ? { ...step, rerun: true } : step)) })
    expect(advance(again, [...done(0, 1, 2), run(3, 'interrupted')], there)).toEqual({
      kind: 'run',
      direction: 'do',
      items: [{ index: 3, attempt: 2 }],
    })
    expect(advance(it, [...done(0, 1, 2), run(3, 'again')], there)).toEqual({
      kind: 'run',
      direction: 'do',
      items: [{ index: 3, attempt: 2 }],
    })
  })

  test('an abort waits for what runs, then turns round, even after the last wave', () => {
    const course: Course = { direction: 'do', because: 'aborted by ann', aborted: true }
    expect(advance(it, [run(0, 'running'), ...done(1, 2)], course)).toEqual({ kind: 'watch' })
    expect(advance(it, done(0, 1, 2), course)).toEqual({ kind: 'turn', because: 'aborted by ann' })
    expect(advance(it, done(0, 1, 2, 3, 4, 5, 6), course)).toEqual({ kind: 'turn', because: 'aborted by ann' })
  })

  test('a failed undo ends as failed, with both reasons', () =>
    expect(advance(it, [...done(0), run(0, 'failed', 'undo')], back)).toMatchObject({
      kind: 'end',
      state: 'failed',
      because: 'x failed; then the undo of install failed on web1: exit 1',
    }))
})

/** Plays a deployment with chance deciding how each item ends; returns the end and the order of what happened. */
function play(it: Plan, seed: number): { state: string; trace: string[]; runs: ItemRun[] } {
  const random = seededRandom(seed)
  const runs: ItemRun[] = []
  const trace: string[] = []
  let course = there
  for (let moves = 0; moves < 1_000; moves++) {
    const move = advance(it, runs, course)
    if (move.kind === 'end') return { state: move.state, trace, runs }
    if (move.kind === 'turn') course = { ...course, direction: 'undo', because: move.because }
    if (move.kind !== 'run') continue
    for (const { index, attempt } of move.items) {
      const state = random() < 0.12 && move.direction === 'do' ? 'failed' : random() < 0.05 ? 'interrupted' : 'done'
      runs.push({ index, direction: move.direction, attempt, state, because: null })
      trace.push(`${move.direction} ${index}`)
    }
  }
  throw new Error('it never ended')
}

test('every deployment ends, and an undone one leaves no switched host behind', () => {
  const it = plan({ deploy: usualSteps.map((step) => ({ ...step, ...('run' in step ? { rerun: true } : {}) })) })
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { state, runs } = play(it, seed)
      expect(['passed', 'undone']).toContain(state)
      if (state !== 'undone') return
      const last = new Map(runs.map((one) => [`${one.direction} ${one.index}`, one.state]))
      for (const item of it.items) {
        if (last.get(`do ${item.index}`) === 'done') expect(last.get(`undo ${item.index}`)).toBe('done')
      }
    }),
  )
})
