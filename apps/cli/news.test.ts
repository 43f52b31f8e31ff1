import { describe, expect, test } from 'vitest'
import { aDeployment, aPlan, aRun, somePiece } from './fixtures.ts'
import { newsBetween, OutputTails, runOf, sayWave, wavesOf } from './news.ts'

const texts = (...states: Parameters<typeof newsBetween>): string[] => newsBetween(...states).map(({ text }) => text)

describe('the news of a deployment', () => {
  const begun = aDeployment({ runs: [aRun(0, 'running'), aRun(1, 'running')] })

  test('a wave is named with its hosts when its first step begins', () => {
    expect(texts(undefined, begun)).toEqual(['1/3 install web on web1, web2'])
  })

  test('a step that ends is told with its time beside the rehearsal’s', () => {
    expect(texts(begun, aDeployment({ runs: [aRun(0, 'done'), aRun(1, 'running')] }))).toEqual([
      'install web on web1 done in 800 ms (expected 1.0 s)',
    ])
  })

  test('nothing new is nothing told', () => {
    expect(texts(begun, begun)).toEqual([])
  })

  test('a failure names its reason, the undo follows, the end has its because', () => {
    const failed = aDeployment({
      state: 'undone',
      because: 'restart web1 failed',
      runs: [
        aRun(0, 'done'),
        aRun(1, 'done'),
        aRun(2, 'failed', { because: 'GET /healthz answered 500' }),
        aRun(2, 'done', { direction: 'undo', startedAt: aRun(2, 'done').startedAt + 1_000, endedAt: aRun(2, 'done').startedAt + 1_500 }),
      ],
    })
    const before = aDeployment({ runs: [aRun(0, 'done'), aRun(1, 'done')] })
    expect(texts(before, failed)).toEqual([
      '2/3 restart web on web1',
      'restart web on web1 FAILED after 800 ms (expected 1.0 s): GET /healthz answered 500',
      'undo restart web on web1 done in 500 ms',
      'undone: restart web1 failed',
    ])
  })

  test('a step that was run again counts by its latest attempt', () => {
    const again = aDeployment({ runs: [aRun(0, 'interrupted'), aRun(0, 'done', { attempt: 2 })] })
    expect(runOf(again, 0, 'do')?.state).toBe('done')
    expect(texts(aDeployment({ runs: [aRun(0, 'interrupted')] }), again)).toEqual([
      'install web on web1 done in 800 ms (expected 1.0 s), attempt 2',
    ])
  })
})

test('waves come in order, and a wave of many hosts is one short line', () => {
  expect(wavesOf({ items: aPlan.items.toReversed() }).map((wave) => wave.length)).toEqual([2, 1, 1])
  const many = Array.from({ length: 40 }, (_, index) => ({ ...aPlan.items[0], index, host: `h${index}` }) as (typeof aPlan.items)[number])
  expect(sayWave(many)).toBe('install web on h0, h1, h2, h3, h4 and 35 more')
})

test('only the end of an endless output is kept', () => {
  const tails = new OutputTails()
  for (let seq = 0; seq < 50_000; seq++) tails.add(somePiece(seq, 2, `line ${seq}\n`))
  expect(tails.last(2, 'do')).toHaveLength(20)
  expect(tails.last(2, 'do').at(-1)).toBe('line 49999')
  expect(tails.last(0, 'do')).toEqual([])
})
