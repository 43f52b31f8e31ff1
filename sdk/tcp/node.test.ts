import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decompressed } from './decompress.ts'
import { Merge } from './files/merge.ts'
import type { News } from './files/messages.ts'
import { analyseShare } from './files/share.ts'
import { type Captured, joined, pcap, tcpFrame } from './fixtures.ts'
import { CaptureError } from './index.ts'
import { analyseFile, analyseFiles } from './node.ts'
import { ACK, FIN, SYN } from './packet.ts'
import type { SessionRecord, Turn } from './types.ts'

let folder: TemporaryFolder
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(() => folder[Symbol.asyncDispose]())

async function gathered(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece.slice())
  return joined(...all)
}

const kept = async (name: string, content: Uint8Array) => {
  const path = join(folder.path, name)
  await writeFile(path, content)
  return path
}

/** Sessions that overlap, each a question and its answer. */
function conversations(count: number): Uint8Array {
  const captured: Captured[] = []
  for (let number = 0; number < count; number++) {
    const client = { src: `10.1.${number >> 8}.${number & 255}`, dst: '10.0.0.2', sport: 1024 + number, dport: 80 }
    const server = { src: client.dst, dst: client.src, sport: 80, dport: client.sport }
    const say = (at: number, fields: Parameters<typeof tcpFrame>[0]) =>
      captured.push({ at: number * 1e5 + at * 1e6, frame: tcpFrame(fields) })
    say(0, { ...client, flags: SYN, seq: 100 })
    say(10, { ...server, flags: SYN | ACK, seq: 500, ack: 101 })
    say(20, { ...client, seq: 101, ack: 501 })
    say(21, { ...client, seq: 101, ack: 501, length: 40 + (number % 7) })
    say(35, { ...server, seq: 501, ack: 141 + (number % 7), length: 200 })
    say(45, { ...client, seq: 141 + (number % 7), ack: 701, flags: ACK | FIN })
    say(55, { ...server, seq: 701, ack: 142 + (number % 7), flags: ACK | FIN })
  }
  return pcap(captured.toSorted((one, other) => one.at - other.at))
}
const capture = conversations(300)

async function whole(path: string) {
  const records: SessionRecord[] = []
  const summary = await analyseFile(path, { name: 'capture', onSession: (record) => records.push(record) })
  return { records: records.toSorted((one, other) => one.number - other.number), summary }
}

test('a capture says the same as it is, inside gzip, inside several gzip members and inside zstd', async () => {
  const plain = await whole(await kept('plain.pcap', capture))
  expect(plain.summary).toMatchObject({ sessions: 300, packets: 2100, warnings: [] })
  const middle = 12_345
  const members = joined(gzipSync(capture.subarray(0, middle)), gzipSync(capture.subarray(middle)))
  // With one that is to be skipped before them, as pzstd writes, and a checksum.
  const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }
  const skipped = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3)
  const frames = joined(skipped, zstdCompressSync(capture.subarray(0, middle), checked), zstdCompressSync(capture.subarray(middle)))
  for (const [name, content] of [
    ['a.pcap.gz', gzipSync(capture)],
    ['members.pcap.gz', members],
    ['a.pcap.zst', zstdCompressSync(capture)],
    ['frames.pcap.zst', frames],
  ] as const)
    expect(await whole(await kept(name, content)), name).toEqual(plain)
})

test('a packed capture that is cut off or damaged keeps what could be unpacked, and says so', async () => {
  const gzip = gzipSync(capture)
  const middle = gzip.length >> 1
  const damaged = Uint8Array.from(gzip)
  damaged.fill(0x5a, middle, middle + 50)
  for (const [name, content] of [
    ['cut.gz', gzip.subarray(0, middle)],
    ['damaged.gz', damaged],
    ['cut.zst', zstdCompressSync(capture).subarray(0, -9)],
  ] as const) {
    const { summary } = await whole(await kept(name, content))
    if (name.endsWith('.gz')) expect(summary.packets, name).toBeGreaterThan(300)
    expect(summary.warnings.join(' '), name).toMatch(/The (gzip|zstd) around the capture is cut off or damaged/)
  }
})

test('what expands without measure is unpacked piece by piece', async () => {
  const head = pcap([])
  const path = await kept('bomb.gz', gzipSync(joined(head, new Uint8Array(60e6).fill(255))))
  const before = process.memoryUsage().rss
  const { summary } = await whole(path)
  expect(summary.bytes).toBe(24 + 60e6)
  expect(process.memoryUsage().rss - before).toBeLessThan(150e6)
})

