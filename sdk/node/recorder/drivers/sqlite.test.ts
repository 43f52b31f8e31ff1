import { createRequire } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { countsOf, failuresOf, recorded, textsOf } from './fixtures.ts'

/** Its package brings no types. */
const require = createRequire(import.meta.url)
const Database = require('better-sqlite3') as new (
  file: string,
) => Either & {
  transaction<Argument>(work: (argument: Argument) => unknown): (argument: Argument) => unknown
}

/** What both have in common. */
type Either = {
  exec(sql: string): unknown
  prepare(sql: string): {
    get(...values: unknown[]): unknown
    all(...values: unknown[]): unknown[]
    run(...values: unknown[]): { readonly changes: number | bigint }
    iterate(...values: unknown[]): Iterable<unknown>
  }
}

const libraries: readonly (readonly [name: string, open: () => Either])[] = [
  ['node:sqlite', () => new DatabaseSync(':memory:') as unknown as Either],
  ['better-sqlite3', () => new Database(':memory:')],
]

describe.each(libraries)('statements of %s', (_, open) => {
  const filled = () => {
    const db = open()
    db.exec("create table item (id integer primary key, name text); insert into item values (1, 'a'), (2, 'b'), (3, 'c')")
    return db
  }

  test('each is counted with its rows, and answers what it would', async () => {
    const db = filled()
    const call = await recorded(() => {
      expect({ ...(db.prepare('select name from item where id = ?').get(2) as object) }).toEqual({ name: 'b' })
      expect(db.prepare('select name from item where id = ?').get(9)).toBe(undefined)
      expect(db.prepare('select id from item').all()).toHaveLength(3)
      expect(Number(db.prepare("update item set name = 'it''s' where id < ?").run(3).changes)).toBe(2)
      expect([...db.prepare('select id from item').iterate()]).toHaveLength(3)
      for (const row of db.prepare('select id from item').iterate()) if (row) break
      db.exec("insert into item values (4, 'd')")
    })
    expect(countsOf(call)).toEqual({ statements: 7, transactions: 7, rows: 1 + 0 + 3 + 2 + 3 + 1 })
    expect(textsOf(call)).toContain('update item set name = ? where id < ?')
    expect(call.repeats).toMatchObject({ times: 3, text: 'select id from item' })
    expect(call.dbUs).toBeGreaterThan(0)
  })

  test('BEGIN to COMMIT is one transaction, in one text or in several', async () => {
    const db = filled()
    const call = await recorded(() => {
      db.exec('BEGIN')
      db.prepare('delete from item where id = ?').run(1)
      db.prepare('delete from item where id = ?').run(2)
      db.exec('COMMIT')
      db.exec('begin immediate; delete from item; select 1; end')
    })
    expect(countsOf(call)).toMatchObject({ statements: 4, transactions: 2 })
  })

  test('errors are the same errors, counted and marked', async () => {
    const db = filled()
    const insert = db.prepare("insert into item values (1, 'a')")
    const call = await recorded(() => {
      expect(() => insert.run()).toThrow(/UNIQUE constraint failed/)
      expect(() => db.exec('nonsense')).toThrow(/syntax error/)
    })
    expect(failuresOf(call)).toEqual(['insert into item values (?)', 'nonsense'])
  })

  test('what other calls do in between is theirs', async () => {
    const db = filled()
    const select = db.prepare('select * from item where id = ?')
    const told = await Promise.all(
      [1, 2, 3].map((many) =>
        recorded(async () => {
          for (let nth = 0; nth < many; nth++) {
            select.get(nth)
            await new Promise(setImmediate)
          }
        }),
      ),
    )
    expect(told.map((call) => call.statements)).toEqual([1, 2, 3])
  })
})

test('transaction() of better-sqlite3 is one transaction, also nested', async () => {
  const db = new Database(':memory:')
  db.exec('create table item (id integer primary key)')
  const insert = db.prepare('insert into item values (?)')
  const inner = db.transaction((id: number) => insert.run(id))
  const outer = db.transaction((ids: number[]) => {
    for (const id of ids) inner(id)
  })
  const call = await recorded(() => outer([1, 2, 3]))
  expect(countsOf(call)).toEqual({ statements: 3, transactions: 1, rows: 3 })
  const rolledBack = await recorded(() => expect(() => outer([4, 1])).toThrow(/UNIQUE/))
  expect(countsOf(rolledBack)).toMatchObject({ statements: 2, transactions: 1 })
})
