import { count } from '../ledger/model.ts'

export const deep = count
