/** The way to the database: every call is one transaction of one or more statements. */
import { tracingChannel } from 'node:diagnostics_channel'
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
  const asking = () => ask<{ results: { rows: Row[] }[] }>(addressesOf('db'), '/sql', { body: { statements }, reads })
  const { results } = await (told.hasSubscribers ? tellOf(statements, reads, asking) : asking())
  return results.map((result) => result.rows)
}

/** Whoever records what requests cost hears of each statement here; nobody else pays for it. */
const told = tracingChannel('belay:statement')
const textOf = (statement: Statement | undefined) => (statement === undefined ? '' : 'sql' in statement ? statement.sql : statement.script)

/** All go to the database in one message, so the first has the time of all. */
async function tellOf<T>(statements: readonly Statement[], reads: boolean, asking: () => Promise<T>): Promise<T> {
  const tell = (text: string) => told.traceSync(() => {}, { text, system: 'sqlite' })
  if (!reads) tell('BEGIN')
  const answer = await told.tracePromise(asking, { text: textOf(statements[0]), system: 'sqlite' })
  for (const statement of statements.slice(1)) tell(textOf(statement))
  if (!reads) tell('COMMIT')
  return answer
}
