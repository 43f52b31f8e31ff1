import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openStore } from './index.ts'
import { storeKeepsItsPromises } from './store.contract.ts'

const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

async function newFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'belay-store-'))
  folders.push(folder)
  return join(folder, 'state.db')
}

storeKeepsItsPromises('SQLite', async () => {
  const file = await newFile()
  return () => openStore({ file })
})
