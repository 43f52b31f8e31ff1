import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classifyStatement, normaliseStatement, readStatement, statementCharactersMax } from './normalise.ts'
import { createStatementReader } from './statements.ts'

describe('a statement without what differs from call to call', () => {
  test.each<[sql: string, text: string, system?: string]>([
    [
      "select * from a where b = 'it''s' and c=-5 and d > 1.5e3 or e = .5 or f = 0xFF",
      'select * from a where b = ? and c=? and d > ? or e = ? or f = ?',
    ],
    ['select  *\n\tfrom a -- who\n where b = $1 /* why /* not */ */ limit 10;', 'select * from a where b = ? limit ?', 'postgresql'],
    ['select * from a where id in (1, 2, -3, NULL)', 'select * from a where id in (?)'],
    ['select * from a where id IN ($1::uuid,$2::uuid)', 'select * from a where id IN (?)', 'postgresql'],
    ["select * from a where (b,c) in ((1,'x'),(2,'y'))", 'select * from a where (b,c) in (?)'],
    ['select * from a where id in (select b from c where d in (1,2))', 'select * from a where id in (select b from c where d in (?))'],
    ['select * from a where id = any(array[1,2,3]) and f(1, 2)', 'select * from a where id = any(array[?]) and f(?, ?)', 'postgresql'],
    ["insert into a (b, c) values (1, now()), (2, 'x') returning *", 'insert into a (b, c) values (?) returning *'],
    [
      'insert into a values row(1,2), row(3,4) on duplicate key update b = values(b)',
      'insert into a values (?) on duplicate key update b = values (?)',
      'mysql',
    ],
    [
      "select E'a\\'b', $$it's$$, $t$ $1 $t$, N'x', X'ff', U&'\\0041', a::int, b - 5",
      'select ?, ?, ?, ?, ?, ?, a::int, b - ?',
      'postgresql',
    ],
    ['select "a""b", `c`, [d] from "e" where f = :name and g = ?1', 'select "a""b", `c`, [d] from "e" where f = ? and g = ?', 'sqlite'],
    ['select "it\\"s", \'x\\\'y\' from `a` # why\n where b = @c -- d\n and e--5', 'select ?, ? from `a` where b = @c and e-?', 'mysql'],
    ['select * from a where b = @c', 'select * from a where b = ?', 'sqlite'],
    ["select _utf8mb4'x', DATE '2020-01-01', t1.c2 from t1", 'select ?, DATE ?, t1.c2 from t1', 'mysql'],
    ['BEGIN; insert into a values (1);; COMMIT ;', 'BEGIN; insert into a values (?);; COMMIT'],
    ['find items { owner: ?, done: { $in: [?] } }', 'find items { owner: ?, done: { $in: [?] } }', 'mongodb'],
    ['{"find":"items","filter":{"name":"anna"}}', '{"find":?,"filter":{"name":?}}', 'mongodb'],
    ['GET user:?', 'GET user:?', 'redis'],
    ['set key "secret" EX 10', 'set key ? EX ?', 'redis'],
    ["select 'never ended", 'select ?'],
    ['', ''],
    [' ; -- nothing', ''],
  ])('%s', (sql, text, system) => {
    expect(normaliseStatement(sql, system)).toBe(text)
  })

  test('has one text for lists of any length', () => {
    const listed = (many: number) =>
      normaliseStatement(`select * from a where id in (${Array.from({ length: many }, (_, n) => n).join(', ')}) and b = 1`)
    const rows = (many: number) =>
      normaliseStatement(`insert into a values ${Array.from({ length: many }, (_, n) => `(${n}, 'x')`).join(', ')} returning id`)
    expect(new Set([1, 2, 10, 1_000].map(listed)).size).toBe(1)
    expect(new Set([1, 2, 10, 1_000].map(rows)).size).toBe(1)
  })

  const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/).filter((it) => !/^(in|values?|n|x|b|e|u|row)$/.test(it))
  const secret = fc.string({ unit: 'grapheme', minLength: 1 }).map((it) => `secret${it}`)
  test('holds nothing of a literal, and is the same whatever the literals are', () => {
    const literal = fc.oneof(
      secret.map((it) => `'${it.replaceAll("'", "''")}'`),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((it) => (it < 0 ? `${it}` : `${Math.abs(it)}`)),
      fc.integer().map(String),
    )
    fc.assert(
      fc.property(name, name, literal, literal, literal, (table, column, one, two, three) => {
        const of = (a: string, b: string, c: string) =>
          normaliseStatement(`SELECT ${column} FROM ${table} WHERE ${column} = ${a} AND x IN (${b}, ${c}) LIMIT ${a}`, 'postgresql')
        expect(of(one, two, three)).toBe(`SELECT ${column} FROM ${table} WHERE ${column} = ? AND x IN (?) LIMIT ?`)
      }),
    )
  })

  test('is bounded, on one line, and holds no literal, whatever the text is', () => {
    const parts = fc.constantFrom(
      'select ',
      'a',
      ' in ',
      '(',
      ')',
      ', ',
      '1',
      "'x'",
      ' values ',
      '-',
      '--',
      '/*',
      '*/',
      '[',
      ']',
      ';',
      '$1',
      '::int',
      '"',
      '`',
      ' row',
      '?',
      ' null',
      '\\',
      "'",
      '\n',
      '$$',
      ':b',
      '@c',
      '#',
      'begin',
    )
    fc.assert(
      fc.property(
        fc.array(parts, { maxLength: 30 }).map((it) => it.join('')),
        fc.constantFrom('', 'postgresql', 'mysql', 'sqlite', 'mongodb', 'redis'),
        (sql, system) => {
          const { text, kinds } = readStatement(sql, system)
          expect(text.length).toBeLessThanOrEqual(statementCharactersMax)
          expect(text).toBe(text.trim())
          // What stands in quotes of names is kept, and so are names of fields in MongoDB's documents.
          if (!/["`\\]/.test(sql) && system !== 'mongodb') expect(text).not.toMatch(/\n|'x'/)
          expect(kinds.length === 0).toBe(text.replaceAll(/[;\s]/g, '') === '')
        },
      ),
      { numRuns: 5_000 },
    )
  })

  test('is bounded and quick, however hostile the text', () => {
    const many = 50_000
    const hostile = [
      '(',
      '[',
      'in (',
      ')',
      "'",
      "''",
      '"',
      '/*',
      '/*/',
      '*/',
      '--',
      '$a$',
      '$$',
      '1,',
      '-',
      '+',
      '1_',
      '1.',
      'e',
      'values (',
      '(1),',
      'values(1),',
      ';',
      'row',
      ':',
      '::',
      '\\',
      "e'\\",
      'begin;',
      '\u{1f600}',
      'in ((1),',
      '#',
    ]
    for (const piece of hostile) {
      for (const system of ['postgresql', 'mysql', 'sqlite', 'mongodb']) {
        const before = process.threadCpuUsage()
        const { text, kinds } = readStatement(`select ${piece.repeat(many)}`, system)
        // Takes a millisecond or two.
        expect([piece, system, process.threadCpuUsage(before).user < 100_000]).toEqual([piece, system, true])
        expect(text.length).toBeLessThanOrEqual(statementCharactersMax)
        expect(kinds.length).toBeLessThan(20_000)
        expect(text.isWellFormed()).toBe(true)
      }
    }
  })
})

describe('what a statement does to its transaction', () => {
  test.each<[sql: string, kind: string, system?: string]>([
    ['BEGIN', 'begin'],
    ['begin isolation level serializable', 'begin'],
    ['/* hint */ START TRANSACTION READ ONLY', 'begin'],
    ['BEGIN IMMEDIATE', 'begin', 'sqlite'],
    ['SET autocommit = 0', 'begin', 'mysql'],
    ['set @@session.autocommit=OFF', 'begin', 'mysql'],
    ['SET SESSION autocommit = 1', 'end', 'mysql'],
    ['set autocommit=on', 'end', 'mysql'],
    ['set names utf8', 'statement', 'mysql'],
    ['COMMIT AND CHAIN', 'end'],
    ['commit;', 'end'],
    ['END TRANSACTION', 'end'],
    ['ABORT', 'end'],
    ['ROLLBACK', 'end'],
    ["PREPARE TRANSACTION 'x'", 'end'],
    ['PREPARE a AS select 1', 'statement'],
    ['ROLLBACK TO a', 'savepoint'],
    ['ROLLBACK WORK TO SAVEPOINT a', 'savepoint'],
    ['SAVEPOINT a', 'savepoint'],
    ['RELEASE SAVEPOINT a', 'savepoint'],
    ['START REPLICA', 'statement', 'mysql'],
    ['select begin from commit', 'statement'],
    ['update a set begin = 1', 'statement'],
    ['MULTI', 'begin', 'redis'],
    ['EXEC', 'end', 'redis'],
    ['EXEC procedure', 'statement', 'mssql'],
    ['startTransaction', 'begin', 'mongodb'],
    ['abortTransaction', 'end', 'mongodb'],
    ['', 'statement'],
  ])('%s: %s', (sql, kind, system) => {
    expect(classifyStatement(sql, system)).toBe(kind)
  })

  test('is told of each in a text with several', () => {
    expect(readStatement('BEGIN; select 1; savepoint a; COMMIT').kinds).toEqual(['begin', 'statement', 'savepoint', 'end'])
  })

  test('of a routine is told once: its body has a BEGIN and semicolons of its own', () => {
    const trigger = 'CREATE TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b VALUES (1); DELETE FROM c; END'
    expect(readStatement(trigger, 'sqlite').kinds).toEqual(['statement'])
  })
})

test('alone, a statement of SQL is a transaction, one of MongoDB or Redis is not', () => {
  const alone = (system: string) => readStatement('x', system).standsAlone
  expect(['postgresql', 'mysql', 'sqlite', '', 'mongodb', 'redis'].map(alone)).toEqual([true, true, true, true, false, false])
})

describe('a reader that remembers', () => {
  test('reads as one that does not, and a text that comes again only once', () => {
    const reader = createStatementReader('mysql')
    const sql = 'select * from a where b = "x"'
    expect(reader.read(sql)).toEqual(readStatement(sql, 'mysql'))
    expect(reader.read(sql)).toBe(reader.read(sql))
  })

  test('forgets what does not come again, and keeps what does', () => {
    const reader = createStatementReader('postgresql')
    const kept = reader.read('select 1')
    for (let nth = 0; nth < 3_000; nth++) {
      reader.read(`select ${nth} /* ${'x'.repeat(nth % 1_000)} */`)
      expect(reader.read('select 1')).toBe(kept)
    }
    const once = reader.read('select once')
    for (let nth = 0; nth < 3_000; nth++) reader.read(`select ${nth}`)
    expect(reader.read('select once')).not.toBe(once)
  })
})
