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
      return isAmong(value, against as readonly unknown[])
    case testKinds.isMember:
      return (against as ReadonlySet<unknown>).has(value)
    case testKinds.starts:
      return typeof value === 'string' ? startsWith(value, against as string) : null
    case testKinds.ends:
      return typeof value === 'string' ? endsWith(value, against as string) : null
    case testKinds.isTrue:
      return isTruthy(value)
  }
}

/** For a few it is quicker than `includes`. */
function isAmong(value: unknown, list: readonly unknown[]): boolean {
  for (let nth = 0; nth < list.length; nth++) if (list[nth] === value) return true
  return false
}

/** Most texts differ in the first character that is compared, and that needs no call. */
const startsWith = (text: string, part: string): boolean =>
  text.charCodeAt(0) === part.charCodeAt(0) ? text.startsWith(part) : part === ''
const endsWith = (text: string, part: string): boolean =>
  text.charCodeAt(text.length - 1) === part.charCodeAt(part.length - 1) ? text.endsWith(part) : part === ''
