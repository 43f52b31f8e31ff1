/**
 * Bytes of a capture in, frames out. Whole records are read where they are; only one that is divided between two chunks is
 * copied, so memory is one record (`keptMax`) however long the file is.
 */
import { CaptureError } from './error.ts'
import type { Format, Target } from './format.ts'
import { isPcap, Pcap, pcapHeader } from './pcap.ts'
import { isPcapng, Pcapng } from './pcapng.ts'
import { Findings, type FrameSink, type ReadSummary } from './summary.ts'

export type CaptureReader = {
  /**
   * The next bytes of the file, any number of them; they are not kept.
   * @throws CaptureError when the file is no capture
   */
  push(chunk: Uint8Array): void
  /** @throws CaptureError when there was too little to tell what it is */
  end(): ReadSummary
}

/** What kind of file it is is told by its first bytes, never by its name. */
export function createCaptureReader(sink: FrameSink): CaptureReader {
  return new Reader({ sink, findings: new Findings() })
}

class Reader implements CaptureReader {
  readonly #target: Target
  #format: Format | undefined
  /** Of the file, up to the end of the last chunk. */
  #bytes = 0
  /** The beginning of a record whose end has not come. */
  #carry = new Uint8Array(4096)
  #carryView = new DataView(this.#carry.buffer)
  #carried = 0
  #needed = 4
  #skip = 0

  constructor(target: Target) {
    this.#target = target
  }

  push(chunk: Uint8Array): void {
    const origin = this.#bytes
    this.#bytes += chunk.length
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let at = 0
    while (at < chunk.length && this.#format?.stopped !== true) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, chunk.length - at)
        this.#skip -= skipped
        at += skipped
      } else if (this.#carried > 0 || this.#format === undefined) {
        at += this.#copy(chunk, at, this.#needed - this.#carried)
        if (this.#carried === this.#needed) this.#carriedIsWhole(origin + at - this.#carried)
      } else {
        at = this.#take(this.#format, chunk, view, at, chunk.length, origin)
        if (this.#skip === 0 && !this.#format.stopped) at += this.#copy(chunk, at, chunk.length - at)
      }
    }
  }

  end(): ReadSummary {
    const { findings } = this.#target
    if (this.#format === undefined) {
      const sentence = this.#bytes === 0 ? 'The file is empty: it has no capture in it.' : 'The file ends before a capture begins.'
      throw new CaptureError(sentence, this.#bytes)
    }
    if (!this.#format.stopped && (this.#carried > 0 || this.#skip > 0))
      findings.warn(`The file is cut off in the middle of its last record (at byte ${this.#bytes}); what comes before was read.`)
    return findings.summary(this.#format.name, this.#bytes)
  }

  #take(format: Format, bytes: Uint8Array, view: DataView, at: number, end: number, origin: number): number {
    const stop = format.take(bytes, view, at, end, origin)
    this.#needed = format.needed
    this.#skip = format.skip
    format.skip = 0
    return stop
  }

  /** There are `needed` bytes: either they are what was waited for, or they say how many more are. */
  #carriedIsWhole(origin: number): void {
    if (this.#format === undefined) {
      this.#begin(origin)
      return
    }
    if (this.#take(this.#format, this.#carry, this.#carryView, 0, this.#carried, origin) > 0) this.#carried = 0
  }

  /** The first four bytes tell the format; pcap's header then has twenty more. */
  #begin(origin: number): void {
    const view = this.#carryView
    if (isPcapng(view, 0)) {
      this.#format = new Pcapng(this.#target)
      this.#needed = this.#format.needed
    } else if (isPcap(view, 0)) {
      if (this.#carried < pcapHeader) {
        this.#needed = pcapHeader
        return
      }
      this.#format = new Pcap(view, this.#target)
      this.#needed = this.#format.needed
      this.#carried = 0
    } else throw new CaptureError(notACapture(this.#carry.subarray(0, 4)), origin)
  }

  #copy(chunk: Uint8Array, at: number, wanted: number): number {
    const length = Math.min(wanted, chunk.length - at)
    // Grown by what has come, never by what a length in the file promises.
    if (this.#carried + length > this.#carry.length) {
      const grown = new Uint8Array(Math.max(this.#carried + length, this.#carry.length * 2))
      grown.set(this.#carry.subarray(0, this.#carried))
      this.#carry = grown
      this.#carryView = new DataView(grown.buffer)
    }
    this.#carry.set(chunk.subarray(at, at + length), this.#carried)
    this.#carried += length
    return length
  }
}

function notACapture(first: Uint8Array): string {
  const told = [...first].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  const packed = [
    ['1f 8b', 'gzip'],
    ['28 b5 2f fd', 'zstd'],
    ['42 5a 68', 'bzip2'],
    ['fd 37 7a 58', 'xz'],
    ['50 4b', 'a zip archive'],
    ['04 22 4d 18', 'lz4'],
  ].find(([magic]) => told.startsWith(magic as string))
  if (packed !== undefined) return `The file is ${packed[1]}: unpack it first.`
  return `The file is no capture: it begins with ${told}. pcap and pcapng are read, also inside gzip and zstd; save it as one of them.`
}
