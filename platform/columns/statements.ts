import { quoted } from './sql.ts'
import type { InsertFile } from './types.ts'

/** A name of a column or table that the code chose, which may still be a word of SQL. */
export const named = (name: string): string => `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``

/**
 * What makes one insert count once. A token stands for one block; a file that became several blocks would be known by
 * its place among them, so it must always become the same one: a single thread reads and the blocks are joined without
 * a bound (the bound is the file's own, see the intake).
 */
export const insertSettings = (token: string): Record<string, string | number> => ({
  insert_deduplication_token: token,
  // Views are filled from an insert that came again when they had missed it, and only then.
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_block_size: rowsOfOneBlock,
  min_insert_block_size_rows: rowsOfOneBlock,
  min_insert_block_size_bytes: 0,
  max_insert_threads: 1,
  // A batch may hold weeks of a sender's spool, with a partition for each day.
  max_partitions_per_insert_block: 1_000,
})
/** More than any file has. */
const rowsOfOneBlock = 1_000_000_000

export function settingsText(settings: Readonly<Record<string, string | number>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${typeof value === 'string' ? quoted(value) : value}`)
    .join(', ')
}

export const columnList = (names: readonly string[]): string => names.map(named).join(', ')

export function insertFromFile({ table, columns, path, token }: InsertFile): string {
  const list = columnList(columns.map(([name]) => name))
  const structure = columns.map(([name, type]) => `${named(name)} ${type}`).join(', ')
  // Without it the engine asks whether the same file gives the same rows before it believes the token.
  const settings = settingsText({ ...insertSettings(token), deduplicate_insert_select: 'enable_even_for_bad_queries' })
  return `INSERT INTO ${named(table)} (${list}) SETTINGS ${settings} SELECT ${list} FROM file(${quoted(path)}, 'RowBinary', ${quoted(structure)})`
}

/** Every row has the columns of the first. */
export function columnsOf(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  return Object.keys(rows[0] ?? {})
}

/** As JSONCompactEachRow wants it: big integers as texts, which the engine reads without losing digits. */
export function valuesOf(rows: readonly Readonly<Record<string, unknown>>[], columns: readonly string[]): unknown[][] {
  return rows.map((row) =>
    columns.map((name) => {
      const value = row[name]
      return typeof value === 'bigint' ? String(value) : (value ?? null)
    }),
  )
}
