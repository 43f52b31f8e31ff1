/**
 * Reports on disk until the server has them: one file for each batch, named by its source and number, so that a process
 * that was killed between sending and being thanked is replaced by one that sends the same batch again.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@openfeature/server-sdk'
import { because, unfinished, writeWhole } from '../files.ts'
import { itemsOf, type Report } from './contents.ts'

export type Spool = {
  /** Resolves when it is safe on the disk. @throws what the file system says. */
  keep(report: Report): Promise<void>
  /** The one to send next: of one source always in the order of their numbers. */
  oldest(): Promise<{ readonly report: Report; readonly name: string } | undefined>
  /** The server has it, or will never take it. */
  done(name: string): Promise<void>
  /** How many things were given up since this was last asked, because the spool was full or damaged. */
  takeDropped(): number
}

export type SpoolBounds = { readonly bytesMax: number; readonly filesMax: number }
/** Weeks of a small service, hours of a large one. A file has a batch; more of them make listing the folder slow. */
const usualBounds: SpoolBounds = { bytesMax: 64 * 1024 * 1024, filesMax: 20_000 }

type Kept = { readonly name: string; readonly bytes: number; readonly items: number; readonly source: string; readonly batch: number }
const fileName = /^([0-9a-f]{16})\.([\w-]{8,64})\.(\d{1,12})\.(\d{1,9})\.report$/
/** The server takes nothing that is older than a week. Reports under a key that nobody uses any more go then. */
const strangersKeptMs = 8 * 86_400_000

/** Also takes over what other processes of the same owner left. @throws when the folder cannot be used. */
export async function openSpool(folder: string, owner: string, logger: Logger, bounds: SpoolBounds = usualBounds): Promise<Spool> {
  await mkdir(folder, { recursive: true })
  const { kept, leftovers } = await list(folder, owner)
  for (const name of leftovers) await rm(join(folder, name), { force: true })
  let bytes = kept.reduce((sum, it) => sum + it.bytes, 0)
  let dropped = 0

  async function forget(it: Kept): Promise<void> {
    const index = kept.indexOf(it)
    if (index === -1) return
    kept.splice(index, 1)
    bytes -= it.bytes
    await rm(join(folder, it.name), { force: true })
  }

  async function drop(it: Kept, why: string): Promise<void> {
    dropped += it.items
    logger.warn(`Belay: a report with ${it.items} entries is given up: ${why}`)
    await forget(it)
  }

  return {
    async keep(report) {
      const text = JSON.stringify(report)
      const { source, batch } = report
      const it: Kept = {
        name: `${owner}.${source}.${batch}.${itemsOf(report)}.report`,
        bytes: Buffer.byteLength(text),
        items: itemsOf(report),
        source,
        batch,
      }
      while (kept.length > 0 && (bytes + it.bytes > bounds.bytesMax || kept.length >= bounds.filesMax)) {
        await drop(kept[0] as Kept, `the spool ${folder} is full`)
      }
      await writeWhole(join(folder, it.name), text)
      kept.push(it)
      bytes += it.bytes
    },
    async oldest() {
      for (let it = kept[0]; it !== undefined; it = kept[0]) {
        try {
          return { report: JSON.parse(await readFile(join(folder, it.name), 'utf8')) as Report, name: it.name }
        } catch (thrown) {
          // Another process that shares the folder has sent it.
          if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') await forget(it)
          else await drop(it, `${it.name} cannot be read: ${because(thrown)}`)
        }
      }
      return undefined
    },
    async done(name) {
      const it = kept.find((it) => it.name === name)
      if (it !== undefined) await forget(it)
    },
    takeDropped() {
      const taken = dropped
      dropped = 0
      return taken
    },
  }
}

async function list(folder: string, owner: string): Promise<{ kept: Kept[]; leftovers: string[] }> {
  const names = await readdir(folder)
  const found: (Kept & { changedMs: number })[] = []
  const leftovers = names.filter((name) => name.includes('.report.') && name.endsWith(unfinished))
  for (const name of names) {
    const [, theirs, source, batch, items] = fileName.exec(name) ?? []
    const about = source === undefined ? undefined : await stat(join(folder, name)).catch(() => undefined)
    if (source === undefined || about === undefined) continue
    if (theirs === owner)
      found.push({ name, bytes: about.size, items: Number(items), source, batch: Number(batch), changedMs: about.mtimeMs })
    else if (about.mtimeMs < Date.now() - strangersKeptMs) leftovers.push(name)
  }
  const firstOf = new Map<string, number>()
  for (const { source, changedMs } of found) firstOf.set(source, Math.min(changedMs, firstOf.get(source) ?? changedMs))
  const since = (it: Kept) => firstOf.get(it.source) as number
  found.sort((a, b) => since(a) - since(b) || (a.source < b.source ? -1 : a.source > b.source ? 1 : a.batch - b.batch))
  return { kept: found, leftovers }
}
