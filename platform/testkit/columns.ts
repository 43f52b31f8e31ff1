import { systemClock } from '@belay/base'
import { type Columns, openColumns } from '@belay/columns'
import { afterAll, beforeAll, describe } from 'vitest'
import { startClickHouse } from './clickhouse/start.ts'
import { type TemporaryFolder, temporaryFolder } from './folders.ts'

export type TestColumns = AsyncDisposable & { readonly columns: Columns; readonly folder: string }

/** An embedded column store in a folder of its own: `await using store = await columnsForTests()`. It starts when first asked. */
export async function columnsForTests(): Promise<TestColumns> {
  const folder = await temporaryFolder()
  const columns = openColumns({ folder: folder.path, clock: systemClock, log: () => {} })
  return {
    columns,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await columns.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

/**
 * Runs a contract suite on the embedded engine, over HTTP with the official client, and over HTTP on a cluster of one
 * shard (see clickhouse/main.ts). Each has one store for the whole suite, since an engine takes 250 MB and half a second.
 */
export function onEachColumnStore(name: string, suite: (columns: () => Columns, cluster: string | undefined) => void): void {
  const places: readonly [says: string, remote: boolean, cluster: string | undefined][] = [
    ['embedded', false, undefined],
    ['over HTTP', true, undefined],
    ['on a cluster of one shard', true, 'one'],
  ]
  describe.each(places)(`${name}, %s`, (_, remote, cluster) => {
    const open: AsyncDisposable[] = []
    let columns: Columns | undefined
    beforeAll(async () => {
      const folder: TemporaryFolder = await temporaryFolder()
      open.unshift(folder)
      const server = remote ? await startClickHouse({ folder: folder.path, cluster }) : undefined
      if (server !== undefined) open.unshift(server)
      const store = openColumns({ folder: folder.path, url: server?.url, cluster, clock: systemClock, log: () => {} })
      open.unshift({ [Symbol.asyncDispose]: () => store.close() })
      columns = store
    })
    afterAll(async () => {
      for (const one of open) await one[Symbol.asyncDispose]()
    })
    suite(() => columns as Columns, cluster)
  })
}
