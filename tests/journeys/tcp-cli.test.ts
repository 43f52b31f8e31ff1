/** `belay tcp` as a shell sees it: over captures made here, over what is no capture, and live over the loopback. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { CaptureSummary, SessionRecord } from '@belay/tcp'
import { limits } from '@belay/tcp'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli } from './guide.ts'

let place: TemporaryFolder
const at = (name: string): string => join(place.path, name)

type Ended = { readonly status: number | null; readonly stdout: string; readonly stderr: string }

async function belay(args: readonly string[], input: Uint8Array = new Uint8Array(0)): Promise<Ended> {
  const child = spawn(process.execPath, [cli, 'tcp', ...args], { cwd: place.path, env: { ...process.env, NO_COLOR: '1' } })
  const texts = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text))
  child.stdin.on('error', () => {}).end(input)
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, ...texts }
}

const fin = 1
const syn = 2
const ack = 16
const beganSec = 1_795_348_800

type Segment = {
  readonly atMs: number
  readonly up: boolean
  readonly flags: number
  readonly seq: number
  readonly ack: number
  readonly length?: number
}

/** IPv4 and TCP without Ethernet (link type 101); nobody looks at checksums. */
function record(client: number, { atMs, up, flags, seq, ack: acked, length = 0 }: Segment, id: number): Buffer {
  const packet = Buffer.alloc(40 + length)
  packet.set([0x45, 0], 0)
  packet.writeUInt16BE(packet.length, 2)
  packet.writeUInt16BE(id, 4)
  packet.set([64, 6, 0, 0, 10, 0, 0, up ? 1 : 2, 10, 0, 0, up ? 2 : 1], 8)
  packet.writeUInt16BE(up ? client : 443, 20)
  packet.writeUInt16BE(up ? 443 : client, 22)
  packet.writeUInt32BE(seq, 24)
  packet.writeUInt32BE(acked, 28)
  packet.writeUInt16BE(0x5000 | flags, 32)
  packet.writeUInt16BE(0xffff, 34)
  const head = Buffer.alloc(16)
  head.writeUInt32LE(beganSec + Math.floor(atMs / 1_000), 0)
  head.writeUInt32LE(Math.round((atMs % 1_000) * 1_000), 4)
  head.writeUInt32LE(packet.length, 8)
  head.writeUInt32LE(packet.length, 12)
  return Buffer.concat([head, packet])
}

/** A request, and `packets` of an answer, of which every `lostEvery`th is sent again 250 ms later. */
function capture(
  sessions: readonly { readonly client: number; readonly rttMs: number; readonly packets: number; readonly lostEvery?: number }[],
): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.set([2, 0, 4, 0], 4)
  header.writeUInt32LE(262_144, 16)
  header.writeUInt32LE(101, 20)
  const records = sessions.flatMap(({ client, rttMs, packets, lostEvery = Number.POSITIVE_INFINITY }) => {
    let nowMs = 0
    let id = 1
    const out: Buffer[] = []
    const add = (segment: Omit<Segment, 'atMs'>): void => void out.push(record(client, { atMs: nowMs, ...segment }, id++))
    add({ up: true, flags: syn, seq: 1_000, ack: 0 })
    nowMs += rttMs
    add({ up: false, flags: syn | ack, seq: 5_000, ack: 1_001 })
    nowMs += 0.1
    add({ up: true, flags: ack, seq: 1_001, ack: 5_001 })
    add({ up: true, flags: ack, seq: 1_001, ack: 5_001, length: 100 })
    nowMs += rttMs
    let seq = 5_001
    for (let nth = 1; nth <= packets; nth++) {
      add({ up: false, flags: ack, seq, ack: 1_101, length: 1_000 })
      if (nth % lostEvery === 0) {
        nowMs += 250
        add({ up: false, flags: ack, seq, ack: 1_101, length: 1_000 })
      }
      seq += 1_000
      nowMs += rttMs
      add({ up: true, flags: ack, seq: 1_101, ack: seq })
    }
    add({ up: false, flags: fin | ack, seq, ack: 1_101 })
    add({ up: true, flags: fin | ack, seq: 1_101, ack: seq + 1 })
    nowMs += rttMs
    add({ up: false, flags: ack, seq: seq + 1, ack: 1_102 })
    return out
  })
  return Buffer.concat([header, ...records])
}

const good = { client: 40_000, rttMs: 20, packets: 40 }
const bad = { client: 40_001, rttMs: 80, packets: 40, lostEvery: 4 }

