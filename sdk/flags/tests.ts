/**
 * The tests that most rules consist of: an attribute of the context against something that is written down. As data
 * instead of closures: a flag keeps all of its tests in one list (program.ts).
 */
import { isTruthy, looselyEqual } from './values.ts'

export type Test = { readonly kind: TestKind; readonly attribute: number; readonly against: unknown }

/** Numbers, for the list has them between other things. */
export const testKinds = { isText: 0, isExactly: 1, isListed: 2, isMember: 3, starts: 4, ends: 5, isTrue: 6 } as const
export type TestKind = (typeof testKinds)[keyof typeof testKinds]

/** `value` is undefined where the context has no such attribute. Null: no, as flagd says it of what is no text. */
export function holds(kind: TestKind, value: unknown, against: unknown): boolean | null {
  switch (kind) {
    case testKinds.isText:
      return typeof value === 'string' || value === undefined ? value === against : looselyEqual(value, against)
    case testKinds.isExactly:
      return value === against
    case testKinds.isListed:
      return (against as readonly unknown[]).includes(value)
    case testKinds.isMember:
      return (against as ReadonlySet<unknown>).has(value)
    case testKinds.starts:
      return typeof value === 'string' ? value.startsWith(against as string) : null
    case testKinds.ends:
      return typeof value === 'string' ? value.endsWith(against as string) : null
    case testKinds.isTrue:
      return isTruthy(value)
  }
}
