import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { listeningLogger } from '../fixtures.ts'
import type { Parcel } from './parcel.ts'
import { openSpool } from './spool.ts'

const ours = '0123456789abcdef'
const report = (batch: number, source = 'source-1'): Parcel => ({
  source,
  batch,
  items: 1,
  text: JSON.stringify({ source, batch, filling: 'x'.repeat(90) }),
})

async function readAll(spool: Awaited<ReturnType<typeof openSpool>>): Promise<{ source: string; batch: number }[]> {
  const reports: { source: string; batch: number }[] = []
  for (let it = await spool.oldest(); it !== undefined; it = await spool.oldest()) {
    reports.push(JSON.parse(it.text) as { source: string; batch: number })
    await spool.done(it.name)
  }
  return reports
}

test('what one process kept, the next one finds, in the order of its batches', async () => {
  await using folder = await temporaryFolder()
  const spool = await openSpool({ folder: folder.path, owner: ours, kind: 'report' }, listeningLogger())
  for (let batch = 1; batch <= 12; batch++) await spool.keep(report(batch))
  await spool.keep(report(1, 'source-2'))
  const next = await openSpool({ folder: folder.path, owner: ours, kind: 'report' }, listeningLogger())
  expect((await readAll(next)).map(({ source, batch }) => `${source} ${batch}`)).toEqual([
    ...Array.from({ length: 12 }, (_, nth) => `source-1 ${nth + 1}`),
    'source-2 1',
  ])
  expect(await readdir(folder.path)).toEqual([])
  // The first process goes on; what it wrote last it has in memory, and may send again under its number.
  expect((await readAll(spool)).map(({ source, batch }) => `${source} ${batch}`)).toEqual(['source-2 1'])
  await spool.keep(report(13))
  expect((await readAll(spool)).map(({ batch }) => batch)).toEqual([13])
})

test('a full spool gives up the oldest, and counts what was in it', async () => {
  await using folder = await temporaryFolder()
  const logger = listeningLogger()
  const spool = await openSpool({ folder: folder.path, owner: ours, kind: 'report' }, logger, { bytesMax: 100_000, filesMax: 3 })
  for (let batch = 1; batch <= 5; batch++) await spool.keep(report(batch))
  expect(spool.takeDropped()).toBe(2)
  expect((await readAll(spool)).map(({ batch }) => batch)).toEqual([3, 4, 5])
  const small = await openSpool({ folder: folder.path, owner: ours, kind: 'report' }, logger, { bytesMax: 300, filesMax: 100 })
  for (let batch = 1; batch <= 5; batch++) await small.keep(report(batch))
  expect((await readAll(small)).map(({ batch }) => batch)).toEqual([4, 5])
  expect(logger.lines[0]).toMatch(/a batch with 1 entries is given up: the spool .* is full/)
})

test('damaged, unfinished and foreign files do no harm', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, '0123456789abcdef.source-1.1.40.report'), '{"source":"sour')
  await writeFile(join(folder.path, '0123456789abcdef.source-1.2.1.report.0b9c.new'), '{')
  const hourAgo = new Date(Date.now() - 3_600_000)
  await utimes(join(folder.path, '0123456789abcdef.source-1.2.1.report.0b9c.new'), hourAgo, hourAgo)
  await writeFile(join(folder.path, 'README'), 'about this folder')
  const logger = listeningLogger()
  const spool = await openSpool({ folder: folder.path, owner: ours, kind: 'report' }, logger)
  await spool.keep(report(3))
  expect((await readAll(spool)).map(({ batch }) => batch)).toEqual([3])
  expect(spool.takeDropped()).toBe(40)
  expect(logger.lines).toEqual([expect.stringContaining('0123456789abcdef.source-1.1.40.report cannot be read')])
  expect(await readdir(folder.path)).toEqual(['README'])
})

test('what belongs to another environment is left alone, until nobody would take it any more', async () => {
  await using folder = await temporaryFolder()
  const theirs = await openSpool({ folder: folder.path, owner: 'fedcba9876543210', kind: 'report' }, listeningLogger())
  for (const batch of [1, 2]) await theirs.keep(report(batch))
  const [old] = (await readdir(folder.path)).sort()
  const longAgo = new Date(Date.now() - 9 * 86_400_000)
  await utimes(join(folder.path, old as string), longAgo, longAgo)
  const spool = await openSpool({ folder: folder.path, owner: ours, kind: 'report' }, listeningLogger())
  expect(await spool.oldest()).toBeUndefined()
  expect(await readdir(folder.path)).toEqual(['fedcba9876543210.source-1.2.1.report'])
})
