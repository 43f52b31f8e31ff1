import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import {
  eventually,
  freePort,
  onEachStore,
  openChromium,
  postgresForTests,
  temporaryFolder,
  tmpfs,
  whyNoChromium,
  whyNoPostgres,
} from './index.ts'

describe.skipIf(whyNoPostgres())(`PostgreSQL for tests${whyNoPostgres() ? `: ${whyNoPostgres()}` : ''}`, () => {
  test('each asker gets an empty database of their own', async () => {
    const [one, two] = await Promise.all([postgresForTests(), postgresForTests()])
    if ('skipped' in one || 'skipped' in two) throw new Error('PostgreSQL is installed, so it must not be skipped')
    const client = new pg.Client({ connectionString: one.url })
    await client.connect()
    await client.query('create table t (x int)')
    await client.end()
    const other = new pg.Client({ connectionString: two.url })
    await other.connect()
    expect((await other.query("select to_regclass('t') as t")).rows).toEqual([{ t: null }])
    await other.end()
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
    await expect(new pg.Client({ connectionString: one.url }).connect()).rejects.toThrow(/does not exist/)
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.skipIf(whyNoPostgres())('PostgreSQL ends with the run, even when the run is killed', { timeout: 30_000 }, async () => {
  const script = `
    import { postgresForTests } from '@belay/testkit'
    await postgresForTests()
    process.stdout.write(process.env.BELAY_TEST_RUN)
    setInterval(() => {}, 1000)`
  const { BELAY_TEST_RUN: _, ...env } = process.env
  const run = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd: import.meta.dirname, env })
  const [folder] = (await once(run.stdout, 'data')).map(String)
  const pid = Number(readFileSync(join(String(folder), 'postgresql.pid'), 'utf8'))
  const runs = () => isAlive(pid)
  expect(runs()).toBe(true)
  run.kill('SIGKILL')
  await eventually(() => !runs() && !existsSync(String(folder)), { withinMs: 15_000, what: 'the watcher to tidy up' })
})

test('a temporary folder is gone after its block', async () => {
  let path: string
  {
    await using folder = await temporaryFolder()
    path = folder.path
    writeFileSync(join(path, 'file'), 'x')
    expect(statSync(path).isDirectory()).toBe(true)
  }
  expect(existsSync(path)).toBe(false)
})

test.skipIf(process.getuid?.() !== 0)('a small tmpfs is full after its bytes (needs root)', async () => {
  const disk = await tmpfs(64 * 1024)
  if ('skipped' in disk) throw new Error(disk.skipped)
  await using _ = disk
  expect(() => writeFileSync(join(disk.path, 'big'), Buffer.alloc(128 * 1024))).toThrow(/ENOSPC/)
})

test('eventually tells what it waited for and what went wrong last', async () => {
  await expect(
    eventually(
      () => {
        throw new Error('still dark')
      },
      { withinMs: 30, what: 'the sun to rise' },
    ),
  ).rejects.toThrow('waited 30 ms for the sun to rise: still dark')
  let asked = 0
  expect(await eventually(() => ++asked >= 3 && asked, { withinMs: 1000, everyMs: 1 })).toBe(3)
})

test('a free port is a port', async () => {
  expect(await freePort()).toBeGreaterThan(1023)
})

test.skipIf(whyNoChromium())(`Chromium opens a page${whyNoChromium() ? `: ${whyNoChromium()}` : ''}`, { timeout: 60_000 }, async () => {
  const browser = await openChromium()
  if ('skipped' in browser) throw new Error(browser.skipped)
  const page = await browser.newPage()
  await page.setContent('<h1>here</h1>')
  expect(await page.getByRole('heading').textContent()).toBe('here')
  await browser.close()
})

onEachStore('a contract', (open, newDatabase) => {
  test('gets a new empty database each time', async () => {
    const [one, two] = [await open(), await open()]
    await one.write((tx) => tx.schema.createTable('mark').addColumn('x', 'integer').execute())
    expect((await one.read.introspection.getTables()).map((table) => table.name)).toContain('mark')
    expect((await two.read.introspection.getTables()).map((table) => table.name)).not.toContain('mark')
    expect(await newDatabase()).not.toEqual(await newDatabase())
  })
})
