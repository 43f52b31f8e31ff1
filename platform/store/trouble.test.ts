/** What happens to the state when the world fails: a full disk, a killed process, a database that goes away. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { postgresForTests, temporaryFolder, tmpfs, whyNoPostgres } from '@belay/testkit'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { type Db, type Migrations, openStore, type Store } from './index.ts'

type LineTables = { line: { id: number; text: string } }
const lines = (db: Db) => db.$extendTables<LineTables>()
const lineMigrations: Migrations = {
  domain: 'lines',
  steps: {
    '001-line': async (db) => {
      await db.schema
        .createTable('line')
        .addColumn('id', 'integer', (it) => it.primaryKey())
        .addColumn('text', 'text')
        .execute()
    },
  },
}
const add = (store: Store, id: number, text = 'x') => store.write((tx) => lines(tx).insertInto('line').values({ id, text }).execute())
const count = async (store: Store) => (await lines(store.read).selectFrom('line').select('id').execute()).length

const place = await tmpfs(2 * 1024 * 1024)
describe.skipIf('skipped' in place)(`a full disk${'skipped' in place ? ` (${place.skipped})` : ''}`, () => {
  test('is said in a sentence, loses nothing that was acknowledged, and needs no restart once there is room', async () => {
    if ('skipped' in place) return
    await using disk = place
    const store = await openStore({ file: join(disk.path, 'state.db') })
    try {
      await store.migrate([lineMigrations])
      const filler = join(disk.path, 'filler')
      await writeFile(filler, Buffer.alloc(900 * 1024))
      let kept = 0
      const fill = async () => {
        for (; kept < 1_000; kept++) await add(store, kept, 'x'.repeat(10_000))
      }
      await expect(fill()).rejects.toMatchObject({
        code: 'store-full',
        status: 507,
        message: expect.stringMatching(/is full.*Make room; no restart is needed/),
      })
      // Of several at once, each is told for itself.
      const together = await Promise.allSettled([1, 2, 3].map((at) => add(store, 10_000 + at, 'x'.repeat(200_000))))
      for (const it of together) expect(it).toMatchObject({ status: 'rejected', reason: { code: 'store-full' } })
      expect(await count(store)).toBe(kept)
      await writeFile(filler, '')
      await add(store, 20_000, 'x'.repeat(10_000))
      expect(await count(store)).toBe(kept + 1)
    } finally {
      await store.close()
    }
  })
})

test('what was acknowledged before a kill -9 is there after it, and nothing that was not written whole', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'state.db')
  const store = await openStore({ file })
  await store.migrate([lineMigrations])
  await store.close()
  const writer = spawn(process.execPath, [fileURLToPath(new URL('./trouble.writer.ts', import.meta.url)), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const chunk of writer.stdout) {
    said += String(chunk)
    if (said.split('\n').length > 60) writer.kill('SIGKILL')
  }
  if (writer.exitCode === null && writer.signalCode === null) await once(writer, 'exit')
  const acknowledged = said.split('\n').slice(0, -1).map(Number)
  const again = await openStore({ file })
  const rows = (await lines(again.read).selectFrom('line').select('id').execute()).map((row) => row.id)
  expect(acknowledged.length).toBeGreaterThan(50)
  expect(rows).toEqual(expect.arrayContaining(acknowledged))
  // Each write puts a pair; half of one must never be seen.
  for (const id of rows) expect(rows).toContain(id % 2 === 0 ? id + 1 : id - 1)
  await again.close()
})

test('a file that is not a database, and a folder that cannot be made, are named', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'state.db')
  await writeFile(
    file,
    'this is a letter and no database, long enough to be looked at as a header of one hundred bytes, or so. '.repeat(20),
  )
  await expect(openStore({ file })).rejects.toMatchObject({ code: 'store-damaged', message: expect.stringContaining(file) })
  await expect(openStore({ file: join(file, 'below', 'state.db') })).rejects.toMatchObject({ code: 'store-cannot-open' })
})

test('a file that another process is writing to makes writes wait, not fail', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'state.db')
  const store = await openStore({ file })
  await store.migrate([lineMigrations])
  const other = new DatabaseSync(file)
  other.exec('begin immediate')
  const writing = add(store, 1)
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(await count(store)).toBe(0)
  other.exec('commit')
  other.close()
  await writing
  expect(await count(store)).toBe(1)
  await store.close()
})

test('only its owner may read the state', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'home', 'state.db')
  const store = await openStore({ file })
  await store.migrate([lineMigrations])
  for (const it of [file, `${file}-wal`]) expect([it, (await stat(it)).mode & 0o077]).toEqual([it, 0])
  await store.close()
})

test('a PostgreSQL that does not answer is named without its password, with what to check', async () => {
  await expect(openStore({ url: 'postgres://ada:secret@127.0.0.1:1/belay' })).rejects.toMatchObject({
    code: 'store-unreachable',
    message: expect.stringMatching(
      /^PostgreSQL at 127\.0\.0\.1:1\/belay cannot be used \(.*ECONNREFUSED.*\)\. Check that it runs, that DATABASE_URL/,
    ),
  })
})

describe.skipIf(whyNoPostgres())(`PostgreSQL${whyNoPostgres() ? ` (${whyNoPostgres()})` : ''}`, () => {
  test('that is away is named by reads as well as by writes', async () => {
    const database = await postgresForTests()
    if ('skipped' in database) return
    const store = await openStore({ url: database.url })
    await store.migrate([lineMigrations])
    await database[Symbol.asyncDispose]()
    await expect(count(store)).rejects.toMatchObject({ name: 'Problem', code: 'store-unreachable' })
    await expect(add(store, 1)).rejects.toMatchObject({ name: 'Problem', code: 'store-unreachable' })
    await store.close()
  })

  test('that drops every connection costs a retry, no write and no signal', async () => {
    const database = await postgresForTests()
    if ('skipped' in database) return
    await using _dropped = database
    const store = await openStore({ url: database.url })
    const other = await openStore({ url: database.url })
    await store.migrate([lineMigrations])
    let heard = 0
    other.onSignal('lines', () => heard++)
    const drop = () =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
        store.read,
      )
    for (let id = 0; id < 5; id++) {
      await drop()
      await store.write(async (tx) => {
        await lines(tx).insertInto('line').values({ id, text: 'x' }).execute()
        store.signal('lines')
      })
    }
    expect(await count(store)).toBe(5)
    // The listener comes back within a second, and then looks again.
    await expect.poll(() => heard, { timeout: 5_000 }).toBeGreaterThan(0)
    await Promise.all([store.close(), other.close()])
  })
})
