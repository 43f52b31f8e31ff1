/**
 * What was ordered in a root and what came of it: a file of JSON lines, an intent before the act and an end after it,
 * each flushed to the disk before anybody hears of it. Times are for people; nothing is decided by them.
 */
import { mkdirSync } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, truncate } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { JournalEntry } from '@belay/exec'

/** What a deployment needs to know of an interrupted order lies within its own keys; a host meets a few dozen of them. */
const keysMax = 5_000
/** About 5,000 entries of 300 bytes, twice over: the file is rewritten only now and then. */
const bytesMax = 4 * 1024 * 1024

/** An entry with what the order itself has to remember from before it acted. */
export type Entry = JournalEntry & { readonly note?: unknown }
type Line =
  | { key: string; order: string; intentAt: number; fence: number; note?: unknown }
  | { key: string; doneAt: number; result: unknown }
  | { key: string; doneAt: number; failed: { code: string; message: string } }

export class Journal {
  readonly #path: string
  readonly #entries: Map<string, Entry>
  #file: FileHandle
  /** Bytes that are known to be whole lines. */
  #size: number
  #compactAtBytes = bytesMax
  #waiting: { text: string; resolve: () => void; reject: (error: unknown) => void }[] = []
  #writing = false

  private constructor(path: string, entries: Map<string, Entry>, file: FileHandle, size: number) {
    this.#path = path
    this.#entries = entries
    this.#file = file
    this.#size = size
  }

  /** Opens or begins it. A last line that is torn (the power failed while it was written) was never acknowledged and is dropped. */
  static async open(path: string): Promise<Journal> {
    mkdirSync(dirname(path), { recursive: true })
    const content = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0)
      throw error
    })
    const size = content.lastIndexOf(10) + 1
    if (size < content.length) await truncate(path, size)
    const entries = new Map<string, Entry>()
    for (const text of content.toString('utf8', 0, size).split('\n')) {
      const line = parse(text)
      if (line !== undefined) apply(entries, line)
    }
    return new Journal(path, entries, await open(path, 'a', 0o600), size)
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  /** In the order in which they were first given. */
  entries(prefix = ''): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.key.startsWith(prefix))
  }

  intent(it: { key: string; order: string; fence: number; note?: unknown }): Promise<void> {
    return this.#append({ ...it, intentAt: Date.now() })
  }

  done(key: string, result: unknown): Promise<void> {
    return this.#append({ key, doneAt: Date.now(), result })
  }

  failed(key: string, failed: { code: string; message: string }): Promise<void> {
    return this.#append({ key, doneAt: Date.now(), failed })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #append(line: Line): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ text: `${JSON.stringify(line)}\n`, resolve, reject })
      if (!this.#writing) void this.#write()
    })
    apply(this.#entries, line)
  }

  /** One flush for all who wait: twenty orders at once cost little more than one. */
  async #write(): Promise<void> {
    this.#writing = true
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0)
      try {
        const bytes = Buffer.from(batch.map((it) => it.text).join(''))
        await this.#file.appendFile(bytes)
        await this.#file.datasync()
        this.#size += bytes.length
        for (const it of batch) it.resolve()
      } catch (error) {
        // A full disk takes the first half of a line; the next one must not be glued to it.
        await this.#file.truncate(this.#size).catch(() => {})
        for (const it of batch) it.reject(error)
      }
      // After the entries above are applied, which happens when their askers are resumed.
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#size > this.#compactAtBytes) await this.#compact()
    }
    this.#writing = false
  }

  /** Rewrites it with the newest keys and all that are not done; room for the rewriting failing, it is tried again later. */
  async #compact(): Promise<void> {
    const all = [...this.#entries.values()]
    const forgotten = all.slice(0, Math.max(0, all.length - keysMax)).filter((entry) => entry.doneAt !== undefined)
    for (const entry of forgotten) this.#entries.delete(entry.key)
    const bytes = Buffer.from([...this.#entries.values()].flatMap(linesOf).join(''))
    const next = `${this.#path}.new`
    try {
      const file = await open(next, 'w', 0o600)
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(next, this.#path)
      const before = this.#file
      this.#file = await open(this.#path, 'a', 0o600)
      await before.close()
      this.#size = bytes.length
    } catch {
      await rm(next, { force: true })
    }
    this.#compactAtBytes = Math.max(bytesMax, this.#size * 2)
  }
}

function parse(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null && 'key' in line ? (line as Line) : undefined
  } catch {
    return undefined
  }
}

function apply(entries: Map<string, Entry>, line: Line): void {
  if ('intentAt' in line) {
    // Given again after a failure: it counts as new.
    entries.delete(line.key)
    entries.set(line.key, line)
    return
  }
  const entry = entries.get(line.key)
  if (entry !== undefined) entries.set(line.key, { ...entry, ...line })
}

function linesOf({ key, order, intentAt, fence, note, doneAt, result, failed }: Entry): string[] {
  const lines: Line[] = [{ key, order, intentAt, fence, note }]
  if (doneAt !== undefined) lines.push(failed === undefined ? { key, doneAt, result } : { key, doneAt, failed })
  return lines.map((line) => `${JSON.stringify(line)}\n`)
}
