import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openStore, type Store } from '@belay/store'
import { postgresForTests, temporaryFolder } from '@belay/testkit'
import { list } from 'tar'
import { describe, expect, test } from 'vitest'
import { type Bench, cloudFile, makeBench } from './fixtures.ts'

/** The names and contents of an artifact. */
async function contentsOf(file: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  await list({
    file,
    onReadEntry: (entry) => void entry.concat().then((content: Buffer) => (found[entry.path] = content.toString('utf8'))),
  })
  return found
}
const placesLeft = (bench: Bench) => ({
  checkouts: readdirSync(join(bench.folder, 'checkouts')),
  drafts: readdirSync(join(bench.folder, 'artifacts')).filter((name) => name.endsWith('.new')),
})

describe('try', () => {
  test('a cut builds and packs', async () => {
    await using folder = await temporaryFolder()
    const store = await openStore({ file: join(folder.path, 'state.db') })
    const bench = await makeBench(store, folder.path)
    const { release, existed } = await bench.cut('v1')
    console.log(JSON.stringify(release, null, 1), existed, bench.told)
    console.log(await contentsOf(bench.releases.artifactPath(release.services[0]!.artifact)))
    console.log((await bench.ledger.list({})).facts.map((f) => f.says))
    console.log(placesLeft(bench))
    const bundle = await bench.releases.bundle('v1')
    await store.close()
  })
})
