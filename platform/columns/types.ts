/** The column store as the rest of Belay sees it: ClickHouse's SQL, embedded or on a cluster, with the same promises. */
import type { Sql } from './sql.ts'

export type ColumnState = {
  /** `asleep`: nobody asked yet (embedded), so nothing was started. */
  readonly state: 'asleep' | 'starting' | 'ready' | 'down'
  readonly where: 'embedded' | 'cluster'
  /** Why it is down. */
  readonly because: string | null
  readonly restarts: number
}

export type QueryOptions = {
  /** The query is stopped after this; by default 30 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export type InsertFile = {
  readonly table: string
  /**
   * Names and types as the file has them, in its order: `[['ts', 'DateTime64(3)'], …]`. They must be spelled in bytes as
   * the table's are (a codec or a time zone may differ): over HTTP the server reads the file by the table's own types.
   */
  readonly columns: readonly (readonly [name: string, type: string])[]
  /** Rows in RowBinary, the whole file. */
  readonly path: string
  /** The same token is counted once, in the table and in all views that hang on it, also after a crash in between. */
  readonly token: string
}

/** What a migration may ask of the place where it runs. */
export type Dialect = {
  /**
   * Statements that make a table, whatever the place: locally MergeTree as given; on a cluster a replicated local table
   * and a distributed one with the plain name before it.
   * @param family `MergeTree`, `AggregatingMergeTree`, `ReplacingMergeTree`
   * @param orderBy names, with commas between them
   */
  table(it: {
    readonly name: string
    readonly columns: string
    readonly family: string
    readonly partitionBy?: string
    readonly orderBy: string
    readonly ttl?: string
    readonly settings?: Readonly<Record<string, string | number>>
    /** What spreads rows over shards; by default at random. */
    readonly shardBy?: string
  }): string[]
  /** Statements that add columns (`name Type CODEC(…)`) behind those of a table; rows of before have the types' empty values. */
  addColumns(it: { readonly table: string; readonly columns: readonly string[] }): string[]
  /** A view that fills `to` with each insert into `from`; `select` reads once `FROM name` or `FROM name AS alias`. */
  view(it: { readonly name: string; readonly from: string; readonly to: string; readonly select: string }): string[]
}
export type ColumnMigrations = {
  readonly room: string
  /** In order; each runs once, and its statements may be run again after a crash in between (IF NOT EXISTS). */
  readonly steps: readonly { readonly name: string; readonly up: (dialect: Dialect) => string[] }[]
}

/**
 * @throws Problem from everything that asks the store: `columns-down` (try again later), `columns-too-much` (too many wait),
 * `columns-too-slow`, `columns-too-large` (ask for less), `columns-full`, `columns-taken`, `columns-missing`, `columns-refused`.
 */
export type Columns = {
  /** Runs the steps that the store has not seen. @throws Problem `columns-newer` when it has seen one that is not known here. */
  migrate(migrations: readonly ColumnMigrations[]): Promise<void>
  /** Rows as objects; 64-bit integers as strings, so nothing loses digits. */
  query<Row>(sql: Sql, options?: QueryOptions): Promise<Row[]>
  /** Without an answer: ALTER, DROP PARTITION, OPTIMIZE. */
  command(sql: Sql, options?: QueryOptions): Promise<void>
  /** The fastest way in; for batches of thousands. */
  insertFile(file: InsertFile): Promise<void>
  /** For few rows (JSONCompactEachRow); the token as in `insertFile`. */
  insertRows(it: {
    readonly table: string
    readonly rows: readonly Readonly<Record<string, unknown>>[]
    readonly token: string
  }): Promise<void>
  state(): ColumnState
  /** Bytes on disk, and rows, of the tables whose name begins with `prefix`. */
  sizes(prefix: string): Promise<{ readonly table: string; readonly rows: number; readonly bytes: number }[]>
  close(): Promise<void>
}
