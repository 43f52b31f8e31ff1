/**
 * One segment of the spool while it is written: `N.rows` has nothing but rows in RowBinary, as the column store reads
 * them, and `N.log` one line for each batch: whose it is, which bytes are its own, and what else came with it.
 */
import { type FileHandle, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { writeWhole } from '@belay/base/node'
import { callColumns, callColumnsAtFirst } from '../row.ts'
import type { Claim } from './types.ts'

/** Rows of further tables, ready to be inserted: exemplars, processes. */
export type Extras = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>
export type Entry = { readonly claim: Claim; readonly bytes: Buffer; readonly rows: number; readonly extras: Extras }
type Line = {
  source: string
  batch: number
  from: number
  to: number
  rows: number
  crc: number
  extras: Extras
  /** How many of `callColumns` its rows have; absent in what was written before there were more than at first. */
  columns?: number
}

/** What is known of a segment that is closed. */
export type Sealed = {
  readonly number: number
  /** Name of the file of its rows, beside the file that says so. */
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly extras: Extras
  /** How many of `callColumns` its rows have; absent: those at first. */
  readonly columns?: number
}

export type Segment = {
  readonly number: number
  rows(): number
  bytes(): number
  /** How many batches it has. */
  entries(): number
  /** Resolves when all of them are on the disk. @throws what the file system says; then none of them is in the segment. */
  append(entries: readonly Entry[]): Promise<void>
  /** Closes it without those entries (by position). Nothing may be under way. */
  seal(refused: ReadonlySet<number>): Promise<Sealed>
  close(): Promise<void>
}

const paths = (folder: string, number: number) => {
  const name = String(number).padStart(12, '0')
  return {
    rows: join(folder, `${name}.rows`),
    log: join(folder, `${name}.log`),
    sealed: join(folder, `${name}.sealed`),
    kept: `${name}.kept`,
  }
}

/** Opens a new segment, or one that was open when its server ended: what was not written to its end is cut off. */
export async function openSegment(folder: string, number: number): Promise<Segment & { readonly claims: readonly Claim[] }> {
  const path = paths(folder, number)
  const found = await readSegment(path)
  const lines = found.lines
  let rowBytes = lines.at(-1)?.to ?? 0
  let logBytes = found.logBytes
  let rowCount = lines.reduce((sum, it) => sum + it.rows, 0)
  let isTorn = false
  const rowFile = await open(path.rows, 'a+')
  const logFile = await open(path.log, 'a+').catch(async (error) => {
    await rowFile.close()
    throw error
  })
  await rowFile.truncate(rowBytes)
  await logFile.truncate(logBytes)
  await syncFolder(folder)

  async function append(entries: readonly Entry[]): Promise<void> {
    if (isTorn) await mend()
    const added: Line[] = []
    let to = rowBytes
    for (const { claim, bytes, rows, extras } of entries) {
      added.push({ ...claim, from: to, to: to + bytes.length, rows, crc: crc32(bytes), extras, columns: callColumns.length })
      to += bytes.length
    }
    const text = Buffer.from(added.map((it) => `${JSON.stringify(it)}\n`).join(''))
    isTorn = true
    await Promise.all([
      writeAll(
        rowFile,
        entries.map((it) => it.bytes),
      ),
      writeAll(logFile, [text]),
    ])
    isTorn = false
    lines.push(...added)
    rowBytes = to
    rowCount = added.reduce((sum, it) => sum + it.rows, rowCount)
    logBytes += text.length
  }

  /** What a write that failed has left is cut off before the next. */
  async function mend(): Promise<void> {
    await rowFile.truncate(rowBytes)
    await logFile.truncate(logBytes)
    isTorn = false
  }

  async function close(): Promise<void> {
    await Promise.allSettled([rowFile.close(), logFile.close()])
  }

  return {
    number,
    claims: lines.map(({ source, batch }) => ({ source, batch })),
    rows: () => rowCount,
    bytes: () => rowBytes + logBytes,
    entries: () => lines.length,
    append,
    close,
    async seal(refused) {
      const kept = lines.filter((_, position) => !refused.has(position))
      const name = refused.size > 0 ? path.kept : (path.rows.split('/').at(-1) as string)
      if (isTorn) await mend()
      if (refused.size > 0) await keepOnly(rowFile, kept, join(folder, path.kept))
      await close()
      const sealed: Sealed = {
        number,
        file: name,
        rows: kept.reduce((sum, it) => sum + it.rows, 0),
        bytes: kept.reduce((sum, it) => sum + it.to - it.from, 0),
        extras: merged(kept.map((it) => it.extras)),
        // A segment is written by one server: its rows are all alike.
        columns: lines[0]?.columns ?? callColumnsAtFirst,
      }
      // From here on the segment is closed, whatever of its files is still there.
      await writeWhole(path.sealed, JSON.stringify(sealed))
      await rm(path.log, { force: true })
      if (refused.size > 0) await rm(path.rows, { force: true })
      return sealed
    },
  }
}

/** The column store has it. First the file without which the others are nothing. */
export async function removeSealed(folder: string, { number, file }: Sealed): Promise<void> {
  await rm(paths(folder, number).sealed, { force: true })
  await rm(join(folder, file), { force: true })
}

async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  // Appended: the file is open for that. Several pieces in one call.
  if (pieces.some((it) => it.length > 0)) {
    const wanted = pieces.reduce((sum, it) => sum + it.length, 0)
    const { bytesWritten } = await file.writev([...pieces])
    if (bytesWritten < wanted) throw Object.assign(new Error('the disk took only a part'), { code: 'ENOSPC' })
  }
  await file.datasync()
}

/** A file that was made is there after a loss of power only when its folder was flushed too. */
async function syncFolder(folder: string): Promise<void> {
  const it = await open(folder, 'r')
  await it.sync().finally(() => it.close())
}

async function keepOnly(file: FileHandle, kept: readonly Line[], path: string): Promise<void> {
  const pieces: Buffer[] = []
  for (const { from, to } of kept) {
    const piece = Buffer.allocUnsafe(to - from)
    await file.read(piece, 0, piece.length, from)
    pieces.push(piece)
  }
  await writeWhole(path, Buffer.concat(pieces))
}

function merged(all: readonly Extras[]): Extras {
  const sum: Record<string, Readonly<Record<string, unknown>>[]> = {}
  for (const extras of all) for (const [table, rows] of Object.entries(extras)) (sum[table] ??= []).push(...rows)
  return sum
}

/** Lines up to the first that was not written whole, or whose rows were not. */
async function readSegment(path: { rows: string; log: string }): Promise<{ lines: Line[]; logBytes: number }> {
  const lines: Line[] = []
  let logBytes = 0
  const log = await readFile(path.log).catch(nothingThere)
  if (log.length === 0) return { lines, logBytes }
  const rows = await readFile(path.rows).catch(nothingThere)
  for (let end = log.indexOf(10); end >= 0; end = log.indexOf(10, logBytes)) {
    const line = parsed(log.toString('utf8', logBytes, end))
    const from = lines.at(-1)?.to ?? 0
    if (line === undefined || line.from !== from || line.to > rows.length || crc32(rows.subarray(line.from, line.to)) !== line.crc) break
    lines.push(line)
    logBytes = end + 1
  }
  return { lines, logBytes }
}

function parsed(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}

function nothingThere(error: unknown): Buffer {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  return Buffer.alloc(0)
}
