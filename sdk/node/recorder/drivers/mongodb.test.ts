import { createServer, type Server, type Socket } from 'node:net'
import { BSON, MongoClient, ObjectId } from 'mongodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countsOf, failuresOf, recorded, textsOf } from './fixtures.ts'

/**
 * No MongoDB can be had here, so its wire is spoken by a double: OP_MSG (opcode 2013) with a document and sequences of
 * documents, as mongodb/specifications `message/OP_MSG.md` has it. It keeps nothing and answers what each test needs.
 */
type Document = Record<string, unknown>

function answerTo(command: Document): Document {
  const [name] = Object.keys(command)
  switch (name) {
    case 'hello':
      // A router of a cluster: has sessions and transactions.
      return { ok: 1, isWritablePrimary: true, msg: 'isdbgrid', minWireVersion: 0, maxWireVersion: 21, logicalSessionTimeoutMinutes: 30 }
    case 'find':
      if (command.find === 'nowhere') return { ok: 0, code: 73, codeName: 'InvalidNamespace', errmsg: 'no such collection' }
      return { ok: 1, cursor: { id: 7n, ns: `test.${String(command.find)}`, firstBatch: [{ _id: 1 }, { _id: 2 }] } }
    case 'getMore':
      return { ok: 1, cursor: { id: 0n, ns: 'test.items', nextBatch: [{ _id: 3 }] } }
    case 'insert':
      return { ok: 1, n: (command.documents as unknown[]).length }
    case 'update':
    case 'delete':
      return { ok: 1, n: 1, nModified: 1 }
    default:
      return { ok: 1 }
  }
}

function speak(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const message = rest.subarray(0, rest.readInt32LE(0))
      rest = rest.subarray(message.length)
      const document = BSON.serialize(answerTo(commandOf(message)))
      const head = Buffer.alloc(21)
      head.writeInt32LE(head.length + document.length, 0)
      head.writeInt32LE(message.readInt32LE(4), 8)
      head.writeInt32LE(2013, 12)
      socket.write(Buffer.concat([head, document]))
    }
  })
}

function commandOf(message: Buffer): Document {
  const command: Document = {}
  for (let at = 20; at < message.length; ) {
    const kind = message[at++]
    const end = at + message.readInt32LE(at)
    if (kind === 0) Object.assign(command, BSON.deserialize(message.subarray(at, end)))
    else {
      const name = message.subarray(at + 4, message.indexOf(0, at + 4))
      const documents: unknown[] = []
      for (let from = at + 5 + name.length; from < end; from += message.readInt32LE(from))
        documents.push(BSON.deserialize(message.subarray(from, from + message.readInt32LE(from))))
      command[name.toString()] = documents
    }
    at = end
  }
  return command
}

describe('commands of mongodb, on a double of its wire', () => {
  let server: Server
  let client: MongoClient
  beforeAll(async () => {
    server = createServer(speak)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    client = new MongoClient(`mongodb://127.0.0.1:${port}`, { serverApi: '1', maxPoolSize: 2, serverSelectionTimeoutMS: 5_000 })
  })
  afterAll(async () => {
    await client.close()
    server.close()
  })

  test('a command is counted, the first of a connection without its greetings, and tells fields but no values', async () => {
    const items = client.db('test').collection('items')
    const call = await recorded(async () => {
      expect(await items.find({ owner: 'anna', done: { $in: [true, false] }, _id: { $gt: new ObjectId() } }).toArray()).toHaveLength(3)
      expect((await items.insertMany([{ name: 'a' }, { name: 'b' }])).insertedCount).toBe(2)
      expect((await items.updateOne({ name: 'a' }, { $set: { name: 'secret' } })).modifiedCount).toBe(1)
    })
    expect(textsOf(call)).toEqual([
      'find items { owner: ?, done: { $in: [?] }, _id: { $gt: ? } }',
      'getMore items',
      'insert items',
      'update items { name: ? }',
    ])
    expect(countsOf(call)).toMatchObject({ statements: 4, transactions: 0 })
    expect(call.dbUs).toBeGreaterThan(0)
  })

  test('a transaction is one, with the commands of its session', async () => {
    const items = client.db('test').collection('items')
    const call = await recorded(() =>
      client.withSession((session) =>
        session.withTransaction(async () => {
          await items.insertOne({ name: 'a' }, { session })
          await items.updateOne({ name: 'a' }, { $set: { name: 'b' } }, { session })
        }),
      ),
    )
    expect(textsOf(call)).toEqual(['startTransaction', 'insert items', 'update items { name: ? }', 'commitTransaction'])
    expect(countsOf(call)).toMatchObject({ statements: 2, transactions: 1 })
  })

  test('calls that share connections and interleave are each charged for their own', async () => {
    const items = client.db('test').collection('items')
    const shares = [1, 2, 3, 4, 5]
    const told = await Promise.all(
      shares.map((many) =>
        recorded(async () => {
          for (let nth = 0; nth < many; nth++) await items.updateOne({ nth }, { $set: { nth } })
          await Promise.all(Array.from({ length: many }, (_, nth) => items.deleteOne({ nth })))
        }),
      ),
    )
    expect(told.map((call) => call.statements)).toEqual(shares.map((many) => 2 * many))
    expect(told.map((call) => call.repeats?.times)).toEqual(shares)
  })

  test('errors are the same errors, counted and marked', async () => {
    const call = await recorded(() =>
      expect(client.db('test').collection('nowhere').find({}).toArray()).rejects.toMatchObject({ codeName: 'InvalidNamespace' }),
    )
    expect(failuresOf(call)).toEqual(['find nowhere {}'])
  })
})
