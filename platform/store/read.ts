import { type Dialect, Kysely } from 'kysely'
import type { Db } from './types.ts'

/** The way to read: Kysely as it is, but a database's error that a person can act on comes out as the Problem that says how. */
export function openRead(dialect: Dialect, explain: (error: unknown) => unknown): { read: Db; close(): Promise<void> } {
  const plain = new Kysely<unknown>({ dialect })
  const inner = plain.getExecutor()
  const executor = inner.withConnectionProvider({
    async provideConnection(consumer, options) {
      try {
        return await inner.provideConnection(consumer, options)
      } catch (error) {
        throw explain(error)
      }
    },
  })
  return {
    read: new Kysely<unknown>({ config: { dialect }, dialect, driver: dialect.createDriver(), executor }),
    close: () => plain.destroy(),
  }
}
