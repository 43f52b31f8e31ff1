import type { DatabaseConnection, Dialect as KyselyDialect, Driver } from 'kysely'
import type { Db, Dialect } from './types.ts'

export type Signal = { readonly channel: string; readonly payload: string | undefined }

/** One transaction at a time on one connection. Steps may be synchronous; callers await all the same. */
export type WriteSession = {
  readonly connection: DatabaseConnection
  begin(): void | Promise<void>
  /** Makes other processes' listeners hear these signals if and when this transaction commits. */
  announce(signals: readonly Signal[]): void | Promise<void>
  commit(): void | Promise<void>
  rollback(): void | Promise<void>
  savepoint(): void | Promise<void>
  rollbackToSavepoint(): void | Promise<void>
  releaseSavepoint(): void | Promise<void>
  /** Did the database end the transaction by itself (a full disk, a broken connection)? */
  isLost(): boolean
  end(): void | Promise<void>
}

/** What differs between the two databases; everything above it is written once. */
export type Engine = {
  readonly dialect: Dialect
  readonly kysely: { readonly dialect: KyselyDialect; readonly driver: Driver }
  readonly read: Db
  openSession(): Promise<WriteSession>
  /** Forgets what depends on the shape of the tables. */
  schemaChanged(): void
  /** Makes a Problem of a database's error where a person can act on it; else gives it back. */
  explain(error: unknown): unknown
  /** Will the same work probably succeed when it is run again? */
  isPassing(error: unknown): boolean
  /** Listens for signals from other processes from now on; `undefined` means: anything may have happened. */
  hear(onSignal: (signal: Signal | undefined) => void): Promise<void>
  /** Sends signals that belong to no transaction. */
  send(signals: readonly Signal[]): void
  close(): Promise<void>
}
