/** The last good definitions on disk, and the files that definitions are read from when the server was never reached. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FlagDocument } from '@belay/flag-evaluator'
import type { Logger } from '@openfeature/server-sdk'
import type { Clock } from './clock.ts'
import type { Edition } from './definitions.ts'
import { because, writeWhole } from './files.ts'

/** Grows when the shape changes; a cache of another format is as good as none. */
const format = 1

export type Cache = {
  /** Undefined when there is none, and, after a warning, when it is damaged. */
  read(): Promise<Edition | undefined>
  /** Writes soon what `edition` then answers; many changes at once become one writing. */
  changed(): void
  /** Writes now what was not written yet. */
  close(): Promise<void>
}

/** A change that is lost with the machine within this time comes again from the server. */
const writeAfterMs = 1_000

/** @param owner see `ownerOf` */
export function createCache(folder: string, owner: string, clock: Clock, logger: Logger, edition: () => Edition | undefined): Cache {
  const path = join(folder, `flags-${owner}.json`)
  let dirty = false
  let writing: Promise<void> | undefined
  let hurry = new AbortController()

  async function writeAll(): Promise<void> {
    while (dirty) {
      await clock.sleep(writeAfterMs, hurry.signal, true).catch(() => {})
      dirty = false
      const present = edition()
      if (present === undefined) continue
      try {
        await writeWhole(path, JSON.stringify({ format, ...present }))
      } catch (thrown) {
        logger.warn(`Belay: the flags cannot be kept in ${path}: ${because(thrown)}`)
      }
    }
  }

  return {
    async read() {
      try {
        const text = await readIfThere(path)
        return text === undefined ? undefined : readCached(text)
      } catch (thrown) {
        logger.warn(`Belay: the kept flags in ${path} are not used: ${because(thrown)}. They are replaced once the server answers.`)
        return undefined
      }
    },
    changed() {
      dirty = true
      writing ??= writeAll().finally(() => {
        writing = undefined
      })
    },
    async close() {
      hurry.abort()
      await writing
      hurry = new AbortController()
    },
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw thrown
  }
}

function readCached(text: string): Edition {
  const kept = parse(text) as { format?: unknown; document?: unknown; revision?: unknown; etag?: unknown }
  if (kept?.format !== format) throw new Error(`it is not of format ${format}`)
  return {
    document: checkDocument(kept.document),
    revision: typeof kept.revision === 'number' ? kept.revision : undefined,
    etag: typeof kept.etag === 'string' ? kept.etag : undefined,
  }
}

/** @throws Error with a sentence that names the file. */
export async function readBootstrap(bootstrap: FlagDocument | string): Promise<Edition> {
  const none = { revision: undefined, etag: undefined }
  if (typeof bootstrap !== 'string') return { document: checkDocument(bootstrap), ...none }
  try {
    return { document: checkDocument(parse(await readFile(bootstrap, 'utf8'))), ...none }
  } catch (thrown) {
    throw new Error(`the bootstrap ${bootstrap} cannot be used: ${because(thrown)}`, { cause: thrown })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('it is not whole JSON')
  }
}

/** Only that it is a document of flags; what is wrong with single flags is said when they are compiled. @throws Error. */
export function checkDocument(value: unknown): FlagDocument {
  const flags = (value as { flags?: unknown } | null | undefined)?.flags
  if (typeof flags !== 'object' || flags === null) throw new Error('it is not a flagd document: it has no "flags"')
  return value as FlagDocument
}
