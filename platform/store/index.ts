/** Belay's state: one set of tables on SQLite or PostgreSQL, written under one promise: acknowledged is durable. */
export { dialectOf, type Flag, fromFlag, fromJson, toFlag, toJson } from './columns.ts'
export { statement } from './statement.ts'
export { openStore } from './store.ts'
export type { Db, Dialect, Migrations, SignalListener, Store } from './types.ts'
