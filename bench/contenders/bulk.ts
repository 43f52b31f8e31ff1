/** The engine's own fastest way in, for the rows that a server of ours has stored: what ingest is measured against. */
import { join } from 'node:path'
import { systemClock } from '@belay/base'
import { type Columns, openColumns, sql } from '@belay/columns'
import { elapsedMs, interleaved } from '../measure.ts'

export type Bulk = {
  /** A RowBinary file of rows, into the raw table alone: no views, no tokens of ours. */
  readonly rowsPerS: number
  /** Of the raw table. */
  readonly bytesOfRow: number
  /** With all rollups, for each raw row. */
  readonly bytesOfRowInAll: number
}

/**
 * @param home of the server, which has ended.
 * @param folder for the file and the engine beside it.
 * @param rows at most so many of those that are stored.
 */
export async function bulkOf(it: {
  readonly home: string
  readonly folder: string
  readonly rows: number
  readonly rounds: number
  readonly note: (text: string) => void
}): Promise<Bulk> {
  const { folder, rows, rounds, note } = it
  const ours = openColumns({ folder: join(it.home, 'calls', 'columns'), clock: systemClock, log: note })
  const file = join(folder, 'rows')
  const [shape] = await ours.query<{ statement: string }>(sql`SHOW CREATE TABLE calls`)
  const described = await ours.query<{ name: string; type: string }>(sql`DESCRIBE TABLE calls`)
  const columns = described.map(({ name, type }) => [name, type] as const)
  const structure = columns.map(([name, type]) => `${name} ${type.replaceAll("'", "\\'")}`).join(', ')
  await ours.command({ text: `INSERT INTO FUNCTION file('${file}', 'RowBinary', '${structure}') SELECT * FROM calls LIMIT ${rows}` })
  const sizes = await ours.sizes('calls')
  const raw = sizes.find(({ table }) => table === 'calls')
  const stored = Math.max(1, raw?.rows ?? 0)
  await ours.close()

  const peer: Columns = openColumns({ folder: join(folder, 'columns'), clock: systemClock, log: note })
  try {
    await peer.command({ text: (shape?.statement ?? '').replace(/CREATE TABLE \S+/, 'CREATE TABLE calls') })
    let n = 0
    const insert = async () => {
      const ms = await elapsedMs(() => peer.insertFile({ table: 'calls', columns, path: file, token: `peer-${n++}` }))
      return Math.min(rows, stored) / (ms / 1_000)
    }
    await insert()
    const { bulk } = await interleaved(Math.max(5, rounds), { bulk: insert })
    return {
      rowsPerS: bulk,
      bytesOfRow: (raw?.bytes ?? 0) / stored,
      bytesOfRowInAll: sizes.reduce((sum, { bytes }) => sum + bytes, 0) / stored,
    }
  } finally {
    await peer.close()
  }
}
