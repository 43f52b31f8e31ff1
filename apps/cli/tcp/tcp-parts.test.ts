import fc from 'fast-check'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SessionRecord } from '@belay/tcp'
import { type CapturePartInput, networkPartMax, routes } from '@belay/protocol'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startMs } from '../fixtures.ts'
import { captureHostOption, interfaceOption, sizeOption } from '../commands/tcp/options.ts'
import { Foremost, hostOption, isWanted, limitOption, portOption, Totals } from './choose.ts'
import { aCapture, aSession } from './fixtures.ts'
import { JsonStream } from './json-stream.ts'
import { RecordSplitter, Ring } from './ring.ts'
import { CaptureSender } from './sending.ts'

const scored = (value: number, number: number): SessionRecord => aSession({ number, score: { ...aSession().score, value } })

describe('the foremost of many sessions', () => {
  test('are those that sorting all of them would give, in any order of coming', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (scores, most) => {
        const kept = new Foremost('score', most)
        const all = scores.map((score, number) => scored(score, number))
        for (const it of all) kept.add(it)
        const expected = all.toSorted((a, b) => a.score.value - b.score.value || a.number - b.number).slice(0, most)
        expect(kept.sorted().map(({ number }) => number)).toEqual(expected.map(({ number }) => number))
        expect(kept.count).toBe(scores.length)
      }),
      { numRuns: 60 },
    )
  })

  test('by another figure are those that have the most of it', () => {
    const kept = new Foremost('duration', 1)
    for (const duration of [1, 9, 3]) kept.add(aSession({ duration }))
    expect(kept.sorted()[0]?.duration).toBe(9)
  })
})

describe('a filter', () => {
  const cases: readonly [story: string, choice: Parameters<typeof isWanted>[1], wanted: boolean][] = [
    ['of nothing takes everything', {}, true],
    ['of a network takes either end', { hosts: hostOption('192.0.2.0/24') }, true],
    ['of an address takes no other', { hosts: hostOption('10.0.0.8,2001:db8::1') }, false],
    ['of ports takes either end', { ports: portOption('80,443') }, true],
    ['of other ports takes none', { ports: portOption('5432') }, false],
    ['of a limit takes what it limits', { limits: limitOption('slow-start,Loss') }, true],
    ['of a time takes what was open then', { from: startMs + 12_000, to: startMs + 13_000 }, true],
    ['of a later time does not', { from: startMs + 13_000 }, false],
    ['of an earlier time does not', { to: startMs }, false],
  ]
  test.each(cases)('%s', (_, choice, wanted) => expect(isWanted(aSession(), choice)).toBe(wanted))

  const wrong: readonly [read: () => unknown, says: RegExp][] = [
    [() => hostOption('10.0.0.0/33'), /10\.0\.0\.0\/8/],
    [() => hostOption('example.test'), /Write an address/],
    [() => portOption('65536'), /from 0 to 65535/],
    [() => limitOption('speed'), /Choose from handshake, slow-start/],
    [() => sizeOption('64 parsec'), /64MB/],
    [() => sizeOption('0'), /64MB/],
    [() => interfaceOption('-w'), /name of an interface/],
    [() => captureHostOption('a or port 1'), /one address/],
  ]
  test.each(wrong)('that cannot be understood says how to write it (%#)', (read, says) => expect(read).toThrow(says))

  test('sizes are read in both families of units', () => {
    expect(['64MB', '64MiB', '1.5g', '800kB', '12'].map(sizeOption)).toEqual([64e6, 64 * 2 ** 20, 1.5e9, 8e5, 12])
  })
})

test('totals count every session by grade and limit', () => {
  const totals = new Totals()
  for (const it of [aSession(), aSession()]) totals.add(it)
  expect(totals).toMatchObject({ sessions: 2, grades: { good: 0, fair: 2, poor: 0 }, bytes: 2 * 1_061_200 })
  expect(totals.limits.get('loss')).toBe(2)
})

test('a document that is written piece by piece is the JSON that it would be in one', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue(), { maxLength: 5 }), fc.boolean(), (items, isList) => {
      let text = ''
      const document = new JsonStream((piece) => void (text += piece))
      document.field('schemaVersion', 1)
      if (isList) document.list('sessions')
      for (const item of items) document.item('sessions', item)
      document.field('captures', [])
      document.end()
      const sessions = isList || items.length > 0 ? { sessions: JSON.parse(JSON.stringify(items)) } : {}
      expect(JSON.parse(text)).toEqual({ schemaVersion: 1, ...sessions, captures: [] })
    }),
    { numRuns: 50 },
  )
})

/** A pcap header and records of these sizes. */
function pcapOf(sizes: readonly number[], magic = 0xa1b23c4d): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(magic, 0)
  const records = sizes.map((size, nth) => {
    const record = Buffer.alloc(16 + size, nth)
    record.writeUInt32LE(size, 8)
    record.writeUInt32LE(size, 12)
    return record
  })
  return Buffer.concat([header, ...records])
}

