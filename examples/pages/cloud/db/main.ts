/**
 * The database process: SQLite behind HTTP. One request is one transaction, `POST /sql { statements }`; the answers
 * come back in order. Its file lies in BELAY_DATA and so outlives every release.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { here } from '#shared/belay.ts'
import { bodyOf, Refusal, replyJson, serve } from '#shared/server.ts'

type Statement = { sql: string; params?: SQLInputValue[] } | { script: string }
type Result = { rows: unknown[]; changes: number }

/** The services ask some thirty different questions; a client that builds SQL anew each time must not fill the memory. */
const preparedMax = 200

mkdirSync(here.data, { recursive: true })
const file = join(here.data, 'pages.sqlite')
const database = new DatabaseSync(file)
database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 2000')
const prepared = new Map<string, StatementSync>()

serve({
  handle: async (request, response, url) => {
    if (url.pathname !== '/sql') throw new Refusal(404, 'unknown', 'The database knows POST /sql.')
    const { statements } = JSON.parse((await bodyOf(request)).toString()) as { statements: Statement[] }
    replyJson(response, 200, { results: transact(statements) })
  },
  health: async () => {
    database.prepare('SELECT 1').get()
    return { file, bytes: statSync(file).size }
  },
  close: () => database.close(),
})

function transact(statements: readonly Statement[]): Result[] {
  const reads = statements.every((it) => 'sql' in it && /^\s*select/i.test(it.sql))
  try {
    if (reads) return statements.map(run)
    database.exec('BEGIN IMMEDIATE')
    const results = statements.map(run)
    database.exec('COMMIT')
    return results
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    const sentence = error instanceof Error ? error.message : String(error)
    if (/constraint failed/.test(sentence)) throw new Refusal(409, 'constraint', sentence)
    throw new Refusal(400, 'sql', sentence)
  }
}

function run(statement: Statement): Result {
  if ('script' in statement) {
    // New tables make what was prepared before stale.
    prepared.clear()
    database.exec(statement.script)
    return { rows: [], changes: 0 }
  }
  const { sql, params = [] } = statement
  let ready = prepared.get(sql)
  if (ready === undefined) {
    if (prepared.size >= preparedMax) prepared.clear()
    ready = database.prepare(sql)
    prepared.set(sql, ready)
  }
  if (ready.columns().length > 0) return { rows: ready.all(...params), changes: 0 }
  return { rows: [], changes: Number(ready.run(...params).changes) }
}
