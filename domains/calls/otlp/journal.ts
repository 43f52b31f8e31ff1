/**
 * Bodies as they came, on the disk before anything is made of them. What the tracker knows is the sum of the bodies in
 * here, in their order: after a crash it is summed up again, and rows that may not have been taken are taken again.
 *
 * The order in which things happen: a body is written and flushed; then it is applied; then its rows are taken by the
 * intake under the body's hash; then it is answered, and noted as settled. A crash before the first leaves nothing, and
 * nobody was answered; after it, the body is applied again at the next start and its rows are taken again, which counts
 * them once. The note only spares work.
 *
 * A part begins with what waited for its call when it began, so that parts which are older than what is remembered can go.
 * Frames: length and CRC-32 of what follows, little-endian; a kind; the content. A frame that is torn ends its part.
 */
import { type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { limits } from './limits.ts'

export const signals = ['traces', 'logs'] as const
export const encodings = ['protobuf', 'json'] as const
export const packings = ['plain', 'gzip', 'zstd'] as const
export type JournalBody = {
  /** Of the body and its environment. */
  readonly hash: string
  readonly at: number
  readonly environment: string
  readonly signal: (typeof signals)[number]
  readonly encoding: (typeof encodings)[number]
  readonly packing: (typeof packings)[number]
  readonly bytes: Buffer
}

export type Journal = {
  /** Resolves with what `apply` gives, which runs when the body is on the disk, in the order of bodies. @throws what the file system says. */
  append<T>(body: JournalBody, apply: () => T): Promise<T>
  /** Its rows are taken. */
  settled(hash: string): void
  readonly bytes: number
  close(): Promise<void>
}

const kinds = { body: 1, settled: 2, saved: 3 } as const
const headBytes = 8
/** Written and flushed together; what comes meanwhile waits for the next flush. */
const togetherMax = 128

type Waiting = { readonly body: JournalBody; apply(): void; reject(error: unknown): void }
type Part = { readonly number: number; bytes: number; lastAt: number; readonly unsettled: Set<string> }

/** @param saved what waits for its call now. */
export async function openJournal(folder: string, now: () => number, saved: () => string): Promise<Journal> {
  await mkdir(folder, { recursive: true })
  const parts: Part[] = []
  for (const number of await partNumbers(folder)) parts.push(await standingOf(folder, number, parts))
  let file: FileHandle | undefined
  let openedAt = 0
  let next = (parts.at(-1)?.number ?? 0) + 1
  const waiting: Waiting[] = []
  let notes: Buffer[] = []
  let working: Promise<void> | undefined
  let isTorn = false

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const together = waiting.splice(0, togetherMax)
      try {
        await write(together)
      } catch (error) {
        for (const it of together) it.reject(error)
        continue
      }
      for (const it of together) it.apply()
    }
    working = undefined
  }

  async function write(together: readonly Waiting[]): Promise<void> {
    const frames = notes
    notes = []
    const part = await partFor(now())
    for (const { body } of together) frames.push(...bodyFrame(body))
    try {
      isTorn = true
      await writeAll(file as FileHandle, frames)
      isTorn = false
    } catch (error) {
      await mend(part)
      throw error
    }
    for (const it of frames) part.bytes += it.length
    for (const { body } of together) {
      part.unsettled.add(body.hash)
      part.lastAt = Math.max(part.lastAt, body.at)
    }
  }

  /** What a write that failed has left is cut off, or the part is left as it is: its end is torn and is not read. */
  async function mend(part: Part): Promise<void> {
    if (!isTorn) return
    try {
      await file?.truncate(part.bytes)
      isTorn = false
    } catch {
      await file?.close().catch(() => {})
      file = undefined
    }
  }

  async function partFor(at: number): Promise<Part> {
    const current = parts.at(-1)
    const isDue = current !== undefined && (at - openedAt >= limits.journalPartMs || current.bytes >= limits.journalPartBytesMax)
    if (file !== undefined && current !== undefined && !isDue) return current
    const number = next++
    const made = await open(pathOf(folder, number), 'ax')
    try {
      const first = frame(kinds.saved, [Buffer.from(saved())])
      await writeAll(made, first)
      await syncFolder(folder)
      await file?.close()
      file = made
      openedAt = at
      parts.push({ number, bytes: sizeOf(first), lastAt: at, unsettled: new Set() })
    } catch (error) {
      await made.close()
      await rm(pathOf(folder, number), { force: true })
      throw error
    }
    await dropOld(at)
    return parts.at(-1) as Part
  }

  /** From the oldest on, while all that it has is settled and older than what is remembered. */
  async function dropOld(at: number): Promise<void> {
    while (parts.length > 1) {
      const [oldest] = parts as [Part]
      if (oldest.unsettled.size > 0 || at - oldest.lastAt < 2 * limits.rememberMs) return
      await rm(pathOf(folder, oldest.number), { force: true })
      parts.shift()
    }
  }

  return {
    append(body, apply) {
      return new Promise((resolve, reject) => {
        const run = () => {
          try {
            resolve(apply())
          } catch (error) {
            reject(error)
          }
        }
        waiting.push({ body, apply: run, reject })
        working ??= flush()
      })
    },
    settled(hash) {
      for (const part of parts) if (part.unsettled.delete(hash)) notes.push(...frame(kinds.settled, [Buffer.from(hash)]))
    },
    get bytes() {
      return parts.reduce((sum, it) => sum + it.bytes, 0)
    },
    async close() {
      await working
      if (file !== undefined && notes.length > 0) await writeAll(file, notes).catch(() => {})
      notes = []
      await file?.close()
      file = undefined
    },
  }
}

