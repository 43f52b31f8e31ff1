/** Reads an uploaded list: one key a line. Nothing is kept before the last line was read. */
import { isAscii, isUtf8 } from 'node:buffer'
import { setImmediate } from 'node:timers/promises'
import { keyMaxBytes, listMaxBytes, listMaxKeys, whyNoKey } from './limits.ts'
import { segmentProblem } from './problems.ts'

/** The keys without duplicates, and their bytes with one line break each. */
export type Keys = { readonly keys: ReadonlySet<string>; readonly bytes: number }

/** About 5 ms of work; then others have their turn. */
const blockBytes = 256 * 1_024
const newLine = 0x0a
const carriageReturn = 0x0d
/** What Windows editors put at the beginning of a UTF-8 file. */
const byteOrderMark = '\ufeff'

/**
 * CRLF is taken as a line break, blank lines are passed over, duplicates count once.
 * @throws Problem `segment-bad-line`, `segment-too-large`; and whatever the stream fails with.
 */
export async function readKeys(upload: AsyncIterable<Uint8Array | string>, segment: string): Promise<Keys> {
  const keys = new Set<string>()
  let bytes = 0
  let line = 0
  let rest: Buffer = Buffer.alloc(0)

  function takeLines(block: Buffer): void {
    if (!isUtf8(block)) throw badLine(line + linesBeforeBadUtf8(block) + 1, 'is not UTF-8')
    const ascii = isAscii(block)
    const plain = !block.includes(carriageReturn) && !block.includes(0)
    const lines = block.toString(ascii ? 'latin1' : 'utf8').split('\n')
    if (line === 0 && lines[0]?.startsWith(byteOrderMark)) lines[0] = lines[0].slice(1)
    for (const text of lines) {
      line++
      const key = plain || !text.endsWith('\r') ? text : text.slice(0, -1)
      if (key.trim() === '') continue
      if (!plain || key.length * 3 > keyMaxBytes) {
        const because = whyNoKey(key)
        if (because !== undefined) throw badLine(line, because)
      }
      const before = keys.size
      if (keys.add(key).size === before) continue
      bytes += (ascii ? key.length : Buffer.byteLength(key)) + 1
      if (keys.size > listMaxKeys || bytes > listMaxBytes)
        throw segmentProblem('segment-too-large', { key: segment, max: listMaxKeys, maxBytes: listMaxBytes })
    }
  }
  const badLine = (at: number, because: string) => segmentProblem('segment-bad-line', { key: segment, line: at, because })

  for await (const piece of upload) {
    const whole = typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
    for (let start = 0; start < whole.length; start += blockBytes) {
      const slice = whole.subarray(start, start + blockBytes)
      const block = rest.length === 0 ? slice : Buffer.concat([rest, slice])
      const end = block.lastIndexOf(newLine)
      // Two more than a key may have: its line break.
      if (end < 0 && block.length > keyMaxBytes + 2) throw badLine(line + 1, `is longer than ${keyMaxBytes} bytes`)
      if (end >= 0) takeLines(block.subarray(0, end))
      rest = block.subarray(end + 1)
      if (whole.length > blockBytes) await setImmediate()
    }
  }
  if (rest.length > 0) takeLines(rest)
  return { keys, bytes }
}

/** How many whole lines stand before the first one that is not UTF-8. */
function linesBeforeBadUtf8(block: Buffer): number {
  let count = 0
  for (let start = 0; ; count++) {
    const end = block.indexOf(newLine, start)
    if (end < 0 || !isUtf8(block.subarray(start, end))) return count
    start = end + 1
  }
}
