/** What is mutated: conversations in every wrapping that the decoder knows, and frames of other captures. */
import { wrappings } from '../decode/fixtures.ts'
import { back, type SegmentFields, tcpPacket } from '../fixtures.ts'
import { ACK, FIN, RST, SYN } from '../packet.ts'
import { createCaptureReader } from '../read/index.ts'

export type SeedFrame = {
  readonly bytes: Uint8Array
  /** Where its innermost IP and TCP headers begin; -1: not known. */
  readonly ip: number
  readonly tcp: number
}
/** Frames of one link type that follow each other in a capture. */
export type Conversation = { readonly linkType: number; readonly frames: readonly SeedFrame[] }

const there = { sport: 40000, dport: 80 }

/** Of everything that a session may go through. */
function script(): SegmentFields[] {
  const stamps = (at: number) => ({ timestamps: [at, at - 1] as const })
  return [
    { ...there, flags: SYN, seq: 999, options: { mss: 1460, windowScale: 7, sackPermitted: true } },
    { ...back, flags: SYN | ACK, seq: 4999, ack: 1000, options: { mss: 1400, windowScale: 2, sackPermitted: true } },
    { ...there, seq: 1000, ack: 5000, options: stamps(3) },
    { ...there, seq: 1000, ack: 5000, length: 30, options: stamps(4), ipId: 7 },
    { ...there, seq: 1030, ack: 5000, length: 20, options: stamps(5), ipId: 8 },
    { ...there, seq: 1070, ack: 5000, length: 20, options: stamps(6), ipId: 10 },
    { ...back, seq: 5000, ack: 1050, options: { ...stamps(7), sack: [[1070, 1090]] } },
    { ...back, seq: 5000, ack: 1050, options: { ...stamps(8), sack: [[1070, 1090]] } },
    { ...there, seq: 1050, ack: 5000, length: 20, options: stamps(9), ipId: 11, ecn: 3 },
    { ...back, seq: 5000, ack: 1090, window: 0, options: stamps(10) },
    { ...there, seq: 1090, ack: 5000, length: 1, options: stamps(11) },
    { ...back, seq: 5000, ack: 1090, window: 900, options: { ...stamps(12), sack: [[1030, 1050]] } },
    { ...back, seq: 5000, ack: 1090, length: 40, options: stamps(13) },
    { ...there, seq: 1089, ack: 5040 },
    { ...there, seq: 1090, ack: 5040, flags: ACK | FIN },
    { ...back, seq: 5040, ack: 1091, flags: ACK | FIN },
    { ...there, seq: 1091, ack: 5041, flags: RST },
  ]
}

function builtConversations(): Conversation[] {
  const out: Conversation[] = []
  const families = [{}, { src: '2001:db8::1', dst: '2001:db8::2' }]
  for (const [family, addresses] of families.entries()) {
    const packets = script().map((fields) => {
      const turned = 'src' in addresses && fields.sport === 80 ? { src: addresses.dst, dst: addresses.src } : addresses
      return tcpPacket({ ...fields, ...turned })
    })
    const wrapped = packets.map((packet) => wrappings(packet))
    for (const [index, { linkType }] of (wrapped[0] ?? []).entries()) {
      const frames = wrapped.map((ways, at) => {
        const bytes = (ways[index] ?? ways[0])?.frame ?? new Uint8Array(0)
        const ip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(packets[at] as Uint8Array)
        return { bytes, ip, tcp: ip + (family === 0 ? 20 : 40) }
      })
      out.push({ linkType, frames })
    }
  }
  return out
}

/** Of a capture file; a few hundred frames show what it has. */
export function conversationOf(file: Uint8Array): Conversation[] {
  const byLink = new Map<number, SeedFrame[]>()
  const reader = createCaptureReader({
    frame(bytes, at, captured, _wire, linkType) {
      const frames = byLink.get(linkType) ?? []
      byLink.set(linkType, frames)
      // Longer ones say nothing more: what is mutated is at their beginning.
      if (frames.length < 300) frames.push({ bytes: bytes.slice(at, at + Math.min(captured, 400)), ip: -1, tcp: -1 })
    },
  })
  reader.push(file)
  reader.end()
  return [...byLink].map(([linkType, frames]) => ({ linkType, frames }))
}

export type Seeds = { readonly conversations: readonly Conversation[]; readonly files: readonly Uint8Array[] }

/** @param files captures, unpacked, to be mutated as a whole and frame by frame */
export function seedsOf(files: readonly Uint8Array[]): Seeds {
  return { conversations: [...builtConversations(), ...files.flatMap(conversationOf)], files }
}
