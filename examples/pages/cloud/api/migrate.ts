/**
 * `node migrate.ts up` applies the migrations that the database has not seen, in the order of their numbers, each in
 * one transaction with its entry. `node migrate.ts down` takes back those that this release applied, newest first,
 * so undoing a release that brought none changes nothing. Both may be run again at any time.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { here } from '#shared/belay.ts'
import { query, type Statement, transact } from '#shared/sql.ts'

const folder = join(import.meta.dirname, 'migrations')
const entries = `CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, release TEXT NOT NULL, applied_at INTEGER NOT NULL)`

async function up(): Promise<void> {
  const seen = new Set((await query<{ name: string }>('SELECT name FROM migrations')).map((row) => row.name))
  const all = readdirSync(folder)
    .filter((file) => file.endsWith('.up.sql'))
    .map((file) => file.replace('.up.sql', ''))
    .sort()
  const missing = all.filter((name) => !seen.has(name))
  for (const name of missing) {
    await apply(name, 'up', {
      sql: 'INSERT INTO migrations (name, release, applied_at) VALUES (?, ?, ?)',
      params: [name, here.release, Date.now()],
    })
  }
  console.log(
    missing.length === 0 ? `nothing to do: ${all.length} migrations applied` : `${missing.length} of ${all.length} migrations were new`,
  )
}

async function down(): Promise<void> {
  const mine = await query<{ name: string }>('SELECT name FROM migrations WHERE release = ? ORDER BY name DESC', [here.release])
  for (const { name } of mine) await apply(name, 'down', { sql: 'DELETE FROM migrations WHERE name = ?', params: [name] })
  console.log(mine.length === 0 ? `nothing to undo: ${here.release} applied no migration` : `${mine.length} migrations taken back`)
}

async function apply(name: string, way: 'up' | 'down', entry: Statement): Promise<void> {
  const began = Date.now()
  await transact([{ script: readFileSync(join(folder, `${name}.${way}.sql`), 'utf8') }, entry])
  console.log(`${way === 'up' ? 'applied' : 'took back'} ${name} in ${Date.now() - began} ms`)
}

try {
  await transact([{ script: entries }])
  await (process.argv[2] === 'down' ? down() : up())
  process.exit(0)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
