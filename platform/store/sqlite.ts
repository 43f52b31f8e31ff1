/**
 * The embedded store: one SQLite file through node:sqlite, wrapped here and nowhere else (it is a release candidate
 * that may still change). Two connections: `writer` belongs to the write queue, `reader` sees what is committed.
 * WAL with synchronous=FULL flushes the log at every commit: what is acknowledged survives a loss of power.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { sentenceOf } from '@belay/base'
import { type Driver, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely'
import type { Engine, Signal, WriteSession } from './engine.ts'
import { storeProblem } from './problems.ts'
import { openRead } from './read.ts'

/** Longer than any write may last (5 s), so that only a process that is stuck makes another one give up. */
const busyMaxMs = 10_000
/** How late a commit of another process is seen; a look costs some microseconds. */
const lookEveryMs = 200
/** A program has a few hundred different statements; the bound only stops one that builds them from data. */
const statementsMax = 500

// https://www.sqlite.org/rescode.html; the low byte of an extended code is its primary code.
const codes = { busy: 5, readOnly: 8, inputOutput: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 } as const
const shmSize = 4_874 // SQLITE_IOERR_SHMSIZE: no room for the index of the log

export async function openSqlite(file: string): Promise<Engine> {
  const { writer, reader } = open(file)
  const statements = { writer: new StatementCache(writer), reader: new StatementCache(reader) }
  const dialect = new SqliteDialect({ database: kyselyDatabase(writer, statements.writer) })
  const driver: Driver = dialect.createDriver()
  await driver.init()
  const connection = await driver.acquireConnection()
  const { read, close } = openRead(new SqliteDialect({ database: kyselyDatabase(reader, statements.reader) }), (error) =>
    explain(error, file),
  )
  const control = (sql: string) => {
    statements.writer.get(sql).statement.run()
  }

  const session: WriteSession = {
    connection,
    begin: () => beginImmediate(() => control('begin immediate')),
    announce: () => {},
    commit: () => control('commit'),
    rollback: () => control('rollback'),
    savepoint: () => control('savepoint work'),
    rollbackToSavepoint: () => {
      control('rollback to work')
      control('release work')
    },
    releaseSavepoint: () => control('release work'),
    // SQLite may roll the whole transaction back by itself: full disk, I/O error, out of memory.
    isLost: () => !writer.isTransaction,
    end: () => {},
  }
  let looking: NodeJS.Timeout | undefined

  return {
    dialect: 'sqlite',
    kysely: { dialect, driver },
    read,
    openSession: async () => session,
    schemaChanged: () => {
      statements.writer.clear()
      statements.reader.clear()
    },
    explain: (error) => explain(error, file),
    isPassing: () => false,
    async hear(onSignal: (signal: Signal | undefined) => void) {
      // data_version, asked on the writer's connection, moves only when another connection has committed.
      const version = () => statements.writer.get('pragma data_version').statement.get()?.data_version
      let seen = version()
      const look = () => {
        if (writer.isTransaction) return
        let now: typeof seen
        try {
          now = version()
        } catch {
          // Another process is just mending or closing the file; the next look is soon.
          return
        }
        if (now === seen) return
        seen = now
        onSignal(undefined)
      }
      looking = setInterval(look, lookEveryMs)
      looking.unref()
    },
    send: () => {},
    async close() {
      clearInterval(looking)
      statements.writer.clear()
      statements.reader.clear()
      await close()
      if (reader.isOpen) reader.close()
      writer.close()
    },
  }
}

function open(file: string): { writer: DatabaseSync; reader: DatabaseSync } {
  let writer: DatabaseSync | undefined
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // Created by us and not by SQLite, so that only its owner may read it; the log and its index take over the mode.
    closeSync(openSync(file, 'a', 0o600))
    writer = new DatabaseSync(file, { timeout: busyMaxMs })
    writer.exec('pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on')
    // From here on waiting for the lock is done without holding up the event loop: see beginImmediate.
    writer.exec('pragma busy_timeout=0')
    const reader = new DatabaseSync(file, { timeout: busyMaxMs })
    reader.exec('pragma query_only=on')
    return { writer, reader }
  } catch (error) {
    writer?.close()
    const explained = explain(error, file)
    throw explained === error ? storeProblem('store-cannot-open', { where: file, because: sentenceOf(error) }, error) : explained
  }
}

async function beginImmediate(begin: () => void): Promise<void> {
  const givingUpAtMs = performance.now() + busyMaxMs
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 20)) {
    try {
      return begin()
    } catch (error) {
      if (primaryCode(error) !== codes.busy || performance.now() > givingUpAtMs) throw error
    }
    await setTimeout(pauseMs)
  }
}

/** What Kysely's SqliteDialect asks of a statement (it was written for better-sqlite3), over node:sqlite. */
type Prepared = SqliteStatement & { readonly statement: StatementSync }

/** Preparing a statement costs more than running it, so each text is prepared once per connection. */
class StatementCache {
  readonly #database: DatabaseSync
  #prepared = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    const prepared: Prepared = {
      statement,
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
      run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
      // A statement of its own: a shared one would be reset by its next use while rows are still being taken.
      iterate: (parameters) => this.#database.prepare(sql).iterate(...(parameters as SQLInputValue[])),
    }
    if (this.#prepared.size >= statementsMax) this.clear()
    this.#prepared.set(sql, prepared)
    return prepared
  }

  clear(): void {
    this.#prepared = new Map()
  }
}

const kyselyDatabase = (database: DatabaseSync, statements: StatementCache): SqliteDatabase => ({
  close: () => database.close(),
  prepare: (sql) => statements.get(sql),
})

function extendedCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : undefined
}
const primaryCode = (error: unknown) => (extendedCode(error) ?? 0) & 0xff

function explain(error: unknown, where: string): unknown {
  const isNoSpace = error instanceof Error && 'code' in error && error.code === 'ENOSPC'
  if (isNoSpace || extendedCode(error) === shmSize) return storeProblem('store-full', { where }, error)
  const because = sentenceOf(error)
  switch (primaryCode(error)) {
    case codes.full:
      return storeProblem('store-full', { where }, error)
    case codes.busy:
      return storeProblem('store-busy', { where, waitedMs: busyMaxMs }, error)
    case codes.corrupt:
    case codes.notADatabase:
    case codes.inputOutput:
      return storeProblem('store-damaged', { where, because }, error)
    case codes.readOnly:
    case codes.cannotOpen:
      return storeProblem('store-cannot-open', { where, because }, error)
    default:
      return error
  }
}
