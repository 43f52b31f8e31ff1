import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { ledgerKeepsItsPromises } from './ledger.contract.ts'

const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

ledgerKeepsItsPromises('SQLite', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'belay-ledger-'))
  folders.push(folder)
  return { file: join(folder, 'state.db') }
})
