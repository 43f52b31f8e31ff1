/** What comes in by a file, by `-` (stdin) or as JSON on the command line. */
import { openAsBlob } from 'node:fs'
import { Readable } from 'node:stream'
import { text as wholeText } from 'node:stream/consumers'
import type { ReadableStream } from 'node:stream/web'
import type { JsonWire } from '@belay/protocol'
import { sentenceOf } from '@belay/base'
import { fail } from './problems.ts'

/** Bytes on their way up; how many there are is not known of stdin. */
export type Upload = { readonly bytes: number | undefined; readonly stream: () => ReadableStream<Uint8Array> }

export async function openUpload(file: string): Promise<Upload> {
  if (file === '-') return { bytes: undefined, stream: () => Readable.toWeb(process.stdin) as ReadableStream<Uint8Array> }
  try {
    const blob = await openAsBlob(file)
    return { bytes: blob.size, stream: () => blob.stream() as ReadableStream<Uint8Array> }
  } catch (error) {
    throw fail('file-unreadable', { file, because: sentenceOf(error).replace(/\.$/, '') }, error)
  }
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
