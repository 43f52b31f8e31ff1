import { redisForTests } from '@belay/testkit'
import { createClient, createClientPool } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countsOf, failuresOf, recorded, textsOf } from './fixtures.ts'

const server = await redisForTests()
const missing = 'skipped' in server ? server.skipped : undefined
const url = 'skipped' in server ? '' : `redis://127.0.0.1:${server.port}`

describe.skipIf(missing)(`commands of redis${missing === undefined ? '' : `: ${missing}`}`, () => {
  const client = createClient({ url })
  beforeAll(async () => {
    await client.connect()
  })
  afterAll(() => client.close())

  test('a command is counted, by its name and the first word of its key', async () => {
    const call = await recorded(async () => {
      expect(await client.set('user:anna', 'secret')).toBe('OK')
      expect(await client.get('user:anna')).toBe('secret')
      expect(await client.get('plain')).toBe(null)
      expect(await client.sendCommand(['PING'])).toBe('PONG')
    })
    expect(textsOf(call)).toEqual(['SET user:? ?', 'GET user:?', 'GET ?', 'PING'])
    expect(countsOf(call)).toEqual({ statements: 4, transactions: 0, rows: 0 })
    expect(call.dbUs).toBeGreaterThan(0)
  })

  test('MULTI is one transaction of its commands, a pipeline is none', async () => {
    const multi = await recorded(async () => {
      expect(await client.multi().set('count:a', 1).incr('count:a').get('count:a').exec()).toEqual(['OK', 2, '2'])
    })
    expect(textsOf(multi)).toEqual(['MULTI', 'SET count:? ?', 'INCR count:?', 'GET count:?', 'EXEC'])
    expect(multi.statements).toBe(3)
    expect(multi.transactions).toBe(1)
    const pipeline = await recorded(() => client.multi().get('count:a').get('count:a').execAsPipeline())
    expect(pipeline.statements).toBe(2)
    expect(pipeline.repeats?.times).toBe(2)
  })

  test('calls that interleave are each charged for their own, on one connection and on a pool', async () => {
    const pool = createClientPool({ url }, { minimum: 1, maximum: 2 })
    await pool.connect()
    const shares = [1, 2, 3, 4, 5]
    const told = await Promise.all(
      shares.map((many) =>
        recorded(async () => {
          for (let nth = 0; nth < many; nth++) await client.get(`item:${nth}`)
          await Promise.all(Array.from({ length: many }, (_, nth) => pool.get(`other:${nth}`)))
        }),
      ),
    )
    expect(told.map((call) => countsOf(call).statements)).toEqual(shares.map((many) => 2 * many))
    expect(told.map((call) => call.repeats?.times)).toEqual(shares)
    await pool.close()
  })

  test('errors are the same errors, counted and marked', async () => {
    await client.set('text:a', 'x')
    const call = await recorded(() => expect(client.incr('text:a')).rejects.toThrow(/not an integer/))
    expect(failuresOf(call)).toEqual(['INCR text:?'])
  })
})
