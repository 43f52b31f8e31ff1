/** What every column store keeps, wherever it runs. */
import { createWriteStream } from 'node:fs'
import { join as joinPath } from 'node:path'
import { once } from 'node:events'
import { temporaryFolder, type TemporaryFolder } from '@belay/testkit'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ColumnMigrations, type Columns, raw, sql } from './index.ts'

const dayMs = 86_400_000
const startMs = Date.UTC(2026, 0, 5, 10)
export const fileColumns = [
  ['ts', 'DateTime64(3)'],
  ['v', 'UInt64'],
  ['method', 'LowCardinality(String)'],
] as const

/** RowBinary of `rows` rows that lie on three days, in 200 methods, with values 0, 1, 2 …. */
export async function writeRows(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path)
  const record = Buffer.alloc(8 + 8 + 1 + 4)
  for (let at = 0; at < rows; at += 10_000) {
    const chunk = Array.from({ length: Math.min(10_000, rows - at) }, (_, nth) => {
      const v = at + nth
      record.writeBigInt64LE(BigInt(startMs + (v % 3) * dayMs + (v % 60_000)), 0)
      record.writeBigUInt64LE(BigInt(v), 8)
      record.writeUInt8(4, 16)
      record.write(`m${String(v % 200).padStart(3, '0')}`, 17)
      return Buffer.from(record)
    })
    if (!file.write(Buffer.concat(chunk))) await once(file, 'drain')
  }
  file.end()
  await once(file, 'close')
}

/** A table, its rollup by hour, and the view between them. */
export const callsLike = (room: string): ColumnMigrations => ({
  room,
  steps: [
    {
      name: '001-table',
      up: (it) => [
        ...it.table({
          name: room,
          columns: 'ts DateTime64(3), v UInt64, method LowCardinality(String)',
          family: 'MergeTree',
          partitionBy: 'toDate(ts)',
          orderBy: 'method, ts',
        }),
        ...it.table({
          name: `${room}_hour`,
          columns:
            't DateTime, method LowCardinality(String), n SimpleAggregateFunction(sum, UInt64), v SimpleAggregateFunction(sum, UInt64)',
          family: 'AggregatingMergeTree',
          orderBy: 'method, t',
        }),
        ...it.view({
          name: `${room}_to_hour`,
          from: room,
          to: `${room}_hour`,
          select: `SELECT toStartOfHour(c.ts) AS t, c.method AS method, count() AS n, sum(c.v) AS v FROM ${room} AS c GROUP BY t, method`,
        }),
      ],
    },
  ],
})

/** Rows and their sum, in the table and as its view counted them. */
export async function counted(columns: Columns, room: string) {
  const [table] = await columns.query(sql`SELECT count() AS n, sum(v) AS v FROM ${raw(room)}`)
  const [view] = await columns.query(sql`SELECT sum(n) AS n, sum(v) AS v FROM ${raw(`${room}_hour`)}`)
  return { table, view }
}
export const inBoth = (rows: number, times = 1) => {
  const all = { n: String(rows * times), v: String(((rows * (rows - 1)) / 2) * times) }
  return { table: all, view: all }
}