beforeAll(async () => {
  place = await temporaryFolder()
  const both = capture([good, bad])
  await writeFile(at('both.pcap'), both)
  await writeFile(at('both.pcap.gz'), gzipSync(both))
  await writeFile(at('both.pcap.zst'), zstdCompressSync(both))
  await writeFile(at('cut.pcap'), both.subarray(0, both.length - 30))
  await writeFile(at('letter.pcap'), 'Dear Sir or Madam, this is no capture at all.')
  await writeFile(at('empty.pcap'), '')
  const side = (rttMs: number) =>
    capture(Array.from({ length: 12 }, (_, nth) => ({ client: 41_000 + nth, rttMs: rttMs + nth, packets: 8 })))
  await writeFile(at('far.pcap'), side(90))
  await writeFile(at('near.pcap'), side(20))
})
afterAll(() => place[Symbol.asyncDispose]())

type Document = { schemaVersion: number; captures: CaptureSummary[]; sessions: SessionRecord[]; errors?: { code: string }[] }

describe('a capture', () => {
  test('is one JSON document whose sessions have every field of their record, packed or not, from a file or a pipe', async () => {
    const [file, gzip, zstd, pipe] = await Promise.all([
      belay(['both.pcap', '--json']),
      belay(['both.pcap.gz', '--json']),
      belay(['both.pcap.zst', '--json']),
      belay(['-', '--json'], capture([good, bad])),
    ])
    const documents = [file, gzip, zstd, pipe].map(({ status, stdout, stderr }) => {
      expect([status, stderr]).toEqual([0, ''])
      return JSON.parse(stdout) as Document
    })
    const [document] = documents as [Document]
    expect(Object.keys(document).toSorted()).toEqual(['captures', 'schemaVersion', 'sessions'])
    expect(document.captures).toMatchObject([
      { name: 'both.pcap', sessions: 2, format: expect.stringContaining('pcap'), notUnderstood: {}, warnings: [] },
    ])
    const sessions = document.sessions.toSorted((a, b) => a.number - b.number)
    expect(sessions[1]).toMatchObject({
      ...{ number: 1, capture: 'both.pcap', opener: 'syn', close: 'fin', started: '2026-11-22T12:00:00.000000000Z' },
      client: { address: '10.0.0.1', port: 40_001 },
      server: { address: '10.0.0.2', port: 443 },
      handshake: { state: 'complete', rttMs: 80.1 },
      directions: [{ goodBytes: 100 }, { goodBytes: 40_000, retransmissions: { segments: 10 } }],
    })
    for (const { limits: times, duration, score, verdict } of sessions) {
      expect(Object.keys(times)).toEqual([...limits])
      expect(Object.values(times).reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(duration * 1_000, 3)
      expect(score.value).toBeGreaterThanOrEqual(0)
      expect(verdict.because).not.toBe('')
    }
    // What differs between them is the name of the capture alone.
    const bare = documents.map((it) => it.sessions.map((session) => ({ ...session, capture: '' })))
    for (const other of bare.slice(1)) expect(other).toEqual(bare[0])
  })

  test('is a table with the worst first, rows for cut and awk, or CSV; filters choose', async () => {
    const [rows, csv, one, none] = await Promise.all([
      belay(['both.pcap']),
      belay(['both.pcap', '--csv']),
      belay(['both.pcap', '--host', '10.0.0.0/24', '--port', '40000', '--csv']),
      belay(['both.pcap', '--from', '2027-01-01', '--json']),
    ])
    expect(
      rows.stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t').slice(0, 4).join(' ')),
    ).toEqual(['both.pcap 1 10.0.0.1:40001 10.0.0.2:443', 'both.pcap 0 10.0.0.1:40000 10.0.0.2:443'])
    expect(csv.stdout.split('\r\n')).toHaveLength(4)
    expect(one.stdout.split('\r\n').slice(1)).toEqual([expect.stringMatching(/^both\.pcap,0,10\.0\.0\.1:40000,/), ''])
    expect(JSON.parse(none.stdout)).toMatchObject({ sessions: [], captures: [{ sessions: 2 }] })
  })

  test('tells one session in words', async () => {
    const { status, stdout } = await belay(['both.pcap', '--session', '1'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^10\.0\.0\.1:40001 → 10\.0\.0\.2:443 {2}session 1 of both\.pcap\n\d+ of 100, (good|fair|poor) {2}\S/)
    for (const title of ['What its time went into', 'Over time', 'What happened', 'How the score is made'])
      expect(stdout).toContain(`\n${title}\n`)
    expect(stdout).not.toContain('\u001b')
  })

  test('that is cut off is read as far as it goes, and says so', async () => {
    const { status, stdout, stderr } = await belay(['cut.pcap'])
    expect([status, stdout.trim().split('\n').length]).toEqual([0, 2])
    expect(stderr).toMatch(/cut off/)
  })
})

describe('what is no capture', () => {
  const cases: readonly [args: string[], status: number, code: string, says: RegExp][] = [
    [['letter.pcap'], 1, 'no-capture', /letter\.pcap: The file is no capture/],
    [['empty.pcap'], 1, 'no-capture', /empty\.pcap: The file is empty/],
    [['nowhere.pcap'], 1, 'file-unreadable', /nowhere\.pcap cannot be read: there is no such file/],
    [['.'], 1, 'file-unreadable', /it is a folder/],
    [['both.pcap', '--session', '9'], 1, 'no-such-session', /both\.pcap has no session 9; they are numbered from 0 to 1/],
    [['compare', 'both.pcap'], 2, 'usage', /Name two captures/],
    [['both.pcap', '--port', 'ssh'], 2, 'usage', /Write a port/],
  ]
  test.concurrent.each(cases)('belay tcp %j ends with %i and a sentence', async (args, status, code, says) => {
    const [plain, json] = await Promise.all([belay(args), belay([...args, '--json'])])
    expect([plain.status, plain.stdout]).toEqual([status, ''])
    expect(plain.stderr).toMatch(says)
    expect(plain.stderr).not.toMatch(/at .*\.ts:\d+/)
    expect([json.status, JSON.parse(json.stdout)]).toMatchObject([status, { error: { code, message: expect.stringMatching(says) } }])
  })

  test('does not keep the others from being read', async () => {
    const { status, stdout } = await belay(['letter.pcap', 'both.pcap', '--json'])
    expect([status, JSON.parse(stdout)]).toMatchObject([
      1,
      { sessions: [{}, {}], captures: [{ name: 'both.pcap' }], errors: [{ code: 'no-capture' }] },
    ])
  })
})

describe('a comparison', () => {
  test('of a network with itself shows no difference; of a nearer one with a farther, that it is better', async () => {
    const [same, nearer] = await Promise.all([
      belay(['compare', 'far.pcap', 'far.pcap', '--json']),
      belay(['compare', 'far.pcap', 'near.pcap', '--cpu-a', '4s', '--cpu-b', '1s', '--json']),
    ])
    expect(JSON.parse(same.stdout).comparison.outcome).toBe('no difference shown')
    const { comparison } = JSON.parse(nearer.stdout)
    expect(comparison).toMatchObject({
      outcome: 'better in B',
      sessions: { a: 12, b: 12 },
      costs: { a: { cpuMs: 4_000 }, b: { cpuMs: 1_000 } },
    })
    expect((await belay(['compare', '--a', 'far.pcap', '--b', 'far.pcap'])).stdout).toMatch(/[Nn]o difference shown/)
  })
})

test('live shows a session over the loopback while it lives, and ends with a summary', async () => {
  const server = createServer((socket: Socket) => socket.pipe(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const child = spawn(process.execPath, [cli, 'tcp', 'live', '-i', 'lo', '--port', String(port), '--every', '200ms', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const events: { event: string; source?: string; rows?: { to: string; from: string; bytes: number }[]; session?: SessionRecord }[] = []
    let socket: Socket | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      const it = JSON.parse(line) as (typeof events)[number]
      events.push(it)
      // It listens from the first interval on.
      if (socket === undefined) {
        socket = connect(port, '127.0.0.1')
        socket.write(Buffer.alloc(50_000))
        socket.resume()
      }
      if (it.rows?.some(({ to, from, bytes }) => `${to} ${from}`.includes(`:${port}`) && bytes >= 50_000)) child.kill('SIGINT')
    }
    socket?.destroy()
    // Where packets may not be captured the kernel's own counters are asked, and they tell the same session.
    const { source } = events[0] ?? {}
    expect(events.at(-1)?.event).toBe('end')
    if (source === 'packets') {
      const session = events.find(({ event }) => event === 'session')?.session
      expect(session).toMatchObject({ server: { address: '127.0.0.1', port }, opener: 'syn' })
    } else expect(source).toBe('sockets')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    expect([child.exitCode, child.signalCode]).toEqual([0, null])
  } finally {
    child.kill('SIGKILL')
    server.close()
  }
})
