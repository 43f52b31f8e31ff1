/**
 * Turns a folder into an artifact: a .tgz whose bytes depend on the content alone (names, files, links, the
 * executable bit), not on who packed it, where or when.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { sayBytes, sentenceOf } from '@belay/base'
import { Pack, Parser } from 'tar'
import { releaseProblem } from './problems.ts'

/**
 * 2 GiB: at 100 Mbit/s it takes three minutes to reach one host, and a step's default limit is five. What is larger
 * is data, which does not belong into a release.
 */
export const artifactBytesMax = 2 * 1024 ** 3
/** Four times the largest node_modules that we have met; each costs about 500 bytes of memory while packing. */
export const artifactFilesMax = 500_000
/** Eight to one is more than code ever compresses to in practice; a bomb is a thousand to one. */
const unpackedBytesMax = 8 * artifactBytesMax
/** As streams of Node do: tar's 16 MiB would be compressed and written in one lump each. */
const chunkBytes = 64 * 1024

export type Packed = { readonly sha256: string; readonly bytes: number; readonly files: number; readonly warnings: string[] }

/**
 * @param folder its content becomes the artifact; anything named `.git` is left out
 * @param to the file to write
 * @throws Problem `artifact-too-large`
 */
export async function packFolder(folder: string, to: string, what: string, signal?: AbortSignal): Promise<Packed> {
  const { entries, warnings } = await listEntries(folder, what)
  const hash = createHash('sha256')
  let bytes = 0
  const measure = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      // The tenth byte of a gzip names the system that made it (RFC 1952, 2.3.1); 255 is "unknown".
      if (bytes === 0) chunk[9] = 255
      bytes += chunk.length
      if (bytes > artifactBytesMax) throw tooLarge(what, `more than ${sayBytes(artifactBytesMax)}`, sayBytes(artifactBytesMax))
      hash.update(chunk)
      yield chunk
    }
  }
  // One job at a time: with several, the order of hard links depends on the disk.
  const pack = new Pack({
    cwd: folder,
    portable: true,
    noDirRecurse: true,
    mtime: new Date(0),
    jobs: 1,
    strict: true,
    maxReadSize: chunkBytes,
  })
  // An empty folder still has itself: a tar without any entry is no tar to most readers.
  for (const entry of entries.length === 0 ? [''] : entries) pack.add(`./${entry}`)
  pack.end()
  // Node's gzip works on another thread; tar's own would hold up the server.
  await pipeline(pack, createGzip({ level: 6 }), measure, createWriteStream(to), ...(signal ? [{ signal }] : []))
  return { sha256: hash.digest('hex'), bytes, files: entries.length, warnings }
}

async function listEntries(folder: string, what: string): Promise<{ entries: string[]; warnings: string[] }> {
  const entries: string[] = []
  const leadOut: string[] = []
  const odd: string[] = []
  const folders = ['']
  for (let inside = folders.pop(); inside !== undefined; inside = folders.pop()) {
    for (const item of await readdir(join(folder, inside), { withFileTypes: true })) {
      if (item.name === '.git') continue
      const path = inside === '' ? item.name : `${inside}/${item.name}`
      if (item.isDirectory()) folders.push(path)
      else if (item.isSymbolicLink()) {
        const target = await readlink(join(folder, path))
        if (leads(path, target)) leadOut.push(`${path} -> ${target}`)
      } else if (!item.isFile()) {
        odd.push(path)
        continue
      }
      entries.push(path)
      if (entries.length > artifactFilesMax) {
        throw tooLarge(what, `more than ${artifactFilesMax.toLocaleString('en')} files`, `${artifactFilesMax.toLocaleString('en')} files`)
      }
    }
  }
  // By bytes, not by locale: the same on every machine.
  entries.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const warnings = [
    ...(leadOut.length === 0
      ? []
      : [`${what}: ${someOf(leadOut)} leads out of the artifact, so on a host it leads nowhere. Copy what it names.`]),
    ...(odd.length === 0 ? [] : [`${what}: ${someOf(odd)} is neither file, folder nor link and was left out.`]),
  ]
  return { entries, warnings }
}

const someOf = (paths: readonly string[]) => `${paths.toSorted()[0]}${paths.length > 1 ? ` (and ${paths.length - 1} more like it)` : ''}`
const tooLarge = (what: string, size: string, limit: string) => releaseProblem('artifact-too-large', { what, size, limit })
/** Does a link at `path` with this target point outside the folder? */
const leads = (path: string, target: string) =>
  posix.isAbsolute(target) || posix.normalize(posix.join(posix.dirname(path), target)).split('/')[0] === '..'

/** Undefined when the file is a .tgz that a host can unpack, else what is wrong with it. */
export async function inspectArtifact(file: string): Promise<string | undefined> {
  let wrong: string | undefined
  let files = 0
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      files++
      if (posix.isAbsolute(entry.path) || entry.path.split('/').includes('..')) {
        wrong ??= `has the entry ${JSON.stringify(entry.path)}, which leads out of its folder`
      }
      if (files > artifactFilesMax) wrong ??= `has more than ${artifactFilesMax.toLocaleString('en')} files`
      entry.resume()
    },
  })
  let failed: unknown
  parser.on('error', (error) => {
    failed ??= error
  })
  // Its entries flow away as they come, so there is never a reason to wait for the parser.
  const read = async (chunks: AsyncIterable<Buffer>) => {
    let unpackedBytes = 0
    for await (const chunk of chunks) {
      unpackedBytes += chunk.length
      if (unpackedBytes > unpackedBytesMax) wrong ??= `unpacks to more than ${sayBytes(unpackedBytesMax)}`
      if (wrong !== undefined || failed !== undefined) return
      parser.write(chunk)
    }
    parser.end()
  }
  try {
    await pipeline(createReadStream(file), createGunzip(), read)
    if (failed !== undefined) throw failed
  } catch (error) {
    const isGzip = !/incorrect header check/.test(sentenceOf(error))
    return (
      wrong ?? (isGzip ? `cannot be unpacked (${sentenceOf(error).replace(/^TAR_\w+: /, '')})` : 'is not a .tgz (a gzip-compressed tar)')
    )
  }
  return wrong
}
