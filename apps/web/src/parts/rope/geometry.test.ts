import { describe, expect, test } from 'vitest'
import { drawRope, fallingNow, type RopeRow, type Rung } from './geometry.ts'

const names = ['code', 'private', 'qa', 'production']
const row = (state: RopeRow['state'], ...states: Rung['state'][]): RopeRow => ({
  release: 'v5',
  state,
  because: 'for a reason',
  deployment: 'd7',
  rungs: states.map((rung, index) => ({ name: names[index] ?? '', state: rung, at: null })),
})
/** Rungs at 34, 178, 322 and 466. */
const width = 500

describe('the rope', () => {
  test('is climbed as far as the release came', () => {
    expect(drawRope(row('climbing', 'passed', 'passed', 'ahead', 'ahead'), width).climbedX).toBe(178)
    expect(drawRope(row('top', 'passed', 'passed', 'passed', 'passed'), width).climbedX).toBe(466)
  })

  test('shows a deployment on its way between two rungs', () => {
    const picture = drawRope(row('climbing', 'passed', 'passed', 'passed', 'now'), width, 0.5)
    expect([picture.climbedX, picture.tipX]).toEqual([394, 394])
  })

  test('a fall begins where it fell and is caught by the last rung that held', () => {
    const picture = drawRope(row('fallen', 'passed', 'passed', 'passed', 'fell'), width)
    expect(picture.landX).toBe(322)
    expect(picture.climbedX).toBe(322)
    expect(picture.fall).toMatch(/^M466 /)
    expect(picture.height).toBeGreaterThan(drawRope(row('top', 'passed', 'passed', 'passed', 'passed'), width).height)
  })

  test('a rung that was left out does not catch a fall', () => {
    expect(drawRope(row('fallen', 'passed', 'ahead', 'fell', 'ahead'), width).landX).toBe(34)
  })

  test('a release that was forced past its failed rehearsal stands on top, not on the ground', () => {
    const picture = drawRope(row('top', 'passed', 'passed', 'fell', 'passed'), width)
    expect(picture.fall).toBeUndefined()
    expect(picture.climbedX).toBe(466)
  })

  test('a release that is being undone is drawn on its way down', () => {
    const falling = fallingNow(row('climbing', 'passed', 'passed', 'passed', 'now'))
    expect(drawRope(falling, width).landX).toBe(322)
  })

  test('is drawn within any width, also before its width is known', () => {
    for (const px of [0, 60, 320, 2_000]) {
      const picture = drawRope(row('fallen', 'passed', 'passed', 'fell', 'ahead'), px)
      expect(picture.marks.every((mark) => Number.isFinite(mark.x) && mark.x <= Math.max(px, 68))).toBe(true)
    }
  })
})
