import type { Kysely } from 'kysely'

/** The database without any table: a domain narrows it to its own with `db.withTables<LedgerTables>()`. */
export type Db = Kysely<unknown>

export type Dialect = 'sqlite' | 'postgres'

export type Migrations = {
  readonly domain: string
  /** Forward only, run in the order of their names (`001-facts`), each once, all of one start in one transaction. */
  readonly steps: Readonly<Record<string, (db: Db) => Promise<void>>>
}

export type SignalListener = (payload: string | undefined) => void

export type Store = {
  readonly dialect: Dialect
  /** Sees what is committed. Refuses to write on SQLite; never write through it. */
  readonly read: Db
  /**
   * Runs `work` in a transaction. When the promise resolves, what it wrote is on the disk; when `work` throws, all that
   * it wrote is undone, and only that. Writes are serial across all processes of one database, so `work` may read and
   * then write without locks. It must do nothing but use `tx`: it may be run again (a lost connection, a neighbour in
   * its batch that spoilt the transaction), and a statement that fails ends it, even when `work` catches the error.
   * @throws Problem `store-full`, `store-unreachable`, `store-outcome-unknown`, `store-busy`, `store-closed`; and whatever `work` throws.
   */
  write<T>(work: (tx: Db) => Promise<T>): Promise<T>
  /**
   * Tells every listener of the channel, in this process and (PostgreSQL) in all others. Inside `write` it waits for
   * the commit and is dropped when the write is undone. On SQLite other processes see a commit, whatever it was, as a
   * signal on every channel without payload, within 200 ms. A signal is a hint to look, not a message to rely on.
   */
  signal(channel: string, payload?: string): void
  /** Returns the way to stop listening. */
  onSignal(channel: string, listener: SignalListener): () => void
  /**
   * Brings the tables up to date, under a lock, all or nothing.
   * @throws Problem `store-newer` when the database knows a step that this program does not.
   */
  migrate(sets: readonly Migrations[]): Promise<void>
  /** Waits for the writes that were asked for, then lets go of the database. */
  close(): Promise<void>
}
