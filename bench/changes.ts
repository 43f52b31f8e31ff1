/** How often changes of cost are told that are none, and how soon those are that are some. Nothing is timed here: chance is. */
import { seededRandom } from '@belay/base'
import { simulateCloud } from '@belay/calls'
import { type BenchOptions, median, type Row, row } from './measure.ts'

export const about =
  'Alarms of 1,000 methods that never change, and a shift of 5, 10, 20 % in one of 200: how many are found, and after how long.'

const days = 30
/** Of a method's month: seldom called, often, and a busy one. */
const loads = [3, 50, 2_000]
const shifts = [0.05, 0.1, 0.2]
const sizes = {
  whole: { methods: 200, quietClouds: 5, shiftedClouds: 20 },
  quick: { methods: 40, quietClouds: 2, shiftedClouds: 5 },
}
/** A release's verdict comes in hours, a trend's in nights. */
const hoursOfDay = 24

export async function rows({ quick, note }: BenchOptions): Promise<Row[]> {
  const { methods, quietClouds, shiftedClouds } = quick ? sizes.quick : sizes.whole
  const found: Row[] = []
  for (const callsPerHour of loads) {
    const load = `${callsPerHour.toLocaleString('en')} calls/h`
    note(`quiet methods, ${load}`)
    const quiet = Array.from({ length: quietClouds }, (_, nth) =>
      simulateCloud({ methods, days, callsPerHour, random: seededRandom(nth + callsPerHour) }),
    )
    const per1000 = (of: 'release' | 'trend') => (quiet.reduce((sum, { alarms }) => sum + alarms[of], 0) * 1_000) / (quietClouds * methods)
    const goal = { of: 'ours', atMost: 10 } as const
    found.push(
      row({
        name: `false alarms, ${load}: at ${(quiet[0]?.comparisons ?? 0) / methods} releases`,
        unit: 'per 1,000 methods',
        ours: per1000('release'),
        goal,
      }),
    )
    found.push(row({ name: `false alarms, ${load}: in the trends of 20 nights`, unit: 'per 1,000 methods', ours: per1000('trend'), goal }))
    for (const shift of shifts) {
      note(`${shift * 100} % in one of ${methods} methods, ${load}`)
      const shifted = Array.from({ length: shiftedClouds }, (_, nth) =>
        simulateCloud({ methods, days, callsPerHour, shift, random: seededRandom(7 * nth + callsPerHour + 1) }),
      )
      const hours = shifted.flatMap(({ foundAfterHours, foundAfterDays }) => {
        const soonest = Math.min(foundAfterHours ?? Number.POSITIVE_INFINITY, (foundAfterDays ?? Number.POSITIVE_INFINITY) * hoursOfDay)
        return Number.isFinite(soonest) ? [soonest] : []
      })
      const name = `+${shift * 100} %, ${load}`
      const share = (100 * hours.length) / shiftedClouds
      // What is hardly more than the least that is told at all is found in half of all cases, whatever the method.
      const isPromised = shift >= 0.2 || (shift >= 0.1 && callsPerHour >= 50)
      found.push(
        row({ name: `${name}: found`, unit: '%', ours: share, ...(isPromised ? { goal: { of: 'ours', atLeast: 90 } as const } : {}) }),
      )
      if (hours.length > 0) found.push(row({ name: `${name}: found after (median)`, unit: 'h', ours: median(hours) }))
    }
  }
  return found
}
