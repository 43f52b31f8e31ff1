import { createRequire } from 'node:module'
import { postgresForTests, type TestDatabase, whyNoPostgres } from '@belay/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { currentCall } from '../context.ts'
import { countsOf, failuresOf, recorded, textsOf } from './fixtures.ts'

/** Its package brings no types. */
const require = createRequire(import.meta.url)
const Cursor = require('pg-cursor') as new (text: string, values: unknown[]) => pg.Submittable & { read(rows: number): Promise<unknown[]> }

const missing = whyNoPostgres()

describe.skipIf(missing)(`statements of pg${missing === undefined ? '' : `: ${missing}`}`, () => {
  let database: TestDatabase
  let pool: pg.Pool
  const poolOf = (max: number) => {
    const it = new pg.Pool({ connectionString: database.url, max })
    // A pool has ended before its sockets have, and the database goes with force.
    return it.on('connect', (client) => void client.on('error', () => {}))
  }
  beforeAll(async () => {
    const it = await postgresForTests()
    if ('skipped' in it) throw new Error(it.skipped)
    database = it
    pool = poolOf(3)
    await pool.query('create table item (id int primary key, name text)')
    await pool.query("insert into item select n, 'n' || n from generate_series(1, 20) n")
  })
  afterAll(async () => {
    await pool.end()
    await database[Symbol.asyncDispose]()
  })

  test('a statement is counted once, with its rows, whether it is awaited or called back', async () => {
    const awaited = await recorded(() => pool.query('select * from item where id < $1', [5]))
    const calledBack = await recorded(
      () =>
        new Promise((resolve, reject) =>
          pool.query('select * from item where id < $1', [5], (error, it) => (error ? reject(error) : resolve(it))),
        ),
    )
    for (const call of [awaited, calledBack]) {
      expect(countsOf(call)).toEqual({ statements: 1, transactions: 1, rows: 4 })
      expect(textsOf(call)).toEqual(['select * from item where id < ?'])
      expect(call.dbUs).toBeGreaterThan(0)
    }
  })

  test('all forms of asking answer what they would without a recorder', async () => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    const call = await recorded(async () => {
      const config = { text: 'select $1::int as n', values: [1] }
      expect((await client.query(config)).rows).toEqual([{ n: 1 }])
      expect((await client.query({ ...config, rowMode: 'array' })).rows).toEqual([[1]])
      expect((await client.query({ ...config, name: 'one' })).rows).toEqual([{ n: 1 }])
      expect((await client.query({ ...config, name: 'one', values: [2] })).rows).toEqual([{ n: 2 }])
      const calledBack = (again: object) =>
        new Promise((resolve) => client.query(again as never, (_: unknown, it: { rows: unknown }) => resolve(it.rows)))
      // pg keeps the callback in the object.
      expect(await calledBack(config)).toEqual([{ n: 1 }])
      expect(await calledBack(config)).toEqual([{ n: 1 }])
      const query = new pg.Query('select 7 as n')
      const rows: unknown[] = []
      await new Promise((resolve, reject) =>
        client
          .query(query)
          .on('row', (row) => rows.push(row))
          .on('end', resolve)
          .on('error', reject),
      )
      expect(rows).toEqual([{ n: 7 }])
    })
    expect(countsOf(call)).toEqual({ statements: 7, transactions: 7, rows: 7 })
    expect(() => client.query(null as never)).toThrow(TypeError)
    await client.end()
  })

  test('BEGIN to COMMIT is one transaction, however many statements it has', async () => {
    const call = await recorded(async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query("insert into item values (100, 'x')")
      await client.query('savepoint a')
      await client.query('update item set name = $1 where id = 100', ['y'])
      await client.query('rollback to a')
      await client.query('ROLLBACK')
      client.release()
      await pool.query('select 1')
    })
    expect(countsOf(call)).toEqual({ statements: 3, transactions: 2, rows: 3 })
  })

  test('calls that share connections and interleave are each charged for their own', async () => {
    const shares = [1, 2, 3, 4, 5, 6, 7, 8]
    const told = await Promise.all(
      shares.map((many) =>
        recorded(async () => {
          for (let nth = 0; nth < many; nth++) await pool.query('select * from item where id = $1', [nth + 1])
          await Promise.all(Array.from({ length: many }, () => pool.query('select count(*) from item')))
        }),
      ),
    )
    expect(told.map((call) => call.statements)).toEqual(shares.map((many) => 2 * many))
    expect(told.map((call) => call.transactions)).toEqual(shares.map((many) => 2 * many))
    expect(told.map((call) => call.repeats?.times)).toEqual(shares)
  })

  test('a callback that waited for a connection goes on in the call that asked', async () => {
    const one = poolOf(1)
    const asked = (sql: string, then: () => void) => one.query(sql, () => then())
    const seen = await Promise.all(
      [1, 2, 3].map((many) =>
        recorded(
          () =>
            new Promise<void>((resolve) => {
              const mine = currentCall()
              const go = (left: number) => {
                expect(currentCall()).toBe(mine)
                if (left === 0) resolve()
                else asked('select 1', () => go(left - 1))
              }
              go(many)
            }),
        ),
      ),
    )
    expect(seen.map((call) => call.statements)).toEqual([1, 2, 3])
    await one.end()
  })

  test('parallel statements add up, and their wall time counts once', async () => {
    const call = await recorded(() => Promise.all([1, 2, 3].map(() => pool.query('select pg_sleep(0.05)'))))
    expect(call.dbUs).toBeGreaterThanOrEqual(3 * 50_000)
    expect(call.dbWallUs).toBeLessThan(call.dbUs)
  })

  test('an error is the same error, counted and marked', async () => {
    const bare = await pool.query('select * from nowhere').catch((thrown: unknown) => thrown as Error & { code: string })
    const call = await recorded(async () => {
      const thrown = await pool.query('select * from nowhere').catch((it: unknown) => it)
      expect(thrown).toMatchObject({ name: (bare as Error).name, message: (bare as Error).message, code: '42P01' })
    })
    expect(failuresOf(call)).toEqual(['select * from nowhere'])
  })

  test('a cursor is one statement: the time it waits, the rows it brings', async () => {
    const client = await pool.connect()
    const call = await recorded(async () => {
      const cursor = client.query(new Cursor('select * from item where id <= $1', [20]))
      expect(await cursor.read(8)).toHaveLength(8)
      await new Promise((resolve) => setTimeout(resolve, 500))
      expect(await cursor.read(100)).toHaveLength(12)
      expect(await cursor.read(1)).toEqual([])
    })
    expect(countsOf(call)).toEqual({ statements: 1, transactions: 1, rows: 20 })
    client.release()
    // It was away for half a second in between.
    expect(call.dbUs).toBeLessThan(450_000)
  })

  test('what a connection does for all calls is no call’s', async () => {
    const fresh = poolOf(1)
    let inside: unknown = 'nobody asked'
    fresh.on('connect', () => {
      inside = currentCall()
    })
    const call = await recorded(() => fresh.query('select 1'))
    expect(call.statements).toBe(1)
    const client = await fresh.connect()
    const { stream } = (client as unknown as { connection: { stream: NodeJS.EventEmitter } }).connection
    const heard = new Promise((resolve) => stream.once('data', () => resolve(currentCall())))
    await recorded(() => client.query('select 1'))
    expect(await heard).toBeUndefined()
    expect(inside).toBe(call)
    client.release()
    await fresh.end()
  })
})
