/** The ledger: what happened, who did it, to what. Append-only and hash-chained; boards, audits and pages are views of it. */
export { type Ledger, openLedger, type Verdict } from './ledger.ts'
export type { Fact, NewFact } from './model.ts'
export { ledgerRoutes } from './routes.ts'
export { type FactQuery, ledgerMigrations } from './store.ts'
