/** Bodies as the journal keeps them: as they came when that was gzip, else compressed where that is worth it. */
import { promisify } from 'node:util'
import { constants, gunzipSync, zstdCompress, zstdDecompressSync } from 'node:zlib'
import type { Body } from './body.ts'
import type { JournalBody } from './journal.ts'
import { limits } from './limits.ts'

const compressed = promisify<Buffer, { params: Record<number, number> }, Buffer>(zstdCompress)
/** The quickest level: a batch of spans shrinks to an eighth in a fraction of the time that reading it takes. */
const quickest = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
/** Smaller bodies are not worth the way through the compressor. */
const fromBytes = 4_096

export async function packed({ bytes, gzip }: Body): Promise<Pick<JournalBody, 'packing' | 'bytes'>> {
  if (gzip !== undefined) return { packing: 'gzip', bytes: gzip }
  if (bytes.length < fromBytes) return { packing: 'plain', bytes }
  return { packing: 'zstd', bytes: await compressed(bytes, quickest) }
}

export function unpacked({ packing, bytes }: JournalBody): Buffer {
  if (packing === 'plain') return bytes
  const room = { maxOutputLength: limits.bodyBytesMax }
  return packing === 'gzip' ? gunzipSync(bytes, room) : zstdDecompressSync(bytes, room)
}