test('in a browser gzip is unpacked by the platform, in pieces of any length, and zstd is refused in words', async () => {
  const pieces = async function* (content: Uint8Array, length: number) {
    for (let at = 0; at < content.length; at += length) yield content.subarray(at, at + length)
  }
  const unpacked = async (content: Uint8Array, length: number, warnings: string[] = []) =>
    gathered(decompressed(pieces(content, length), { onWarning: (sentence) => warnings.push(sentence) }))
  expect(await unpacked(gzipSync(capture), 1000)).toEqual(capture)
  expect(await unpacked(capture.subarray(0, 3000), 1)).toEqual(capture.subarray(0, 3000))
  expect(await unpacked(gzipSync(capture.subarray(0, 3000)), 1)).toEqual(capture.subarray(0, 3000))
  const warnings: string[] = []
  await unpacked(gzipSync(capture).subarray(0, 5000), 100, warnings)
  expect(warnings).toHaveLength(1)
  await expect(unpacked(zstdCompressSync(capture), 1000)).rejects.toThrow('The file is packed with zstd, which cannot be unpacked here')
})

test('threads say of several captures what one thread says of each', async () => {
  const paths = [
    await kept('one.pcap', capture),
    await kept('two.pcap.gz', gzipSync(conversations(40))),
    await kept('three.pcap', conversations(7)),
  ]
  const records = new Map<string, SessionRecord[]>()
  const turns: [Turn, number, string][] = []
  const outcomes = await analyseFiles(paths, {
    workers: 2,
    onSession: async (record) => {
      await Promise.resolve()
      records.set(record.capture, [...(records.get(record.capture) ?? []), record])
    },
    onTurn: (...turn) => turns.push(turn),
  })
  for (const [index, path] of paths.entries()) {
    const alone: SessionRecord[] = []
    const summary = await analyseFile(path, { onSession: (record) => alone.push(record) })
    expect(outcomes[index]).toEqual({ path, summary })
    expect(records.get(path)).toEqual(alone)
  }
  expect(turns).toHaveLength(347)
})

test('threads that have no file of their own divide the sessions of another', async () => {
  const path = await kept('divided.pcap', capture)
  const records: SessionRecord[] = []
  const outcomes = await analyseFiles([path], { workers: 2, dividedFrom: 0, onSession: (record) => void records.push(record) })
  const plain = await whole(path)
  expect(outcomes).toEqual([{ path, summary: { ...plain.summary, name: path } }])
  expect(records.toSorted((one, other) => one.number - other.number)).toEqual(plain.records.map((record) => ({ ...record, capture: path })))
})

test('one capture that cannot be read keeps no other from being read, and says why', async () => {
  const missing = join(folder.path, 'missing.pcap')
  const text = await kept('letter.pcap', new TextEncoder().encode('Dear reader, this is no capture.'))
  const good = await kept('good.pcap', conversations(3))
  const outcomes = await analyseFiles([missing, text, good], { workers: 1, onSession: () => {} })
  expect(outcomes).toMatchObject([
    { path: missing, error: { code: 'ENOENT' } },
    { path: text, error: { name: 'CaptureError', at: 0 } },
    { path: good, summary: { sessions: 3 } },
  ])
  await expect(analyseFile(text, { onSession: () => {} })).rejects.toThrow(CaptureError)
})

test('what the caller throws, and a signal to stop, end it', async () => {
  const path = await kept('stop.pcap', capture)
  const refuse = () => Promise.reject(new Error('the shelf is full'))
  await expect(analyseFiles([path], { workers: 1, onSession: refuse })).rejects.toThrow('the shelf is full')
  const abort = new AbortController()
  const stopping = analyseFiles([path], { workers: 1, signal: abort.signal, onSession: () => abort.abort(new Error('enough')) })
  await expect(stopping).rejects.toThrow('enough')
})

/** What each share of the capture would tell. */
async function sharesOf(path: string, of: number): Promise<News[][]> {
  return Promise.all(
    Array.from({ length: of }, async (_, index) => {
      const news: News[] = []
      const order = { path, name: 'capture', shard: { index, of }, liveMax: undefined, turns: true }
      await analyseShare(order, (one) => news.push(structuredClone(one)))
      return news
    }),
  )
}

test('a capture whose sessions are divided is put together as if it had not been, whoever is faster', async () => {
  // Larger than a slice, so that there are several.
  const path = await kept('large.pcap', conversations(2200))
  const plain = await whole(path)
  const shares = await sharesOf(path, 2)
  expect((shares[0] as News[]).filter(({ kind }) => kind === 'slice').length).toBeGreaterThan(1)
  for (const order of ['in turn', 'the last first']) {
    const records: SessionRecord[] = []
    const turns: number[] = []
    const taken = [0, 0]
    const merge = new Merge(
      2,
      { onSession: (record) => void records.push(record), onTurn: (_, session) => void turns.push(session) },
      (share) => {
        ;(taken[share] as number)++
      },
    )
    const all = shares.flatMap((news, share) => news.map((one, at) => ({ one, share, at })))
    if (order === 'in turn') all.sort((one, other) => one.at - other.at)
    if (order === 'the last first') all.sort((one, other) => other.share - one.share)
    for (const { one, share } of all) await merge.add(share, one)
    expect(merge.summary, order).toEqual(plain.summary)
    expect(
      records.toSorted((one, other) => one.number - other.number),
      order,
    ).toEqual(plain.records)
    expect(turns.length, order).toBe(2200)
    expect(taken, order).toEqual(shares.map((news) => news.length))
  }
})
