/**
 * Parcels on disk until the server has them: one file for each, named by its source and number, so that a process that
 * was killed between sending and being thanked is replaced by one that sends the same batch again.
 */
import { mkdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { because, unfinished, writeWhole, writeWholeNow } from '../files.ts'
import type { Log } from '../log.ts'
import type { Parcel } from './parcel.ts'

export type Spool = {
  /** Resolves when it is safe on the disk. @throws what the file system says. */
  keep(parcel: Parcel): Promise<void>
  /** The one to send next: of one source always in the order of their numbers. */
  oldest(): Promise<{ readonly items: number; readonly text: string; readonly name: string } | undefined>
  /** The server has it, or will never take it. */
  done(name: string): Promise<void>
  readonly isEmpty: boolean
  /** How many things were given up since this was last asked, because the spool was full or damaged. */
  takeDropped(): number
}

/** Whose files are ours, and what is in them. */
export type SpoolPlace = {
  readonly folder: string
  /** See `ownerOf`. */
  readonly owner: string
  /** Of the names of the files: `report`, `calls`. */
  readonly kind: string
}

export type SpoolBounds = { readonly bytesMax: number; readonly filesMax: number }
/** Weeks of a small service, hours of a large one. A file has a batch; more of them make listing the folder slow. */
const usualBounds: SpoolBounds = { bytesMax: 64 * 1024 * 1024, filesMax: 20_000 }

type Kept = { readonly name: string; readonly bytes: number; readonly items: number; readonly source: string; readonly batch: number }
const fileName = /^([0-9a-f]{16})\.([\w-]{8,64})\.(\d{1,12})\.(\d{1,9})\.([a-z]+)$/
/** The server takes nothing that is older than a week. Reports under a key that nobody uses any more go then. */
const strangersKeptMs = 8 * 86_400_000
/** Another process that shares the folder may be writing at this moment; nobody writes for minutes. */
const unfinishedKeptMs = 300_000

/** Also takes over what other processes of the same owner left. @throws when the folder cannot be used. */
export async function openSpool(place: SpoolPlace, log: Log, bounds: SpoolBounds = usualBounds): Promise<Spool> {
  const { folder } = place
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { kept, leftovers } = await list(place)
  for (const name of leftovers) await rm(join(folder, name), { force: true })
  let bytes = kept.reduce((sum, it) => sum + it.bytes, 0)
  let dropped = 0
  /** What was written last needs not be read again, when the server is there. */
  let latest: { readonly name: string; readonly text: string } | undefined

  async function forget(it: Kept): Promise<void> {
    const index = kept.indexOf(it)
    if (index === -1) return
    kept.splice(index, 1)
    bytes -= it.bytes
    if (latest?.name === it.name) latest = undefined
    await rm(join(folder, it.name), { force: true })
  }

  async function drop(it: Kept, why: string): Promise<void> {
    dropped += it.items
    log.warn(`Belay: a batch with ${it.items} entries is given up: ${why}`)
    await forget(it)
  }

  return {
    async keep(parcel) {
      const { source, batch, items, text } = parcel
      const it: Kept = { name: nameOf(place, parcel), bytes: Buffer.byteLength(text), items, source, batch }
      while (kept.length > 0 && (bytes + it.bytes > bounds.bytesMax || kept.length >= bounds.filesMax)) {
        await drop(kept[0] as Kept, `the spool ${folder} is full`)
      }
      await writeWhole(join(folder, it.name), text)
      kept.push(it)
      bytes += it.bytes
      latest = { name: it.name, text }
    },
    async oldest() {
      for (let it = kept[0]; it !== undefined; it = kept[0]) {
        const { name, items } = it
        if (latest?.name === name) return { items, text: latest.text, name }
        try {
          const text = await readFile(join(folder, name), 'utf8')
          JSON.parse(text)
          return { items, text, name }
        } catch (thrown) {
          // Another process that shares the folder has sent it.
          if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') await forget(it)
          else await drop(it, `${name} cannot be read: ${because(thrown)}`)
        }
      }
      return undefined
    },
    async done(name) {
      const it = kept.find((it) => it.name === name)
      if (it !== undefined) await forget(it)
    },
    get isEmpty() {
      return kept.length === 0
    },
    takeDropped() {
      const taken = dropped
      dropped = 0
      return taken
    },
  }
}

/** For a process that ends now and cannot wait: the next one that opens the spool has it. @throws what the file system says. */
export function keepNow(place: SpoolPlace, parcel: Parcel): void {
  mkdirSync(place.folder, { recursive: true, mode: 0o700 })
  writeWholeNow(join(place.folder, nameOf(place, parcel)), parcel.text)
}

/** Of its file. */
export function nameOf({ owner, kind }: SpoolPlace, { source, batch, items }: Parcel): string {
  return `${owner}.${source}.${batch}.${items}.${kind}`
}

async function list({ folder, owner, kind }: SpoolPlace): Promise<{ kept: Kept[]; leftovers: string[] }> {
  const names = await readdir(folder)
  const found: (Kept & { changedMs: number })[] = []
  const leftovers: string[] = []
  for (const name of names) {
    const isUnfinished = name.includes(`.${kind}.`) && name.endsWith(unfinished)
    const [, theirs, source, batch, items, theirKind] = fileName.exec(name) ?? []
    const isParcel = source !== undefined && theirKind === kind
    const about = isParcel || isUnfinished ? await stat(join(folder, name)).catch(() => undefined) : undefined
    if (about === undefined) continue
    const ageMs = Date.now() - about.mtimeMs
    if (isParcel && theirs === owner)
      found.push({ name, bytes: about.size, items: Number(items), source, batch: Number(batch), changedMs: about.mtimeMs })
    else if (ageMs > (isParcel ? strangersKeptMs : unfinishedKeptMs)) leftovers.push(name)
  }
  const firstOf = new Map<string, number>()
  for (const { source, changedMs } of found) firstOf.set(source, Math.min(changedMs, firstOf.get(source) ?? changedMs))
  const since = (it: Kept) => firstOf.get(it.source) as number
  found.sort((a, b) => since(a) - since(b) || (a.source < b.source ? -1 : a.source > b.source ? 1 : a.batch - b.batch))
  return { kept: found, leftovers }
}
