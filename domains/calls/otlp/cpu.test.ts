import { seededRandom } from '@belay/base'
import { describe, expect, test } from 'vitest'
import { estimated } from './cpu.ts'

/** CPU µs of one call, and how often it is called: as measured on six handlers. */
const methods = [
  { name: 'render', cpuUs: 5_583, perS: 3 },
  { name: 'search', cpuUs: 3_146, perS: 5 },
  { name: 'list', cpuUs: 2_057, perS: 10 },
  { name: 'item', cpuUs: 382, perS: 40 },
  { name: 'save', cpuUs: 212, perS: 30 },
  { name: 'ping', cpuUs: 180, perS: 50 },
]
const total = methods.reduce((sum, it) => sum + it.cpuUs * it.perS, 0)

/**
 * One-second windows of a service whose load comes and goes, by method; calls of one method cost nearly the same, as
 * handlers that do the same do, and timers cost 20 ms a second.
 */
function simulated(windows: number, seed: number) {
  const random = seededRandom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Array.from({ length: windows }, (_, second) => {
    let cpuUs = 20_000 * (1 + 0.05 * normal())
    const calls = new Map<string, number>()
    methods.forEach(({ name, cpuUs: cost, perS }, i) => {
      const expected = perS * (1 + 0.6 * Math.sin(second / (3 + i) + i))
      const count = Math.max(0, Math.round(expected + Math.sqrt(expected) * normal()))
      calls.set(name, count)
      for (let n = 0; n < count; n++) cpuUs += cost * (1 + 0.05 * normal())
    })
    return { calls, seconds: 1, cpuUs }
  })
}

describe('the CPU time of a method', () => {
  test('comes out within 10 % after 100 windows: above 5 % of the whole as a rule, above 10 % nine times in ten', () => {
    const runs = Array.from(
      { length: 60 },
      (_, seed) => new Map(estimated(simulated(100, seed)).map(({ method, cpuUs }) => [method, cpuUs])),
    )
    for (const { name, cpuUs, perS } of methods) {
      const errors = runs.map((found) => Math.abs((found.get(name) as number) / cpuUs - 1)).toSorted((a, b) => a - b)
      const share = (cpuUs * perS) / total
      if (share > 0.05) expect(errors[30], `${name}, half of the runs`).toBeLessThan(0.1)
      if (share > 0.1) expect(errors[53], `${name}, nine in ten`).toBeLessThan(0.1)
    }
  })

  test('is not told from a handful of windows, nor of more methods than they can tell apart', () => {
    expect(estimated(simulated(49, 1))).toEqual([])
    const many = simulated(60, 1).map((it, i) => ({
      ...it,
      calls: new Map(Array.from({ length: 200 }, (_, j) => [`m${(i * 7 + j) % 300}`, 1])),
    }))
    expect(estimated(many).length).toBeLessThanOrEqual(28)
  })
})
