/** All questions about calls that the column store answers. */
import type {
  BudgetVerdictWire,
  CallFacetsWire,
  CallFilter,
  CallMethodWire,
  CallTableWire,
  ExemplarWire,
  MarkWire,
  TrendWire,
} from '@belay/protocol'
import { type BudgetsAsk, checkBudgets, readBudgets } from './budgets.ts'
import { readExemplars } from './exemplars.ts'
import { type FacetsAsk, readFacets } from './facets.ts'
import { groundOf, type TablesOptions } from './ground.ts'
import { marksOf } from './marks.ts'
import { type MethodFilter, readMethod } from './method.ts'
import type { Range } from './selection.ts'
import { readTable, type TableAsk } from './table.ts'
import { readTrend, type TrendAsk } from './trend.ts'

/** @throws Problem of problems.ts when what was asked for is unclear or never was, and of the column store. */
export type CallTables = {
  facets(ask: FacetsAsk): Promise<CallFacetsWire>
  table(ask: TableAsk): Promise<CallTableWire>
  show(ask: MethodFilter & { readonly compare?: string | undefined }): Promise<CallMethodWire>
  trend(ask: TrendAsk): Promise<TrendWire>
  exemplars(ask: MethodFilter & { readonly limit: number }): Promise<ExemplarWire[]>
  /** Of belay.yaml as it is. */
  budgets(filter: CallFilter): Promise<BudgetVerdictWire>
  /** Of a release, before it goes on. */
  checkBudgets(ask: BudgetsAsk): Promise<BudgetVerdictWire>
  marks(it: Range & { readonly environment: string; readonly service?: string; readonly method?: string }): Promise<MarkWire[]>
}

export function openCallTables(options: TablesOptions): CallTables {
  const ground = groundOf(options)
  return {
    facets: (ask) => readFacets(ground, ask),
    table: (ask) => readTable(ground, ask),
    show: (ask) => readMethod(ground, ask),
    trend: (ask) => readTrend(ground, ask),
    exemplars: (ask) => readExemplars(ground, ask),
    budgets: (filter) => readBudgets(ground, filter),
    checkBudgets: (ask) => checkBudgets(ground, ask),
    marks: (it) => marksOf(ground, it),
  }
}
