import { join } from 'node:path'
import { openStore, type Store } from '@belay/store'
import { afterAll, describe } from 'vitest'
import { temporaryFolder } from './folders.ts'
import { postgresForTests, whyNoPostgres } from './postgres.ts'

/** What `openStore` takes. */
export type StorePlace = Parameters<typeof openStore>[0]

/**
 * Runs a contract suite on SQLite and on PostgreSQL. `open` gives a store on a new empty database; `newDatabase` only
 * the place of one, for suites that open it themselves (twice, or after a crash). Both last until the suite has
 * ended; a store that the suite closed before is left alone.
 *
 * Without PostgreSQL its half is skipped, and the name of each test then says what to install.
 */
export function onEachStore(name: string, suite: (open: () => Promise<Store>, newDatabase: () => Promise<StorePlace>) => void): void {
  describe(`${name} on SQLite`, () => {
    runWith(suite, async () => {
      const folder = await temporaryFolder()
      return { place: { file: join(folder.path, 'state.db') }, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() }
    })
  })
  const missing = whyNoPostgres()
  describe.skipIf(missing)(`${name} on PostgreSQL${missing === undefined ? '' : ` (${missing})`}`, () => {
    runWith(suite, async () => {
      const database = await postgresForTests()
      if ('skipped' in database) throw new Error(database.skipped)
      return { place: { url: database.url }, [Symbol.asyncDispose]: () => database[Symbol.asyncDispose]() }
    })
  })
}

type Database = AsyncDisposable & { readonly place: StorePlace }

function runWith(suite: Parameters<typeof onEachStore>[1], makeDatabase: () => Promise<Database>): void {
  const databases: Database[] = []
  const stores: Store[] = []
  const newDatabase = async () => {
    const database = await makeDatabase()
    databases.push(database)
    return database.place
  }
  const open = async () => {
    const store = await openStore(await newDatabase())
    stores.push(store)
    return store
  }
  afterAll(async () => {
    // Closing twice may be refused; the suite's own closing is what counts.
    await Promise.allSettled(stores.map((store) => store.close()))
    await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()))
  })
  suite(open, newDatabase)
}
