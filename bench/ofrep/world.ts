/** The fifty flags and the users of the bench, said once for both servers. */

export type BenchFlag = {
  readonly key: string
  /** on: for all. share: for a tenth of all. ring: for staff, and for a tenth of those with the plan. */
  readonly kind: 'on' | 'share' | 'ring'
}

export const flagCount = 50
export const sharePercent = 10
export const staffDomain = '@example.com'
export const plan = 'early'

export const flags: readonly BenchFlag[] = Array.from({ length: flagCount }, (_, nth) => ({
  key: `feature-${String(nth).padStart(2, '0')}`,
  kind: nth % 5 < 2 ? 'on' : nth % 5 < 4 ? 'share' : 'ring',
}))

/** More than the connections of a load, fewer than a cache of answers would have to hold. */
export const users = Array.from({ length: 500 }, (_, nth) => ({
  id: `user-${nth}`,
  email: `user-${nth}${nth % 50 === 0 ? staffDomain : '@example.org'}`,
  plan: nth % 20 === 1 ? plan : 'free',
}))
