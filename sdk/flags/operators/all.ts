import type { Operator } from '../node.ts'
import { choiceOperators } from './choice.ts'
import { compareOperators } from './compare.ts'
import { dataOperators } from './data.ts'
import { flagdOperators } from './flagd.ts'
import { fractional } from './fractional.ts'
import { listOperators } from './lists.ts'
import { makingOperators } from './make.ts'

/** By name, in a Map: an operator called `constructor` is unknown like any other. */
export const operators: ReadonlyMap<string, Operator> = new Map([
  ...choiceOperators,
  ...compareOperators,
  ...makingOperators,
  ...dataOperators,
  ...listOperators,
  ...flagdOperators,
  ['fractional', fractional],
])
