/**
 * A ring of capture files: when one is full the next begins, and the oldest goes before there would be too many. What an
 * earlier ring left in the folder counts too, so that the bound on the disk holds over restarts.
 */
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

export type RingSize = {
  /** Of one file, bytes. */
  readonly fileBytes: number
  readonly files: number
}

const fileHeader = 24
const recordHeader = 16
/** Nanoseconds, in the byte order of the machine that captures. */
const magics: ReadonlyMap<number, 'little' | 'big'> = new Map([
  ...([0xa1b23c4d, 0xa1b2c3d4] as const).map((magic) => [magic, 'little'] as const),
  ...([0x4d3cb2a1, 0xd4c3b2a1] as const).map((magic) => [magic, 'big'] as const),
])
/** libpcap's own bound on a snapshot; more in a header is no header. */
const capturedMax = 262_144

/** Cuts a pcap stream between its records. */
export class RecordSplitter {
  /** The header with which every file begins; known after the first 24 bytes. */
  header: Buffer | undefined
  #rest: Buffer = Buffer.alloc(0)
  #order: 'little' | 'big' = 'little'
  records = 0

  /**
   * @returns bytes that hold whole records alone, and where each of them ends
   * @throws Error when it is no pcap stream
   */
  push(bytes: Buffer): { readonly whole: Buffer; readonly ends: readonly number[] } {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    if (this.header === undefined) {
      if (data.length < fileHeader) {
        this.#rest = Buffer.from(data)
        return { whole: Buffer.alloc(0), ends: [] }
      }
      const order = magics.get(data.readUInt32LE(0))
      if (order === undefined) throw new Error('tcpdump wrote something that is no capture.')
      this.#order = order
      this.header = Buffer.from(data.subarray(0, fileHeader))
      data = data.subarray(fileHeader)
    }
    const ends: number[] = []
    let at = 0
    while (data.length - at >= recordHeader) {
      const captured = this.#order === 'little' ? data.readUInt32LE(at + 8) : data.readUInt32BE(at + 8)
      if (captured > capturedMax) throw new Error(`tcpdump wrote a record of ${captured} bytes, which is none.`)
      const end = at + recordHeader + captured
      if (end > data.length) break
      ends.push(end)
      at = end
    }
    this.records += ends.length
    // A copy: the memory of what was pushed may be used again.
    this.#rest = Buffer.from(data.subarray(at))
    return { whole: data.subarray(0, at), ends }
  }
}

const nameOf = (at: Date, serial: number): string =>
  `belay-${at.toISOString().replace(/[-:]/g, '').slice(0, 15)}-${String(serial).padStart(4, '0')}.pcap`
const isOurs = /^belay-\d{8}T\d{6}-\d{4,}\.pcap$/

type RingFile = { readonly name: string; bytes: number }

export class Ring {
  readonly #folder: string
  readonly #size: RingSize
  readonly #splitter = new RecordSplitter()
  readonly #now: () => Date
  #handle: FileHandle | undefined
  #serial = 0
  #files: RingFile[] = []
  /** Files that were removed to make room. */
  removed = 0

  private constructor(folder: string, size: RingSize, now: () => Date) {
    this.#folder = folder
    this.#size = size
    this.#now = now
  }

  /** @param now names the files */
  static async open(folder: string, size: RingSize, now: () => Date = () => new Date()): Promise<Ring> {
    await mkdir(folder, { recursive: true })
    const ring = new Ring(folder, size, now)
    // Names are times with serial numbers, so that their order is that of their making.
    for (const name of (await readdir(folder)).filter((it) => isOurs.test(it)).toSorted())
      ring.#files.push({ name, bytes: (await stat(join(folder, name))).size })
    return ring
  }

  get records(): number {
    return this.#splitter.records
  }
  get files(): readonly string[] {
    return this.#files.map(({ name }) => name)
  }
  /** What the ring holds now, earlier files with it. */
  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** @throws Error when tcpdump writes no capture, or the disk takes no more */
  async write(bytes: Buffer): Promise<void> {
    const { whole, ends } = this.#splitter.push(bytes)
    let written = 0
    let last = 0
    for (const end of ends) {
      const file = this.#files.at(-1)
      if (this.#handle === undefined || file === undefined || file.bytes + end - written > this.#size.fileBytes) {
        await this.#append(whole.subarray(written, last))
        written = last
        await this.#next()
      }
      last = end
    }
    await this.#append(whole.subarray(written, last))
  }

  /** Every record that came whole is in a file then. */
  async close(): Promise<void> {
    await this.#handle?.close()
    this.#handle = undefined
  }

  async #append(bytes: Buffer): Promise<void> {
    const file = this.#files.at(-1)
    if (bytes.length === 0 || file === undefined) return
    await this.#handle?.write(bytes)
    file.bytes += bytes.length
  }

  async #next(): Promise<void> {
    await this.close()
    const { files, fileBytes } = this.#size
    while (this.#files.length > 0 && (this.#files.length >= files || this.bytes + fileBytes > files * fileBytes)) {
      const oldest = this.#files.shift()
      await rm(join(this.#folder, oldest?.name ?? ''), { force: true })
      this.removed++
    }
    const file = { name: nameOf(this.#now(), ++this.#serial), bytes: 0 }
    this.#handle = await open(join(this.#folder, file.name), 'wx')
    this.#files.push(file)
    if (this.#splitter.header !== undefined) await this.#append(this.#splitter.header)
  }
}
