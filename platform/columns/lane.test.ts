import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openLane } from './lane.ts'

const wait = { timeoutMs: 1_000 }

test('no more than the slots run at once, the others in the order in which they came', async () => {
  const lane = openLane({ slots: [7, 8], waitingMax: 10 })
  const begun: string[] = []
  let running = 0
  const work = (name: string) =>
    lane.run(async (slot) => {
      begun.push(name)
      expect([7, 8]).toContain(slot)
      expect(++running).toBeLessThanOrEqual(2)
      await setTimeout(5)
      running--
    }, wait)
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(work))
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('who is one too many is told at once; who gives up, or waits too long, leaves the line', async () => {
  const lane = openLane({ slots: [0], waitingMax: 2 })
  let finish = () => {}
  const first = lane.run(() => new Promise<void>((resolve) => (finish = resolve)), wait)
  const stopping = new AbortController()
  const gaveUp = lane.run(async () => 'ran', { timeoutMs: 1_000, signal: stopping.signal })
  const tooLong = lane.run(async () => 'ran', { timeoutMs: 20 })
  await expect(lane.run(async () => 'ran', wait)).rejects.toMatchObject({ code: 'columns-too-much', status: 429, facts: { waiting: 2 } })
  stopping.abort(new Error('enough'))
  await expect(gaveUp).rejects.toThrow('enough')
  await expect(tooLong).rejects.toMatchObject({ code: 'columns-too-much' })
  const last = lane.run(async () => 'ran', wait)
  finish()
  await first
  expect(await last).toBe('ran')
})

test('work that fails gives its slot back', async () => {
  const lane = openLane({ slots: [0], waitingMax: 1 })
  await expect(lane.run(() => Promise.reject(new Error('no')), wait)).rejects.toThrow('no')
  expect(await lane.run(async (slot) => slot, wait)).toBe(0)
})
