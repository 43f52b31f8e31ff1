/** Writes pairs and says each that was acknowledged, until it is killed (see trouble.test.ts). */
import { writeSync } from 'node:fs'
import { type Db, openStore } from './index.ts'

const store = await openStore({ file: process.argv[2] as string })
const lines = (db: Db) => db.$extendTables<{ line: { id: number; text: string } }>()
async function writePairs(from: number): Promise<void> {
  for (let id = from; ; id += 20) {
    await store.write(async (tx) => {
      await lines(tx).insertInto('line').values({ id, text: 'first' }).execute()
      await lines(tx)
        .insertInto('line')
        .values({ id: id + 1, text: 'second' })
        .execute()
    })
    writeSync(1, `${id}\n`)
  }
}
await Promise.all(Array.from({ length: 10 }, (_, writer) => writePairs(writer * 2)))
