/** What counts as a change of cost, and its names. Pure. */
import type { CallMeasure } from '@belay/protocol'
import { callMeasures } from '@belay/protocol'
import { benjaminiHochberg, type Comparison, concludeStrata, type StrataSums } from '@belay/stats'

/** Means of fewer calls are as uncertain as single calls. */
export const callsMin = 30
/** Calls of one method differ much and lean to one side; that many standard errors are beyond what this makes of them. */
const tMin = 5
/** Smaller changes exist, and nobody acts on them; days differ by as much. */
const relativeMin = 0.05
/** Of the changes that are told at once, one in a hundred may be none. */
const qMax = 0.01
/** Once told, a change is taken back only below this: it shall not come and go with every call. */
const tKeeps = 3
/** µs, or statements and transactions per call. What is measured itself takes some microseconds. */
const differenceMin: Readonly<Record<CallMeasure, number>> = { real: 20, cpu: 20, db: 20, statements: 0.05, transactions: 0.05 }

/** The stem of a measure's columns in the tables, and the column that counts what it stands on. */
export const columnsOf: Readonly<Record<CallMeasure, { readonly stem: string; readonly count: 'n' | 'cpu_n' }>> = {
  real: { stem: 'real', count: 'n' },
  cpu: { stem: 'cpu', count: 'cpu_n' },
  db: { stem: 'dbt', count: 'n' },
  statements: { stem: 'stc', count: 'n' },
  transactions: { stem: 'txc', count: 'n' },
}

export type MethodKey = { readonly service: string; readonly method: string }
/** Sums of one method by measure. */
export type MethodSums = MethodKey & { readonly sums: Readonly<Record<CallMeasure, StrataSums>> }
export type Judged = MethodKey & {
  readonly measure: CallMeasure
  readonly it: Comparison
  readonly q: number
  /** Less than `callsMin` on a side: no verdict, and no test. */
  readonly few: boolean
  readonly shown: boolean
  /** Weaker than `shown`: what was told before still stands. */
  readonly stands: boolean
}

/** Judges all methods and measures together: the more are looked at, the surer each must be. */
export function judge(methods: readonly MethodSums[]): Judged[] {
  const compared = methods.flatMap(({ service, method, sums }) =>
    callMeasures.map((measure) => {
      const it = concludeStrata(sums[measure])
      return { service, method, measure, it, few: it.before.n < callsMin || it.after.n < callsMin }
    }),
  )
  const q = benjaminiHochberg(compared.filter(({ few }) => !few).map(({ it }) => it.p))
  let next = 0
  return compared.map((one) => {
    const corrected = one.few ? 1 : (q[next++] as number)
    const large = isLarge(one.measure, one.it)
    return {
      ...one,
      q: corrected,
      shown: !one.few && corrected <= qMax && Math.abs(one.it.t) > tMin && large,
      stands: !one.few && Math.abs(one.it.t) > tKeeps,
    }
  })
}

export const isLarge = (measure: CallMeasure, { difference, relative }: Pick<Comparison, 'difference' | 'relative'>): boolean =>
  Math.abs(relative) > relativeMin && Math.abs(difference) >= differenceMin[measure]
