import type { Clock } from '@belay/base'
import { openEmbedded } from './embedded.ts'
import { openHttp } from './http.ts'
import { runMigrations } from './migrate.ts'
import { sizesOf } from './sizes.ts'
import type { Columns } from './types.ts'

/** A page waits no longer. */
const queryMsDefault = 30_000

/**
 * The column store: embedded in `folder` (asleep until first asked), or with `url` a ClickHouse server over HTTP, with
 * `cluster` many of them.
 * @param it.url `http://user:password@host:8123`; @param it.cluster its name in the servers' `remote_servers`.
 */
export function openColumns(it: {
  readonly folder: string
  readonly url?: string
  readonly cluster?: string
  readonly database?: string
  readonly clock: Clock
  readonly log: (line: string, error?: unknown) => void
}): Columns {
  const { url } = it
  const engine = url === undefined ? openEmbedded(it) : openHttp({ ...it, url })
  return {
    migrate: (migrations) => runMigrations(engine, migrations, { cluster: it.cluster, clock: it.clock }),
    query: async <Row>(
      sql: { readonly text: string },
      { timeoutMs = queryMsDefault, signal } = {} as { timeoutMs?: number; signal?: AbortSignal },
    ) => (await engine.rows(sql.text, { timeoutMs, signal })) as Row[],
    command: (sql, { timeoutMs = queryMsDefault, signal } = {}) => engine.command(sql.text, { timeoutMs, signal }),
    insertFile: (file) => engine.insertFile(file),
    insertRows: (rows) => engine.insertRows(rows),
    state: () => engine.state(),
    sizes: (prefix) => sizesOf(engine, prefix, it.cluster),
    close: () => engine.close(),
  }
}
