/**
 * The store for several servers: PostgreSQL through pg.
 *
 * Isolation: READ COMMITTED under one advisory lock that every write takes first, in every server. Nearly every write
 * appends to the ledger, whose chain is serial anyway: under SERIALIZABLE all but one of the writers that meet at its
 * head would fail and run again, while waiting for the lock costs nothing but the wait. And it gives PostgreSQL the
 * very promise that SQLite gives: a write may read, decide and write, and nobody comes between.
 */
import { randomUUID } from 'node:crypto'
import { sentenceOf } from '@belay/base'
import { type CompiledQuery, type DatabaseConnection, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Engine, Signal, WriteSession } from './engine.ts'
import { storeProblem } from './problems.ts'
import { openRead } from './read.ts'

/** Reads side by side; with the writer and the listener, PostgreSQL's default of 100 connections carries eight servers. */
const connectionsMax = 10
/** A database that has not answered by then will not make the asker happier later. */
const connectMaxMs = 5_000
/** Above the 5 s that a write may last: past it the process behind the connection hangs, and its lock is taken away. */
const idleInTransactionMaxMs = 10_000
/** No statement of ours reads for so long; one that does would hold the lock or a connection for nothing. */
const statementMaxMs = 30_000
/** PostgreSQL refuses a notice of 8,000 bytes; what is longer is announced without its payload. */
const noticeMaxBytes = 7_900
const channelName = 'belay'
/** ASCII of "belay" as a number: the key of the lock under which all servers write. */
const writeLock = 0x62_65_6c_61_79

/** SQLSTATE query_canceled: the statement limit above. */
const tookTooLong = '57014'

const typeOf = { int8: 20, numeric: 1_700 } as const

export async function openPostgres(url: string): Promise<Engine> {
  const where = sayWhere(url)
  const settings: pg.PoolConfig = {
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: connectMaxMs,
    idle_in_transaction_session_timeout: idleInTransactionMaxMs,
    statement_timeout: statementMaxMs,
    application_name: 'belay',
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
  }
  const pool = new pg.Pool(settings)
  // An idle connection that breaks (a restart of PostgreSQL) leaves the pool by itself; the next query tells.
  pool.on('error', () => {})
  const dialect = new PostgresDialect({ pool })
  const driver = dialect.createDriver()
  await driver.init()
  // A connection of its own: however many requests are reading, a write has one.
  const writers = new pg.Pool({ ...settings, max: 1 })
  writers.on('error', () => {})
  const self = randomUUID()
  const explain = (error: unknown) => {
    if (isConnectionError(error) || isRefusal(error)) return storeProblem('store-unreachable', { where, because: sentenceOf(error) }, error)
    if (stateOf(error) === tookTooLong) return storeProblem('store-busy', { where, waitedMs: statementMaxMs }, error)
    return error
  }
  const { read, close } = openRead(new PostgresDialect({ pool }), explain)
  let ear: Ear | undefined

  try {
    await pool.query('select 1')
  } catch (error) {
    await Promise.all([pool.end(), writers.end()])
    throw storeProblem('store-unreachable', { where, because: sentenceOf(error) }, error)
  }

  return {
    dialect: 'postgres',
    kysely: { dialect, driver },
    read,
    async openSession() {
      const client = await writers.connect()
      return writeSession(client, self, where)
    },
    schemaChanged: () => {},
    explain,
    isPassing: (error) => isConnectionError(error) || ['40001', '40P01', '55P03'].includes(stateOf(error)),
    async hear(onSignal) {
      ear = listen(settings, self, onSignal)
      await ear.opened
    },
    send(signals) {
      // A signal is a hint: when PostgreSQL is away, so are its listeners, who look again when they are back.
      pool.query(notifyText, [signals.map((signal) => noticeOf(signal, self))]).catch(() => {})
    },
    async close() {
      await ear?.close()
      await close()
      await writers.end()
    },
  }
}

const notifyText = `select pg_notify('${channelName}', notice) from unnest($1::text[]) as notice`

