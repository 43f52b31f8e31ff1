import { mariadbForTests } from '@belay/testkit'
import mysql from 'mysql2'
import promised from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { currentCall } from '../context.ts'
import { countsOf, failuresOf, recorded, textsOf } from './fixtures.ts'

const server = await mariadbForTests()
const missing = 'skipped' in server ? server.skipped : undefined

describe.skipIf(missing)(`statements of mysql2${missing === undefined ? '' : `: ${missing}`}`, () => {
  const database = `t_${process.pid}`
  let options: mysql.ConnectionOptions
  let pool: promised.Pool
  let old: mysql.Pool
  beforeAll(async () => {
    if ('skipped' in server) throw new Error(server.skipped)
    options = { host: '127.0.0.1', port: server.port, user: 'root', multipleStatements: true }
    const first = await promised.createConnection(options)
    await first.query(`create database ${database}`)
    await first.end()
    options = { ...options, database }
    pool = promised.createPool({ ...options, connectionLimit: 3 })
    old = mysql.createPool({ ...options, connectionLimit: 3 })
    await pool.query('create table item (id int primary key, name text) engine=innodb')
    await pool.query('insert into item values ?', [Array.from({ length: 20 }, (_, nth) => [nth + 1, `n${nth + 1}`])])
  })
  afterAll(async () => {
    await pool.query(`drop database ${database}`)
    await pool.end()
    await old.promise().end()
  })

  test('a statement is counted once, whichever way it is asked, and no value is in its text', async () => {
    const connection = await promised.createConnection(options)
    const ways: readonly (() => Promise<unknown>)[] = [
      () => pool.query('select * from item where name <> ? limit 4', ["it's"]),
      () => pool.execute('select * from item where name <> ? limit 4', ["it's"]),
      () => connection.query({ sql: 'select * from item where name <> ? limit 4', values: ["it's"] }),
      () => connection.execute('select * from item where name <> ? limit 4', ["it's"]),
      async () => (await connection.prepare('select * from item where name <> ? limit 4')).execute(["it's"]),
      () => new Promise((resolve) => old.query('select * from item where name <> ? limit 4', ["it's"], resolve)),
      () => new Promise((resolve) => old.execute('select * from item where name <> ? limit 4', ["it's"], resolve)),
      () =>
        new Promise((resolve) =>
          old
            .query('select * from item where name <> "it\'s" limit 4')
            .on('end', resolve)
            .on('result', () => {}),
        ),
    ]
    for (const way of ways) {
      const call = await recorded(way)
      expect([way.toString(), countsOf(call)]).toEqual([way.toString(), { statements: 1, transactions: 1, rows: 4 }])
      expect(textsOf(call)).toEqual(['select * from item where name <> ? limit ?'])
      expect(call.dbUs).toBeGreaterThan(0)
    }
    await connection.end()
  })

  test('transactions of all kinds are one each', async () => {
    const call = await recorded(async () => {
      const connection = await pool.getConnection()
      await connection.beginTransaction()
      await connection.execute('update item set name = ? where id < ?', ['x', 4])
      await connection.query('select 1')
      await connection.rollback()
      await connection.query('START TRANSACTION READ ONLY; select 2; COMMIT')
      connection.release()
      await pool.query('select 3')
    })
    expect(countsOf(call)).toMatchObject({ statements: 4, transactions: 3 })
  })

  test('calls that share connections and interleave are each charged for their own, also in callbacks', async () => {
    const shares = [1, 2, 3, 4, 5, 6]
    const told = await Promise.all(
      shares.map((many) =>
        recorded(async () => {
          for (let nth = 0; nth < many; nth++) await pool.execute('select * from item where id = ?', [nth + 1])
          const mine = currentCall()
          await new Promise<void>((resolve) => {
            const go = (left: number) => {
              expect(currentCall()).toBe(mine)
              if (left === 0) resolve()
              else old.query('select count(*) from item', () => go(left - 1))
            }
            go(many)
          })
        }),
      ),
    )
    expect(told.map((call) => call.statements)).toEqual(shares.map((many) => 2 * many))
    expect(told.map((call) => call.repeats?.times)).toEqual(shares)
  })

  test('errors are the same errors, counted and marked', async () => {
    const call = await recorded(async () => {
      await expect(pool.query('select * from nowhere')).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' })
      await expect(pool.execute('select * from nowhere_else')).rejects.toMatchObject({ code: 'ER_NO_SUCH_TABLE' })
      await expect(pool.execute('select 1', [undefined as never])).rejects.toThrow(TypeError)
    })
    expect(failuresOf(call)).toEqual(['select * from nowhere', 'select * from nowhere_else'])
  })

  test('an error of a query without a callback still needs a listener', async () => {
    const connection = mysql.createConnection(options)
    const call = await recorded(
      () => new Promise((resolve) => connection.query('select * from nowhere').on('error', (thrown) => resolve(thrown))),
    )
    expect(failuresOf(call)).toEqual(['select * from nowhere'])
    connection.destroy()
  })
})
