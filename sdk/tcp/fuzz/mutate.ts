/** Changes that know what they change: fields of headers, the order and time of packets, lengths of records and blocks. */
import { type Captured, pcap, pcapng } from '../fixtures.ts'
import type { Random } from './random.ts'
import type { Conversation, SeedFrame, Seeds } from './seeds.ts'

export type Input = {
  readonly file: Uint8Array
  /** Packets that differ from what they were made of, and 1 more for a file that does. */
  readonly mutations: number
}

/** Values at which arithmetic turns. */
const interesting = [
  0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 20, 40, 127, 128, 255, 256, 1500, 1501, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe,
  0xffffffff,
]

type Field = readonly [offset: number, size: number]

/** Offset and size of the fields of a TCP header, then of its options. */
const tcpFields: readonly Field[] = [
  [0, 2],
  [2, 2],
  [4, 4],
  [4, 4],
  [8, 4],
  [8, 4],
  [12, 1],
  [13, 1],
  [13, 1],
  [14, 2],
  [20, 1],
  [21, 1],
  [24, 4],
  [28, 4],
  [36, 4],
]
const ip4Fields: readonly Field[] = [
  [0, 1],
  [1, 1],
  [2, 2],
  [4, 2],
  [6, 2],
  [6, 1],
  [9, 1],
  [12, 4],
  [16, 4],
]
const ip6Fields: readonly Field[] = [
  [0, 1],
  [1, 1],
  [4, 2],
  [6, 1],
  [8, 4],
  [20, 4],
]

export function mutatedInput(random: Random, seeds: Seeds): Input {
  if (seeds.files.length > 0 && random.once(8)) {
    const file = random.pick(seeds.files)
    return { file: mutatedFile(random, file), mutations: 1 }
  }
  const conversation = random.pick(seeds.conversations)
  const { captured, mutations } = mutatedPackets(random, conversation, seeds, 40 + random.below(160))
  const file = written(random, captured, conversation.linkType)
  return random.once(5) ? { file: mutatedFile(random, file), mutations: mutations + 1 } : { file, mutations }
}

/** Several sessions side by side, by other ports. */
export function mutatedPackets(random: Random, conversation: Conversation, seeds: Seeds, count: number) {
  const captured: Captured[] = []
  let mutations = 0
  const sessions = 1 + random.below(8)
  const positions = new Uint16Array(sessions)
  let at = 0
  for (let packet = 0; packet < count; packet++) {
    const session = random.below(sessions)
    const seed = conversation.frames[(positions[session] as number) % conversation.frames.length] as SeedFrame
    ;(positions[session] as number)++
    at += random.once(30) ? strangeStep(random) : random.below(20_000_000)
    const frame = seed.bytes.slice()
    if (seed.tcp >= 0 && session > 0) shiftPorts(frame, seed.tcp, session)
    let wire = frame.length
    let kept: Uint8Array = frame
    if (!random.once(4)) {
      mutations += 1
      kept = mutatedFrame(random, frame, seed, seeds)
      wire = kept.length
      if (random.once(6)) kept = kept.subarray(0, random.below(kept.length + 1))
      if (random.once(20)) wire = value(random)
    }
    captured.push({ at: Math.max(0, at), frame: kept, wire })
    if (random.once(12)) captured.push(captured[random.below(captured.length)] as Captured)
    if (random.once(12)) swap(captured, random.below(captured.length), captured.length - 1)
    if (random.once(25)) captured.pop()
  }
  return { captured, mutations }
}

/** Both ports stay different from each other, and each end keeps its own. */
function shiftPorts(frame: Uint8Array, tcp: number, session: number): void {
  const place = ((frame[tcp] as number) << 8) + (frame[tcp + 1] as number) > 1024 ? tcp + 1 : tcp + 3
  frame[place] = ((frame[place] as number) + session) & 255
}

function swap(list: Captured[], one: number, other: number): void {
  const first = list[one] as Captured
  const second = list[other] as Captured
  // The packets change places, not their times.
  list[one] = { ...second, at: first.at }
  list[other] = { ...first, at: second.at }
}

function strangeStep(random: Random): number {
  return random.pick([0, -1, -5_000_000, -2_000_000_000, 250_000_000, 3_000_000_000, 200_000_000_000, 11_000_000_000_000])
}

function value(random: Random): number {
  return random.once(2) ? random.pick(interesting) : random.next()
}