function writeSession(client: pg.PoolClient, self: string, where: string): WriteSession {
  let broken: Error | undefined
  client.on('error', onError)
  function onError(error: Error) {
    broken = error
  }
  async function query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    try {
      return await client.query(text, values)
    } catch (error) {
      if (isConnectionError(error)) broken = error as Error
      throw error
    }
  }
  const connection: DatabaseConnection = {
    async executeQuery<R>(compiled: CompiledQuery) {
      const { command, rowCount, rows } = await query(compiled.sql, [...compiled.parameters])
      const changes = ['INSERT', 'UPDATE', 'DELETE', 'MERGE'].includes(command)
      return { numAffectedRows: changes ? BigInt(rowCount ?? 0) : undefined, rows: (rows ?? []) as R[] }
    },
    streamQuery() {
      throw new Error('Broken promise: a write takes its rows in pages, not as a stream')
    },
  }
  return {
    connection,
    // One round trip for both.
    begin: async () => void (await query(`begin isolation level read committed; select pg_advisory_xact_lock(${writeLock})`)),
    announce: async (signals) => void (await query(notifyText, [signals.map((signal) => noticeOf(signal, self))])),
    async commit() {
      let result: pg.QueryResult
      try {
        result = await query('commit')
      } catch (error) {
        if (broken) throw storeProblem('store-outcome-unknown', { where }, error)
        throw error
      }
      // PostgreSQL answers COMMIT of a failed transaction by rolling it back, without an error.
      if (result.command !== 'COMMIT') throw new Error('PostgreSQL rolled the transaction back instead of committing it')
    },
    rollback: async () => void (await query('rollback')),
    savepoint: async () => void (await query('savepoint work')),
    rollbackToSavepoint: async () => void (await query('rollback to savepoint work; release savepoint work')),
    releaseSavepoint: async () => void (await query('release savepoint work')),
    isLost: () => broken !== undefined,
    end() {
      client.removeListener('error', onError)
      client.release(broken)
    },
  }
}

type Ear = {
  /** When it listens, or has failed for the first time. */
  readonly opened: Promise<void>
  close(): Promise<void>
}

/** A connection of its own that listens; when it breaks it comes back, and then anything may have been missed. */
function listen(settings: pg.ClientConfig, self: string, onSignal: (signal: Signal | undefined) => void): Ear {
  let closed = false
  let client: pg.Client | undefined
  let again: NodeJS.Timeout | undefined

  async function connect(isFirst: boolean): Promise<void> {
    const mine = new pg.Client(settings)
    client = mine
    let isOver = false
    const comeBack = () => {
      if (isOver) return
      isOver = true
      mine.end().catch(() => {})
      // One second: quick for a person who waits, and one attempt a second harms no database that is starting.
      if (!closed) again = setTimeout(() => void connect(false), 1_000)
    }
    mine.on('error', comeBack)
    mine.on('end', comeBack)
    mine.on('notification', ({ payload }) => {
      const notice = JSON.parse(payload ?? '{}') as { from?: string; channel?: string; payload?: string }
      if (notice.from !== self && notice.channel !== undefined) onSignal({ channel: notice.channel, payload: notice.payload })
    })
    try {
      await mine.connect()
      await mine.query(`listen ${channelName}`)
      if (!isFirst) onSignal(undefined)
    } catch {
      comeBack()
    }
  }
  const opened = connect(true)

  return {
    opened,
    async close() {
      closed = true
      clearTimeout(again)
      await opened
      await client?.end().catch(() => {})
    },
  }
}

function noticeOf(signal: Signal, from: string): string {
  const notice = JSON.stringify({ from, channel: signal.channel, payload: signal.payload })
  return Buffer.byteLength(notice) <= noticeMaxBytes ? notice : JSON.stringify({ from, channel: signal.channel })
}

/** 64-bit counts and times come back as numbers, as SQLite gives them; beyond 2^53 that would lie, so it is refused. */
function parserOf(oid: number, format?: 'text' | 'binary'): unknown {
  if (oid === typeOf.int8) return safeInteger
  if (oid === typeOf.numeric) return Number
  return pg.types.getTypeParser(oid, format as 'text')
}
function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the integers that JavaScript keeps exactly`)
  return value
}

const stateOf = (error: unknown): string => (error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '')

/** SQLSTATE class 08 and 57P, Node's socket errors, and pg's own words for a connection that went away. */
function isConnectionError(error: unknown): boolean {
  const state = stateOf(error)
  if (/^(08|57P|53300)/.test(state)) return true
  if (['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EPIPE', 'ENOENT', 'EHOSTUNREACH'].includes(state)) return true
  return (
    error instanceof Error &&
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/i.test(error.message)
  )
}

/** SQLSTATE class 28 (the user may not sign in) and 3D (there is no such database): trying again does not help. */
const isRefusal = (error: unknown): boolean => /^(28|3D)/.test(stateOf(error))

/** The address without the password. */
function sayWhere(url: string): string {
  try {
    const { host, pathname, searchParams } = new URL(url)
    return `${host || searchParams.get('host') || 'localhost'}${pathname}`
  } catch {
    return 'DATABASE_URL'
  }
}
