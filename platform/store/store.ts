import type { Signal } from './engine.ts'
import { runMigrations } from './migrate.ts'
import { openPostgres } from './postgres.ts'
import { createWriteQueue, workMaxMs } from './queue.ts'
import { openSqlite } from './sqlite.ts'
import type { SignalListener, Store } from './types.ts'

/**
 * Opens Belay's state: an SQLite file (made when it is not there) or a PostgreSQL database.
 * @throws Problem `store-cannot-open`, `store-damaged`, `store-full`, `store-busy`, `store-unreachable`.
 */
export async function openStore(options: { file: string } | { url: string }): Promise<Store> {
  const engine = 'file' in options ? await openSqlite(options.file) : await openPostgres(options.url)
  const listeners = new Map<string, Set<SignalListener>>()
  let closing: Promise<void> | undefined
  const queue = createWriteQueue(engine, (signals) => signals.forEach(tell))

  function tell({ channel, payload }: Signal): void {
    for (const listener of listeners.get(channel) ?? []) {
      try {
        listener(payload)
      } catch (error) {
        // The commit that is told stands whatever a listener does with the news.
        process.emitWarning(error instanceof Error ? error : String(error))
      }
    }
  }
  await engine.hear((signal) => {
    if (signal) tell(signal)
    else for (const channel of listeners.keys()) tell({ channel, payload: undefined })
  })

  return {
    dialect: engine.dialect,
    read: engine.read,
    write: async (work) => (await queue.write(work, workMaxMs)) as Awaited<ReturnType<typeof work>>,
    signal(channel, payload) {
      const signal = { channel, payload }
      if (queue.attach(signal)) return
      tell(signal)
      engine.send([signal])
    },
    onSignal(channel, listener) {
      const all = listeners.get(channel) ?? new Set()
      listeners.set(channel, all.add(listener))
      return () => {
        all.delete(listener)
        if (all.size === 0 && listeners.get(channel) === all) listeners.delete(channel)
      }
    },
    async migrate(sets) {
      // No time limit: filling a new column of a large table may take minutes, and nobody works meanwhile.
      await queue.write((db) => runMigrations(db, sets, Date.now()), Number.POSITIVE_INFINITY)
      engine.schemaChanged()
    },
    close: () => (closing ??= queue.drain().then(() => engine.close())),
  }
}
