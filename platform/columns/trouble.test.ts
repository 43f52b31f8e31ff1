/** What happens to the embedded column store when the world fails: killed engines, killed servers, a full disk. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { seededRandom, systemClock } from '@belay/base'
import { columnsForTests, eventually, type TestColumns, tmpfs } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callsLike, counted, fileColumns, inBoth, writeRows } from './columns.contract.ts'
import { type Columns, openColumns, sql } from './index.ts'

const seed = Number(process.env['BELAY_SEED'] ?? Date.now() % 1e9)
/** A hunt for what three kills do not show: BELAY_KILLS=50. */
const kills = Number(process.env['BELAY_KILLS'] ?? 3)
const rowsOfFile = 2_000
let store: TestColumns
let path: string

/** The engine writes its process into the file that it locks. */
const engineOf = (folder: string) => Number(/PID: (\d+)/.exec(readFileSync(join(folder, 'status'), 'utf8'))?.[1])
const insert = (columns: Columns, token: string) => columns.insertFile({ table: 'calls', columns: fileColumns, path, token })

function isAlive(pid: number): boolean {
  try {
    // A killed process stays in the table until its parent has looked; what init inherits is gone at once.
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function ready(columns: Columns): Promise<void> {
  await eventually(() => columns.state().state === 'ready', { withinMs: 20_000, what: 'the engine to be back' })
}

beforeAll(async () => {
  store = await columnsForTests()
  path = join(store.folder, 'rows')
  await writeRows(path, rowsOfFile)
})
afterAll(() => store[Symbol.asyncDispose]())

describe('the engine’s process', () => {
  test('sleeps until somebody asks', async () => {
    expect(store.columns.state()).toEqual({ state: 'asleep', where: 'embedded', because: null, restarts: 0 })
    await store.columns.migrate([callsLike('calls')])
    expect(store.columns.state()).toMatchObject({ state: 'ready' })
  })

  test('knows no secret of the server’s', () => {
    process.env['CLICKHOUSE_URL_FOR_TESTS'] = 'secret'
    const names = readFileSync(`/proc/${engineOf(store.folder)}/environ`, 'utf8')
      .split('\0')
      .map((it) => it.split('=')[0])
    expect(
      names.filter(
        (name) =>
          ![
            'HOME',
            'LANG',
            'NODE_CHANNEL_FD',
            'NODE_CHANNEL_SERIALIZATION_MODE',
            'PATH',
            'TMPDIR',
            'TZ',
            'UV_THREADPOOL_SIZE',
            '',
          ].includes(name as string),
      ),
    ).toEqual([])
  })

  test('when killed fails what is under way, says so, and comes back with all that was acknowledged', async () => {
    const { columns, folder } = store
    await columns.migrate([callsLike('calls')])
    await insert(columns, 'before')
    const underWay = columns.query(sql`SELECT count() FROM numbers(1e13)`)
    await setTimeout(100)
    process.kill(engineOf(folder), 'SIGKILL')
    await expect(underWay).rejects.toMatchObject({
      code: 'columns-down',
      status: 503,
      message: expect.stringContaining('ended by SIGKILL'),
    })
    expect(columns.state()).toMatchObject({ state: 'down', because: 'its process was ended by SIGKILL' })
    await expect(columns.query(sql`SELECT 1`)).rejects.toMatchObject({ code: 'columns-down' })
    await ready(columns)
    expect(columns.state()).toMatchObject({ state: 'ready', because: null, restarts: 1 })
    await insert(columns, 'before')
    expect(await counted(columns, 'calls')).toEqual(inBoth(rowsOfFile))
  })

  test(
    'counts each insert once in table and view, whenever it is killed, when it is sent until it is acknowledged',
    async () => {
      const { columns, folder } = store
      const random = seededRandom(seed)
      await columns.migrate([callsLike('calls')])
      await columns.command(sql`TRUNCATE TABLE calls`)
      await columns.command(sql`TRUNCATE TABLE calls_hour`)
      let acknowledged = 0
      let killed = 0
      const stopping = new AbortController()
      const killing = (async () => {
        while (killed < kills) {
          await setTimeout(100 + random() * 300)
          await ready(columns)
          process.kill(engineOf(folder), 'SIGKILL')
          killed++
        }
        stopping.abort()
      })()
      for (let nth = 0; !stopping.signal.aborted; nth++) {
        const token = `nth ${nth}`
        for (;;) {
          try {
            await insert(columns, token)
            break
          } catch (error) {
            expect(error, `BELAY_SEED=${seed}`).toMatchObject({ code: 'columns-down' })
            await setTimeout(50)
          }
        }
        acknowledged++
      }
      await killing
      await ready(columns)
      expect(killed).toBe(kills)
      expect(await counted(columns, 'calls'), `BELAY_SEED=${seed}`).toEqual(inBoth(rowsOfFile, acknowledged))
    },
    60_000 + kills * 40_000,
  )

  test('ends what it does when the server closes it', async () => {
    await using mine = await columnsForTests()
    await mine.columns.query(sql`SELECT 1`)
    const pid = engineOf(mine.folder)
    const last = mine.columns.query(sql`SELECT sleep(0.5) AS slept`)
    await setTimeout(50)
    await mine.columns.close()
    expect(await last).toEqual([{ slept: 0 }])
    expect(isAlive(pid)).toBe(false)
    await expect(mine.columns.query(sql`SELECT 1`)).rejects.toMatchObject({ code: 'columns-down' })
  })
})

describe('a folder', () => {
  test('belongs to one server at a time, and the first is not disturbed', async () => {
    await store.columns.query(sql`SELECT 1`)
    const second = openColumns({ folder: store.folder, clock: systemClock, log: () => {} })
    try {
      await expect(second.query(sql`SELECT 1`)).rejects.toMatchObject({
        code: 'columns-taken',
        facts: { folder: store.folder, owner: String(engineOf(store.folder)) },
      })
      expect(await store.columns.query(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }])
    } finally {
      await second.close()
    }
  })

  test('of a server that was killed is free at once, with all that it acknowledged', async () => {
    await using mine = await columnsForTests()
    await mine.columns.migrate([callsLike('calls')])
    await mine.columns.close()
    const server = spawn(process.execPath, [fileURLToPath(new URL('./trouble.server.ts', import.meta.url)), mine.folder, path, '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await eventually(() => said.split('\n').length > 5, { withinMs: 20_000, what: 'some inserts' })
    const engine = engineOf(mine.folder)
    expect(isAlive(engine)).toBe(true)
    server.kill('SIGKILL')
    await once(server, 'exit')
    await eventually(() => !isAlive(engine), { withinMs: 2_000, what: 'the engine to end with its server' })

    const next = openColumns({ folder: mine.folder, clock: systemClock, log: () => {} })
    try {
      const tokens = said.split('\n').slice(0, -1)
      // What was stored and not yet acknowledged is sent once more by whoever comes next.
      tokens.push(`token ${tokens.length}`)
      for (const token of tokens) await insert(next, token)
      expect(await counted(next, 'calls')).toEqual(inBoth(rowsOfFile, tokens.length))
    } finally {
      await next.close()
    }
  })
})

const small = await tmpfs(24 * 1024 * 1024)
describe.skipIf('skipped' in small)(`a full disk${'skipped' in small ? ` (${small.skipped})` : ''}`, () => {
  test('is said in a sentence, and what waits goes in once there is room', async () => {
    if ('skipped' in small) return
    await using disk = small
    const columns = openColumns({ folder: join(disk.path, 'columns'), clock: systemClock, log: () => {} })
    try {
      await columns.migrate([callsLike('calls')])
      await insert(columns, 'first')
      const filler = join(disk.path, 'filler')
      await writeFile(filler, Buffer.alloc(30 * 1024 * 1024)).catch(() => {})
      await expect(insert(columns, 'second')).rejects.toMatchObject({ code: 'columns-full', status: 507 })
      await writeFile(filler, '')
      await insert(columns, 'second')
      expect(await counted(columns, 'calls')).toEqual(inBoth(rowsOfFile, 2))
    } finally {
      await columns.close()
    }
  })
})