describe('a ring of files', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'belay-ring-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  const now = (): Date => new Date(startMs)

  test('cuts between records, wherever the pieces of the stream end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(300), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 30 }),
        (sizes, steps) => {
          const whole = pcapOf(sizes)
          const splitter = new RecordSplitter()
          const found: Buffer[] = []
          let at = 0
          for (const step of [...steps, whole.length]) {
            const { whole: bytes, ends } = splitter.push(whole.subarray(at, at + step))
            expect(ends.at(-1) ?? 0).toBe(bytes.length)
            found.push(Buffer.from(bytes))
            at = Math.min(whole.length, at + step)
          }
          expect(Buffer.concat([splitter.header ?? Buffer.alloc(0), ...found])).toEqual(whole)
          expect(splitter.records).toBe(sizes.length)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('never holds more than its bound, and each file is a capture of whole records', async () => {
    const ring = await Ring.open(folder, { fileBytes: 1_000, files: 3 }, now)
    const stream = pcapOf(Array.from({ length: 60 }, (_, nth) => 40 + nth))
    for (let at = 0; at < stream.length; at += 97) {
      await ring.write(stream.subarray(at, at + 97))
      const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size))
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(3_000)
    }
    await ring.close()
    expect(ring.files).toHaveLength(3)
    expect(ring.removed).toBeGreaterThan(2)
    for (const name of ring.files) {
      const file = await readFile(join(folder, name))
      const splitter = new RecordSplitter()
      expect(splitter.push(file).whole.length).toBe(file.length - 24)
    }
  })

  test('counts what an earlier ring left, and leaves other files alone', async () => {
    await writeFile(join(folder, 'notes.txt'), 'mine')
    for (let run = 0; run < 3; run++) {
      const ring = await Ring.open(folder, { fileBytes: 500, files: 2 }, () => new Date(startMs + run * 60_000))
      await ring.write(pcapOf([300, 300]))
      await ring.close()
    }
    expect((await readdir(folder)).toSorted()).toEqual(['belay-20261122T120200-0001.pcap', 'belay-20261122T120200-0002.pcap', 'notes.txt'])
  })

  test('takes nothing that is no capture', async () => {
    const ring = await Ring.open(folder, { fileBytes: 500, files: 2 }, now)
    await expect(ring.write(Buffer.alloc(100, 7))).rejects.toThrow(/no capture/)
  })
})

describe('sending', () => {
  const head = { id: 'abcdefgh', environment: 'production', host: 'web1', label: '', resources: null }
  const turn = { startedMs: 1, requestMs: 1, serverMs: 1, responseMs: 1, ackMs: 1, requestBytes: 1, responseBytes: 1, lost: 0 }

  test('divides a capture into parts that the server takes, each with a number of its own, and ends with the last', async () => {
    const parts: CapturePartInput[] = []
    const sender = new CaptureSender(head, async (part) => {
      parts.push(part)
      return { counted: true }
    })
    for (let number = 0; number < 450; number++) {
      sender.turn(turn, number)
      sender.session(aSession({ number }))
      await sender.flushFull(aCapture())
    }
    await sender.trace(7, new Uint8Array(networkPartMax.traceChunk * 2), aCapture())
    await sender.end(aCapture())
    for (const part of parts) {
      expect(() => routes.network.send.body.parse(part)).not.toThrow()
      expect(JSON.stringify(part).length).toBeLessThan(networkPartMax.bytes)
    }
    expect(parts.map(({ part }) => part)).toEqual(parts.map((_, nth) => nth + 1))
    expect(parts.filter(({ last }) => last)).toEqual([parts.at(-1)])
    expect(parts.flatMap(({ sessions }) => sessions ?? []).map(({ number }) => number)).toEqual(
      Array.from({ length: 450 }, (_, nth) => nth),
    )
    expect(parts.flatMap(({ turns }) => turns ?? [])).toHaveLength(450)
    const chunks = parts.flatMap(({ traces }) => traces ?? [])
    expect(chunks.map(({ session, chunk, chunks: of }) => [session, chunk, of])).toEqual([0, 1, 2].map((nth) => [7, nth, 3]))
    expect(Buffer.concat(chunks.map(({ data }) => Buffer.from(data, 'base64')))).toHaveLength(networkPartMax.traceChunk * 2)
  })

  test('sends the same part again when its answer was lost, and drops the oldest when the server stays away', async () => {
    const parts: CapturePartInput[] = []
    let fails = true
    const sender = new CaptureSender(head, async (part) => {
      parts.push(part)
      if (fails) throw new Error('away')
      return { counted: true }
    })
    for (let number = 0; number < 5; number++) sender.session(aSession({ number }))
    await expect(sender.flush(aCapture())).rejects.toThrow('away')
    fails = false
    sender.dropBeyond(3)
    await sender.flush(aCapture())
    expect(parts.map(({ part, sessions }) => [part, sessions?.map(({ number }) => number)])).toEqual([
      [1, [0, 1, 2, 3, 4]],
      [1, [2, 3, 4]],
    ])
    expect(sender.dropped.sessions).toBe(2)
  })

  test('holds turns until it is known whose they are, and forgets those of sessions that are not wanted', async () => {
    const parts: CapturePartInput[] = []
    const sender = new CaptureSender(head, async (part) => {
      parts.push(part)
      return { counted: true }
    })
    sender.turn(turn, 1)
    sender.turn(turn, 2)
    await sender.flush(aCapture())
    expect(parts).toEqual([])
    sender.know(aSession({ number: 1 }))
    sender.forget(2)
    sender.turn(turn, 1)
    await sender.flush(aCapture())
    expect(parts[0]?.turns).toMatchObject([
      { session: 1, client: aSession().client, sessionStartedMs: startMs },
      { session: 1, server: aSession().server },
    ])
  })
})
