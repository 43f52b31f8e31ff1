/**
 * Cuts a stream of bytes into lines. Each line is decoded as a whole, so a character whose bytes come in two chunks
 * is never torn. A line longer than `bytesMax` is reported once and skipped up to its end.
 */
export function lineCutter(options: { bytesMax: number; onLine: (line: string) => void; onTooLong: () => void }) {
  let parts: Buffer[] = []
  let held = 0
  let skipping = false
  const keep = (part: Buffer) => {
    if (skipping) return
    if (held + part.length > options.bytesMax) {
      parts = []
      held = 0
      skipping = true
      options.onTooLong()
      return
    }
    parts.push(part)
    held += part.length
  }
  const finish = () => {
    if (!skipping) options.onLine((parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString('utf8'))
    parts = []
    held = 0
    skipping = false
  }
  return {
    push(chunk: Buffer): void {
      let start = 0
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        keep(chunk.subarray(start, end))
        finish()
        start = end + 1
      }
      if (start < chunk.length) keep(chunk.subarray(start))
    },
    /** The rest, when the stream ended without a last newline. */
    end(): void {
      if (held > 0) finish()
    },
  }
}
