/** A server with a column store: inserts the file over and over, says each token that was acknowledged, until it is killed (see trouble.test.ts). */
import { writeSync } from 'node:fs'
import { systemClock } from '@belay/base'
import { openColumns } from './index.ts'

const [folder, path, first] = process.argv.slice(2) as [string, string, string]
const columns = openColumns({ folder, clock: systemClock, log: () => {} })
for (let nth = Number(first); ; nth++) {
  const token = `token ${nth}`
  await columns.insertFile({
    table: 'calls',
    columns: [
      ['ts', 'DateTime64(3)'],
      ['v', 'UInt64'],
      ['method', 'LowCardinality(String)'],
    ],
    path,
    token,
  })
  writeSync(1, `${token}\n`)
}
