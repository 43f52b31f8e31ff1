/** The way to the database: every call is one transaction of one or more statements. */
import { ask } from './ask.ts'
import { addressesOf } from './belay.ts'

export type Statement = { sql: string; params?: (string | number | null)[] } | { script: string }
export type Row = Record<string, string | number | null>

/** @throws Refusal `constraint` or `sql` with SQLite's sentence, `unreachable` when the database stays away. */
export async function transact(statements: readonly Statement[]): Promise<Row[][]> {
  return await send(statements, false)
}

/** Several statements that only read, in one go; as text when they need no parameters. */
export function queries(...statements: readonly (string | Statement)[]): Promise<Row[][]> {
  return send(
    statements.map((one) => (typeof one === 'string' ? { sql: one } : one)),
    true,
  )
}

/** One statement that only reads. */
export async function query<R = Row>(sql: string, params: (string | number | null)[] = []): Promise<R[]> {
  const [rows = []] = await send([{ sql, params }], true)
  return rows as R[]
}

async function send(statements: readonly Statement[], reads: boolean): Promise<Row[][]> {
  const { results } = await ask<{ results: { rows: Row[] }[] }>(addressesOf('db'), '/sql', { body: { statements }, reads })
  return results.map((result) => result.rows)
}
