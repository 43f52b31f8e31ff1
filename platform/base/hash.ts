import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { canonicalJson } from './canonical.ts'

/** Lower-case hex SHA-256 (FIPS 180-4) of a text or bytes. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** SHA-256 of a JSON value's canonical spelling. */
export function contentHash(value: unknown): string {
  return sha256(canonicalJson(value))
}

/** SHA-256 of a file, read as a stream. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}