export function columnStoreKeepsItsPromises(columns: () => Columns, cluster: string | undefined): void {
  let folder: TemporaryFolder
  beforeAll(async () => {
    folder = await temporaryFolder()
  })
  afterAll(() => folder[Symbol.asyncDispose]())

  describe('migrations', () => {
    test('run once, and a step that was added later is run alone', async () => {
      const first = callsLike('steps')
      await columns().migrate([first])
      await columns().migrate([first])
      let runs = 0
      const second = {
        name: '002-more',
        up: () => {
          runs++
          return [`ALTER TABLE ${cluster === undefined ? 'steps' : 'steps_local'} ADD COLUMN IF NOT EXISTS more UInt8`]
        },
      }
      await columns().migrate([{ room: 'steps', steps: [...first.steps, second] }])
      await columns().migrate([{ room: 'steps', steps: [...first.steps, second] }])
      expect(runs).toBe(1)
      await expect(columns().migrate([first])).rejects.toMatchObject({ code: 'columns-newer', facts: { step: '002-more' } })
    })

    test('two servers that start at once both get there', async () => {
      await Promise.all([columns().migrate([callsLike('both')]), columns().migrate([callsLike('both')])])
      expect(await columns().query(sql`SELECT step FROM belay_migrations WHERE room = ${'both'}`)).toEqual([{ step: '001-table' }])
    })
  })

  describe('inserts', () => {
    const rows = 300_000
    const room = 'calls'
    const insert = (token: string, name = 'large') =>
      columns().insertFile({ table: room, columns: fileColumns, path: joinPath(folder.path, name), token })

    beforeAll(async () => {
      await columns().migrate([callsLike(room)])
      await writeRows(joinPath(folder.path, 'large'), rows)
      await writeRows(joinPath(folder.path, 'small'), 10)
    })

    test('the token of a file holds for all of its 300,000 rows, in the table and in the view', async () => {
      await insert('one')
      expect(await counted(columns(), room)).toEqual(inBoth(rows))
      await insert('one')
      await insert('one')
      expect(await counted(columns(), room)).toEqual(inBoth(rows))
    })

    test('the same rows under another token count again', async () => {
      await insert('two')
      expect(await counted(columns(), room)).toEqual(inBoth(rows, 2))
    })

    test('a view that missed an insert gets it when the insert comes again, and the table does not', async () => {
      await columns().migrate([callsLike('missed')])
      const again = () => columns().insertFile({ table: 'missed', columns: fileColumns, path: joinPath(folder.path, 'small'), token: 'm' })
      await columns().command(sql`DETACH TABLE missed_to_hour`)
      await again()
      expect(await counted(columns(), 'missed')).toMatchObject({ table: { n: '10' }, view: { n: '0' } })
      await columns().command(sql`ATTACH TABLE missed_to_hour`)
      await again()
      await again()
      expect(await counted(columns(), 'missed')).toEqual(inBoth(10))
    })

    test('what is inserted as rows comes out with every digit, millisecond and quote', async () => {
      await columns().migrate([callsLike('rows')])
      const row = { ts: new Date(startMs + 123), v: 2n ** 64n - 1n, method: 'it\'s \\ "é"\n\t\0' }
      for (let time = 0; time < 2; time++) await columns().insertRows({ table: 'rows', rows: [row], token: 'row' })
      expect(await columns().query(sql`SELECT * FROM rows WHERE method = ${row.method} AND ts = ${row.ts}`)).toEqual([
        { ts: '2026-01-05 10:00:00.123', v: '18446744073709551615', method: row.method },
      ])
    })

    test('what is not there cannot be inserted', async () => {
      await expect(insert('gone', 'nowhere')).rejects.toMatchObject({ code: 'columns-refused' })
      await expect(columns().insertRows({ table: 'nowhere', rows: [{ a: 1 }], token: 'x' })).rejects.toMatchObject({
        code: 'columns-refused',
      })
    })

    test('rows and bytes of tables are known by the beginning of their names', async () => {
      const sizes = await columns().sizes('missed')
      expect(sizes.map(({ table }) => table)).toEqual(['missed', 'missed_hour'])
      expect(sizes[0]).toMatchObject({ rows: 10 })
      expect(sizes[0]?.bytes).toBeGreaterThan(100)
    })
  })

  describe('questions', () => {
    test('any text is only a text', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.string({ unit: 'binary', maxLength: 20 }), { minLength: 1, maxLength: 20 }), async (texts) => {
          const list = texts.map((text) => sql`${text}`.text).join(', ')
          expect(await columns().query(sql`SELECT [${raw(list)}] AS texts`)).toEqual([{ texts }])
        }),
        { numRuns: 20 },
      )
    })

    test('numbers, dates and nothing come back as they are', async () => {
      const asked = sql`SELECT ${-1.5} AS a, toUInt64(${2n ** 53n + 1n}) AS b, ${true} AS c, ${null} AS d, ${new Date(1.5)} AS e, nan AS f, timezone() AS g`
      expect(await columns().query(asked)).toEqual([
        { a: -1.5, b: '9007199254740993', c: true, d: null, e: '1970-01-01 00:00:00.001', f: null, g: 'UTC' },
      ])
      expect(await columns().query(sql`SELECT 1 AS one WHERE 1 IN ${[]}`)).toEqual([])
    })

    test('one may name 10,000 methods', async () => {
      const names = Array.from({ length: 10_000 }, (_, nth) => `Items.a rather long name of a method ${nth}`)
      expect(await columns().query(sql`SELECT ${names[9_999] as string} IN ${names} AS found`)).toEqual([{ found: 1 }])
    })

    test('one that is aborted ends in the engine too, and the next is not held up', async () => {
      const stopping = new AbortController()
      const endless = Array.from({ length: 3 }, () => columns().query(sql`SELECT count() FROM numbers(1e13)`, { signal: stopping.signal }))
      setTimeout(() => stopping.abort(new Error('enough')), 200)
      await Promise.all(endless.map((one) => expect(one).rejects.toThrow('enough')))
      const startedMs = performance.now()
      await columns().query(sql`SELECT 1`)
      expect(performance.now() - startedMs).toBeLessThan(3_000)
      // Its own look at the processes is one.
      await expect
        .poll(
          async () =>
            (await columns().query<{ n: string }>(sql`SELECT count() AS n FROM system.processes WHERE query LIKE '%1e13%'`))[0]?.n,
          { timeout: 5_000 },
        )
        .toBe('1')
    })

    test('one that takes too long is refused after its time', async () => {
      const startedMs = performance.now()
      await expect(columns().query(sql`SELECT count() FROM numbers(1e13)`, { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'columns-too-slow',
        facts: { afterMs: 300 },
      })
      expect(performance.now() - startedMs).toBeLessThan(5_000)
    })

    test('one whose answer is too long is refused', async () => {
      await expect(columns().query(sql`SELECT number FROM numbers(2000000)`)).rejects.toMatchObject({ code: 'columns-too-large' })
      const long = columns().query(sql`SELECT repeat('x', 1000000) FROM numbers(100)`)
      await expect(long.then((rows) => rows.length)).rejects.toMatchObject({ code: 'columns-too-large' })
    })

    test('one that makes no sense is refused with the engine’s own sentence', async () => {
      await expect(columns().query(sql`SELECT nothing FROM nowhere`)).rejects.toMatchObject({
        code: 'columns-refused',
        facts: { because: expect.stringMatching(/^Unknown table.*nowhere/) },
      })
    })

    test('more than may wait are told at once', async () => {
      const stopping = new AbortController()
      const asked = Array.from({ length: 80 }, () =>
        columns().query(sql`SELECT sleepEachRow(1) FROM numbers(100)`, { signal: stopping.signal }),
      )
      const outcomes = await Promise.all(asked.slice(72).map((one) => one.catch((error: unknown) => error)))
      expect(outcomes.every((outcome) => (outcome as { code: string }).code === 'columns-too-much')).toBe(true)
      stopping.abort()
      await Promise.allSettled(asked)
      expect(await columns().query(sql`SELECT 1 AS one`)).toEqual([{ one: 1 }])
    })
  })
}
