/**
 * A service's log: the service appends to `log` itself, so that it needs nobody to take its words. When the file is
 * large it is copied to `log.1` and emptied in place, because the service holds it open.
 */
import { closeSync, ftruncateSync, openSync, readSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { systemClock } from '@belay/base'

/** New lines reach whoever follows this soon. */
const pollMs = 100
/** Rotation in front of a reader that is so far behind leaves a gap, and says so. */
const behindBytesMax = 1024 * 1024
/** A line that long is cut in two rather than kept back. */
const lineBytesMax = 64 * 1024
const readBytes = 64 * 1024

type Follower = { position: number; pending: Buffer }

export class ServiceLog {
  readonly path: string
  readonly #followers = new Set<Follower>()

  constructor(path: string) {
    this.path = path
  }

  size(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** In one go, so that nothing which this program does falls between the copy and the cut. */
  rotateWhenOver(bytesMax: number): void {
    if (this.size() <= bytesMax) return
    const file = openSync(this.path, 'r+')
    try {
      const size = this.size()
      for (const follower of this.#followers) {
        const from = Math.max(follower.position, size - behindBytesMax)
        const gap =
          from > follower.position ? Buffer.from(`[${from - follower.position} bytes of the log were left out here]\n`) : Buffer.alloc(0)
        follower.pending = Buffer.concat([follower.pending, gap, readRange(file, from, size)])
        follower.position = 0
      }
      // On a full disk the older part is lost rather than the bound.
      try {
        writeFileSync(`${this.path}.1.new`, readRange(file, Math.max(0, size - bytesMax), size), { mode: 0o600 })
        renameSync(`${this.path}.1.new`, `${this.path}.1`)
      } catch {
        rmSync(`${this.path}.1.new`, { force: true })
      }
      ftruncateSync(file, 0)
    } finally {
      closeSync(file)
    }
  }

  lastLines(count: number, from = 0): string[] {
    const here = linesOf(readWhole(this.path, from))
    const before = from === 0 && here.length < count ? linesOf(readWhole(`${this.path}.1`, 0)) : []
    return count === 0 ? [] : [...before, ...here].slice(-count)
  }

  /** Hands out the last `lines` lines, then, while `follow`, each new one; always whole lines. */
  async read(it: { lines: number; follow: boolean }, emit: (text: string) => Promise<void>, signal: AbortSignal): Promise<void> {
    const size = this.size()
    const last = this.lastLines(it.lines)
    const wholeUntil = it.follow ? size - unfinished(readWhole(this.path, 0).subarray(0, size)) : size
    const follower: Follower = { position: wholeUntil, pending: Buffer.alloc(0) }
    if (!it.follow) {
      if (last.length > 0) await emit(`${last.join('\n')}\n`)
      return
    }
    this.#followers.add(follower)
    try {
      // A line that is being written comes when it is whole, with the new ones.
      if (wholeUntil < size) last.pop()
      if (last.length > 0) await emit(`${last.join('\n')}\n`)
      while (!signal.aborted) {
        this.#take(follower)
        const end = follower.pending.length >= lineBytesMax ? follower.pending.length : follower.pending.lastIndexOf(10) + 1
        if (end > 0) {
          const text = follower.pending.toString('utf8', 0, end)
          follower.pending = follower.pending.subarray(end)
          await emit(text)
        } else await systemClock.sleep(pollMs, signal).catch(() => {})
      }
    } finally {
      this.#followers.delete(follower)
    }
  }

  #take(follower: Follower): void {
    const size = this.size()
    // Somebody else emptied it.
    if (size < follower.position) follower.position = 0
    if (size === follower.position) return
    const file = openSync(this.path, 'r')
    try {
      const bytes = readRange(file, follower.position, Math.min(size, follower.position + readBytes))
      follower.position += bytes.length
      follower.pending = Buffer.concat([follower.pending, bytes])
    } finally {
      closeSync(file)
    }
  }
}

function readRange(file: number, from: number, to: number): Buffer {
  const buffer = Buffer.alloc(Math.max(0, to - from))
  let filled = 0
  while (filled < buffer.length) {
    const count = readSync(file, buffer, filled, buffer.length - filled, from + filled)
    if (count === 0) break
    filled += count
  }
  return buffer.subarray(0, filled)
}

/** Both files of a log together have a bound, so reading one whole has one as well. */
function readWhole(path: string, from: number): Buffer {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size <= from) return Buffer.alloc(0)
  const file = openSync(path, 'r')
  try {
    return readRange(file, from, size)
  } finally {
    closeSync(file)
  }
}

function linesOf(bytes: Buffer): string[] {
  const lines = bytes.toString('utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

/** How many bytes stand behind the last newline. */
function unfinished(bytes: Buffer): number {
  return bytes.length - (bytes.lastIndexOf(10) + 1)
}
