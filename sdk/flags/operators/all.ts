import type { Operator } from '../node.ts'
import { compareOperators } from './compare.ts'
import { dataOperators } from './data.ts'
import { flagdOperators } from './flagd.ts'
import { fractional } from './fractional.ts'
import { listOperators } from './lists.ts'
import { logicOperators } from './logic.ts'

/** By name, in a Map: an operator called `constructor` is unknown like any other. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ...logicOperators,
  ...compareOperators,
  ...dataOperators,
  ...listOperators,
  ...flagdOperators,
  ['fractional', fractional],
])
