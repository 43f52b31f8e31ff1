/** Calls made by chance, their way into a column store, and their figures computed the plain way. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Random, seededRandom } from '@belay/base'
import type { Columns } from '@belay/columns'
import { type CallMeasure, callMeasures } from '@belay/protocol'
import { createRowWriter } from '../intake/row-binary.ts'
import { type CallRow, callColumns } from '../row.ts'

export const usual: CallRow = {
  at: 0,
  service: 'api',
  environment: 'production',
  release: 'v1',
  lane: 'stable',
  host: 'h1',
  method: 'Items.get',
  audience: 'customer',
  account: '',
  variants: [],
  status: 200,
  failed: false,
  n: 1,
  realUs: 1_000,
  cpuUs: 100,
  cpuN: 1,
  dbUs: 300,
  dbWallUs: 300,
  externalUs: 0,
  externals: 0,
  loopUs: 0,
  statements: 2,
  transactions: 1,
  rows: 2,
  repeats: 1,
  repeated: '',
  requestBytes: 10,
  responseBytes: 100,
  trace: '',
  span: '',
  origin: 'recorder',
  marks: 0,
  peer: '',
  local: '',
}

const one = <T>(random: Random, them: readonly T[]): T => them[Math.floor(random() * them.length)] as T

/** Of five methods in two services, at times that `at` chooses; some fail, some have no CPU time, some come late (n = 0). */
export function randomCalls(seed: number, count: number, at: (random: Random) => number): CallRow[] {
  const random = seededRandom(seed)
  const spread = () => Math.exp(random() * 3)
  return Array.from({ length: count }, () => {
    const method = one(random, ['Items.get', 'Items.getList', 'Items.save', 'Users.get'])
    const isLate = random() < 0.02
    const failed = random() < 0.05
    const hasCpu = !isLate && random() < 0.9
    const external = random() < 0.2 ? Math.round(spread() * 300) : 0
    const repeats = method === 'Items.getList' ? 1 + Math.floor(random() * 12) : 1
    return {
      ...usual,
      at: Math.floor(at(random)),
      service: random() < 0.8 ? 'api' : 'web',
      release: one(random, ['v1', 'v2']),
      lane: random() < 0.8 ? 'stable' : 'candidate',
      host: one(random, ['h1', 'h2', 'h3']),
      method,
      audience: one(random, ['customer', 'customer', 'staff', 'robot']),
      account: one(random, ['', 'a1', 'a2', 'a3']),
      variants: random() < 0.5 ? ['comments=on', 'search=old'] : ['comments=off'],
      status: failed ? 500 : 200,
      failed,
      n: isLate ? 0 : 1,
      realUs: isLate ? 0 : Math.round(spread() * 500),
      cpuUs: hasCpu ? Math.round(spread() * 50) : 0,
      cpuN: hasCpu ? 1 : 0,
      dbUs: Math.round(spread() * 100),
      externalUs: external,
      externals: external > 0 ? 1 : 0,
      statements: Math.floor(random() * 5),
      transactions: isLate ? 0 : 1,
      repeats,
      repeated: repeats > 1 ? one(random, ['SELECT * FROM comment WHERE item = ?', 'SELECT 1']) : '',
    }
  })
}

let files = 0
/** A file of rows; each call of what is answered sends it under the same token. */
export async function segmentOf(columns: Columns, folder: string, rows: readonly CallRow[]): Promise<() => Promise<void>> {
  const writer = createRowWriter()
  for (const row of rows) writer.row(row)
  const path = join(folder, `calls-${++files}.bin`)
  const token = `test-${files}`
  await writeFile(path, writer.take())
  return () => columns.insertFile({ table: 'calls', columns: callColumns, path, token })
}
export async function insertCalls(columns: Columns, folder: string, rows: readonly CallRow[]): Promise<void> {
  await (await segmentOf(columns, folder, rows))()
}

export type Plain = {
  count: number
  errors: number
  sums: Record<CallMeasure, number>
  /** Of calls, sorted; late rows are none. */
  values: Record<CallMeasure, number[]>
  externalUs: number
  externals: number
}

function valuesOf(row: CallRow, withoutExternal: boolean): Record<CallMeasure, number> {
  const own = row.realUs - row.externalUs
  return {
    real: withoutExternal ? (row.n === 1 ? Math.max(0, own) : own) : row.realUs,
    cpu: row.cpuUs,
    db: row.dbUs,
    statements: row.statements,
    transactions: row.transactions,
  }
}

/** By service and method, `SERVICE METHOD`. */
export function plainly(rows: readonly CallRow[], withoutExternal = false): Map<string, Plain> {
  const found = new Map<string, Plain>()
  for (const row of rows) {
    const name = `${row.service} ${row.method}`
    const it = found.get(name) ?? {
      count: 0,
      errors: 0,
      sums: { real: 0, cpu: 0, db: 0, statements: 0, transactions: 0 },
      values: { real: [], cpu: [], db: [], statements: [], transactions: [] },
      externalUs: 0,
      externals: 0,
    }
    found.set(name, it)
    it.count += row.n
    it.errors += row.failed ? row.n : 0
    it.externalUs += row.externalUs
    it.externals += row.externals
    const values = valuesOf(row, withoutExternal)
    for (const measure of callMeasures) {
      if (measure === 'cpu' && row.cpuN === 0) continue
      it.sums[measure] += values[measure]
      if (row.n === 1) it.values[measure].push(values[measure])
    }
  }
  for (const it of found.values()) for (const measure of callMeasures) it.values[measure].sort((a, b) => a - b)
  return found
}