export type Replayed =
  | { readonly kind: 'saved'; readonly saved: string }
  | { readonly kind: 'body'; readonly body: JournalBody; readonly isSettled: boolean }

/**
 * What a server that ended left, in its order. Of what waited for its call only the oldest part's counts: the bodies
 * that follow make the rest.
 */
export async function* replay(folder: string): AsyncIterable<Replayed> {
  const numbers = await partNumbers(folder)
  const settled = new Set<string>()
  for (const number of numbers)
    for (const it of await framesOf(folder, number)) if (it.kind === kinds.settled) settled.add(it.content.toString())
  for (const [index, number] of numbers.entries())
    for (const { kind, content } of await framesOf(folder, number)) {
      if (kind === kinds.saved && index === 0) yield { kind: 'saved', saved: content.toString() }
      if (kind !== kinds.body) continue
      const body = bodyOf(content)
      yield { kind: 'body', body, isSettled: settled.has(body.hash) }
    }
}

const pathOf = (folder: string, number: number): string => join(folder, `${String(number).padStart(12, '0')}.part`)

async function partNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => [])
  return names.flatMap((name) => (/^\d+\.part$/.test(name) ? [Number.parseInt(name, 10)] : [])).toSorted((a, b) => a - b)
}

/** A part that was there before: it is read, never written again. */
async function standingOf(folder: string, number: number, earlier: readonly Part[]): Promise<Part> {
  const part: Part = { number, bytes: 0, lastAt: 0, unsettled: new Set() }
  for (const { kind, content } of await framesOf(folder, number)) {
    part.bytes += headBytes + 1 + content.length
    if (kind === kinds.body) {
      const { hash, at } = bodyOf(content)
      part.unsettled.add(hash)
      part.lastAt = Math.max(part.lastAt, at)
    } else if (kind === kinds.settled) for (const it of [...earlier, part]) it.unsettled.delete(content.toString())
  }
  return part
}

type Frame = { readonly kind: number; readonly content: Buffer }

async function framesOf(folder: string, number: number): Promise<Frame[]> {
  const file = await readFile(pathOf(folder, number))
  const frames: Frame[] = []
  for (let at = 0; at + headBytes < file.length; ) {
    const end = at + headBytes + file.readUInt32LE(at)
    const content = file.subarray(at + headBytes, end)
    if (end > file.length || content.length === 0 || crc32(content) !== file.readUInt32LE(at + 4)) break
    frames.push({ kind: content[0] as number, content: content.subarray(1) })
    at = end
  }
  return frames
}

function frame(kind: number, pieces: readonly Buffer[]): Buffer[] {
  const first = Buffer.from([kind])
  const head = Buffer.alloc(headBytes)
  const length = 1 + sizeOf(pieces)
  head.writeUInt32LE(length, 0)
  head.writeUInt32LE(
    pieces.reduce((crc, piece) => crc32(piece, crc), crc32(first)),
    4,
  )
  return [head, first, ...pieces]
}
const sizeOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, piece) => sum + piece.length, 0)

/** A line of JSON that says what it is, then its bytes. */
function bodyFrame({ bytes, ...head }: JournalBody): Buffer[] {
  return frame(kinds.body, [Buffer.from(`${JSON.stringify(head)}\n`), bytes])
}
function bodyOf(content: Buffer): JournalBody {
  const end = content.indexOf(10)
  return { ...(JSON.parse(content.toString('utf8', 0, end)) as Omit<JournalBody, 'bytes'>), bytes: content.subarray(end + 1) }
}

async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  const { bytesWritten } = await file.writev([...pieces])
  if (bytesWritten < sizeOf(pieces)) throw Object.assign(new Error('the disk took only a part'), { code: 'ENOSPC' })
  await file.datasync()
}

async function syncFolder(folder: string): Promise<void> {
  const it = await open(folder, 'r')
  await it.sync().finally(() => it.close())
}
