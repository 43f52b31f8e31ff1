import { join } from 'node:path'
import { openStore } from '@belay/store'
import { postgresForTests, temporaryFolder, whyNoPostgres } from '@belay/testkit'
import { describe, test } from 'vitest'
import { releasesKeepTheirPromises } from './releases.contract.ts'

const inMemory = async () => {
  const folder = await temporaryFolder()
  const store = await openStore({ file: join(folder.path, 'state.db') })
  return { ...store, close: async () => (await store.close(), folder[Symbol.asyncDispose]()) }
}
releasesKeepTheirPromises('SQLite', inMemory)

const missing = whyNoPostgres()
if (missing === undefined) {
  releasesKeepTheirPromises('PostgreSQL', async () => {
    const database = await postgresForTests()
    if ('skipped' in database) throw new Error(database.skipped)
    const store = await openStore({ url: database.url })
    return { ...store, close: async () => (await store.close(), database[Symbol.asyncDispose]()) }
  })
} else describe.skip(`releases on PostgreSQL (${missing})`, () => test('skipped', () => {}))