function mutatedFrame(random: Random, frame: Uint8Array, seed: SeedFrame, seeds: Seeds): Uint8Array {
  let out: Uint8Array = frame
  for (let times = 1 + random.below(3); times > 0; times--) {
    switch (random.below(seed.tcp < 0 ? 4 : 10)) {
      case 0:
        for (let bytes = 1 + random.below(4); bytes > 0; bytes--) if (out.length > 0) out[random.below(out.length)] = random.next() & 255
        break
      case 1:
        put(out, random.below(Math.min(out.length, 120)), random.pick([1, 2, 4]), value(random))
        break
      case 2:
        out = resized(random, out)
        break
      case 3:
        out = spliced(random, out, random.pick(random.pick(seeds.conversations).frames).bytes)
        break
      case 4: {
        const fields = (frame[seed.ip] as number) >> 4 === 6 ? ip6Fields : ip4Fields
        const [offset, size] = random.pick(fields)
        put(out, seed.ip + offset, size, value(random))
        break
      }
      case 5:
      case 6: {
        const [offset, size] = random.pick(tcpFields)
        put(out, seed.tcp + offset, size, value(random))
        break
      }
      default: {
        // A little beside what is right: holes, overlaps, keep-alives, other flags.
        const [offset, size] = random.pick(tcpFields)
        put(out, seed.tcp + offset, size, get(out, seed.tcp + offset, size) + random.below(65) - 32)
      }
    }
  }
  return out
}

function get(bytes: Uint8Array, at: number, size: number): number {
  let out = 0
  for (let place = 0; place < size; place++) out = out * 256 + (bytes[at + place] ?? 0)
  return out
}

function put(bytes: Uint8Array, at: number, size: number, number: number): void {
  for (let place = size - 1; place >= 0; place--) {
    if (at + place < bytes.length) bytes[at + place] = number & 255
    number = Math.floor(number / 256)
  }
}

function resized(random: Random, frame: Uint8Array): Uint8Array {
  if (random.once(2)) return frame.slice(0, random.below(frame.length + 1))
  const out = new Uint8Array(frame.length + random.below(200))
  out.set(frame)
  return out
}

/** The beginning of one and the end of the other. */
function spliced(random: Random, one: Uint8Array, other: Uint8Array): Uint8Array {
  const from = random.below(other.length + 1)
  const upTo = random.below(one.length + 1)
  const out = new Uint8Array(upTo + other.length - from)
  out.set(one.subarray(0, upTo))
  out.set(other.subarray(from), upTo)
  return out
}

function written(random: Random, captured: readonly Captured[], linkType: number): Uint8Array {
  const bigEndian = random.once(3)
  if (random.once(3))
    return pcapng(
      captured.map((packet) => ({ ...packet, interface: random.below(2) })),
      { bigEndian, interfaces: [{ linkType }, { linkType, tsresol: random.pick([6, 9, 3, 0x8a]) }] },
    )
  return pcap(captured, {
    linkType,
    bigEndian,
    nanoseconds: random.once(2),
    modified: random.once(9),
    snaplen: random.once(9) ? random.below(200) : undefined,
  })
}

/** Lengths, magic numbers and counts are in words, so words are changed; and pieces are lost, doubled and exchanged. */
export function mutatedFile(random: Random, original: Uint8Array): Uint8Array {
  let out: Uint8Array = original.slice()
  for (let times = 1 + random.below(4); times > 0 && out.length > 0; times--) {
    const at = random.below(out.length)
    switch (random.below(7)) {
      case 0:
        out[at] = random.next() & 255
        break
      case 1: {
        const number = value(random)
        const view = new DataView(out.buffer, out.byteOffset, out.byteLength)
        if (at + 4 <= out.length) view.setUint32(at & ~3 ? at & ~3 : at, number, random.once(2))
        break
      }
      case 2:
        out = out.slice(0, at)
        break
      case 3:
        out = without(out, at, at + random.below(64))
        break
      case 4:
        out = inserted(out, at, out.subarray(random.below(out.length), out.length).subarray(0, random.below(200)))
        break
      case 5:
        out = inserted(
          out,
          at,
          Uint8Array.from({ length: random.below(40) }, () => random.next() & 255),
        )
        break
      default:
        // Another section, or another file, behind it.
        if (out.length < 2 ** 20) out = inserted(out, out.length, original)
    }
  }
  return out
}

function without(bytes: Uint8Array, from: number, upTo: number): Uint8Array {
  const out = new Uint8Array(from + Math.max(0, bytes.length - upTo))
  out.set(bytes.subarray(0, from))
  out.set(bytes.subarray(upTo), from)
  return out
}

function inserted(bytes: Uint8Array, at: number, piece: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + piece.length)
  out.set(bytes.subarray(0, at))
  out.set(piece, at)
  out.set(bytes.subarray(at), at + piece.length)
  return out
}
