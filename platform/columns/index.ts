/** The column store: ClickHouse's SQL, embedded in a process of its own or on a cluster. */
export { migratedWhenAsked } from './migrated.ts'
export { openColumns } from './open.ts'
export { join, raw, sql, type Sql, type SqlValue } from './sql.ts'
export type { ColumnMigrations, Columns, ColumnState, Dialect, InsertFile, QueryOptions } from './types.ts'
