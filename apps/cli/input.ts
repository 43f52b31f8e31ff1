/** What comes in by a file, by `-` (stdin) or as JSON on the command line. */
import { openAsBlob } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { text as wholeText } from 'node:stream/consumers'
import type { ReadableStream } from 'node:stream/web'
import type { JsonWire } from '@belay/protocol'
import { Problem, sentenceOf } from '@belay/base'
import { fail } from './problems.ts'

/** Bytes on their way up; how many there are is not known of stdin. */
export type Upload = { readonly bytes: number | undefined; readonly stream: () => ReadableStream<Uint8Array> }

export async function openUpload(file: string): Promise<Upload> {
  if (file === '-') return { bytes: undefined, stream: () => Readable.toWeb(process.stdin) as ReadableStream<Uint8Array> }
  try {
    // Of a folder, or where there is nothing, openAsBlob only says that it cannot.
    await (await open(file, 'r')).close()
    if ((await stat(file)).isDirectory()) throw fail('file-unreadable', { file, because: reasonOf({ code: 'EISDIR' }) })
    const blob = await openAsBlob(file)
    return { bytes: blob.size, stream: () => blob.stream() as ReadableStream<Uint8Array> }
  } catch (error) {
    if (error instanceof Problem) throw error
    throw fail('file-unreadable', { file, because: reasonOf(error) }, error)
  }
}

/** Why a file cannot be read, to go on after a colon. */
export function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  return { ENOENT: 'there is no such file', EISDIR: 'it is a folder', EACCES: 'this user may not read it' }[code ?? ''] ?? sentenceOf(error)
}

/** A rule: JSON as it stands, `-` for stdin, or a file that holds it. */
export async function readJson(given: string): Promise<JsonWire> {
  const literal = /^\s*[[{]/.test(given) || ['true', 'false'].includes(given)
  const text = literal ? given : await wholeText((await openUpload(given)).stream())
  try {
    return JSON.parse(text) as JsonWire
  } catch (error) {
    throw fail('no-json', { what: literal ? 'The rule' : given === '-' ? 'What came by stdin' : given, because: sentenceOf(error) }, error)
  }
}
