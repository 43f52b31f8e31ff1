/** The column store with the tables of a domain, made when it is asked for the first time and not before. */
import type { ColumnMigrations, Columns } from './types.ts'

/** So a server that nobody records with or sends captures to never starts the engine. */
export function migratedWhenAsked(columns: Columns, migrations: readonly ColumnMigrations[]): Columns {
  let made: Promise<void> | undefined
  async function ready(): Promise<Columns> {
    made ??= columns.migrate(migrations)
    try {
      await made
    } catch (error) {
      // The store may be up the next time.
      made = undefined
      throw error
    }
    return columns
  }
  return {
    ...columns,
    query: async (sql, options) => (await ready()).query(sql, options),
    command: async (sql, options) => (await ready()).command(sql, options),
    insertFile: async (file) => (await ready()).insertFile(file),
    insertRows: async (rows) => (await ready()).insertRows(rows),
    sizes: async (prefix) => (await ready()).sizes(prefix),
  }
}
