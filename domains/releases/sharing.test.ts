import { describe, expect, test } from 'vitest'
import { limitTo, type Say, shareWork } from './sharing.ts'

describe('work that several ask for', () => {
  test('who comes while it ends after an abort gets a new one', async () => {
    const shared = shareWork<number>()
    let runs = 0
    const work = (_say: Say, signal: AbortSignal) => {
      const run = ++runs
      return new Promise<number>((resolve, reject) => {
        if (run === 2) resolve(run)
        // It takes its time to tidy up.
        signal.addEventListener('abort', () => setTimeout(() => reject(signal.reason), 20))
      })
    }
    const stop = new AbortController()
    const first = shared('k', () => {}, stop.signal, work)
    stop.abort(new Error('enough'))
    expect(await shared('k', () => {}, undefined, work)).toEqual({ value: 2, joined: false })
    await expect(first).rejects.toThrow('enough')
  })

  test('a failure reaches all who asked, and the next one tries again', async () => {
    const shared = shareWork<number>()
    let runs = 0
    const work = async () => {
      runs++
      throw new Error(`failed ${runs}`)
    }
    const both = await Promise.allSettled([shared('k', () => {}, undefined, work), shared('k', () => {}, undefined, work)])
    expect(both.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : ''))).toEqual(['failed 1', 'failed 1'])
    await expect(shared('k', () => {}, undefined, work)).rejects.toThrow('failed 2')
  })
})

describe('a limit', () => {
  test('lets so many in, the others in order, and forgets who gives up', async () => {
    const limit = limitTo(1)
    const first = limit.tryTake()
    expect(limit.tryTake()).toBeUndefined()
    const order: string[] = []
    const stop = new AbortController()
    const gaveUp = limit.take(stop.signal)
    const second = limit.take().then((place) => (order.push('second'), place))
    const third = limit.take().then((place) => (order.push('third'), place))
    stop.abort(new Error('enough'))
    await expect(gaveUp).rejects.toThrow('enough')
    first?.[Symbol.dispose]()
    ;(await second)[Symbol.dispose]()
    ;(await third)[Symbol.dispose]()
    expect(order).toEqual(['second', 'third'])
    expect(limit.tryTake()).toBeDefined()
  })
})
