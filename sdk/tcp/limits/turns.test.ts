import { describe, expect, test } from 'vitest'
import { ACK } from '../packet.ts'
import { analyse, full, handshake, push, type Told } from './fixtures.ts'

const ask = (atMs: number, seq: number, ack: number, length = 200): Told => [atMs, '>', { seq, ack, length, flags: push }]
const tell = (atMs: number, seq: number, ack: number, length = 500): Told => [atMs, '<', { seq, ack, length, flags: push }]
const turnsOf = (told: readonly Told[]) => analyse([...handshake(40, 0.1), ...told]).turns

describe('turns', () => {
  test('a question, the wait for its answer, the answer and its acknowledgement', () => {
    const turns = turnsOf([
      [100, '>', { seq: 1, ack: 1, length: full, flags: ACK }],
      ask(101, 1 + full, 1),
      [150, '<', { seq: 1, ack: 201 + full, length: full, flags: ACK }],
      tell(155, 1 + full, 201 + full),
      [160, '>', { seq: 201 + full, ack: 501 + full }],
      ask(300, 201 + full, 501 + full),
      tell(350, 501 + full, 401 + full),
    ])
    expect(turns).toHaveLength(2)
    expect(turns[0]).toEqual({
      startedMs: 100,
      requestMs: 1,
      serverMs: 49,
      responseMs: 5,
      ackMs: 5,
      requestBytes: full + 200,
      responseBytes: full + 500,
      lost: 0,
    })
    expect(turns[1]).toMatchObject({ startedMs: 300, serverMs: 50, ackMs: 0 })
  })

  test('questions that do not wait for their answers are one turn', () => {
    const turns = turnsOf([
      ask(100, 1, 1),
      ask(101, 201, 1),
      tell(150, 1, 401),
      // Sent before the rest of the answer was there.
      [151, '<', { seq: 501, ack: 401, length: full, flags: ACK }],
      ask(152, 401, 501),
      tell(160, 501 + full, 601),
      [161, '>', { seq: 601, ack: 1001 + full }],
    ])
    expect(turns).toHaveLength(1)
    expect(turns[0]).toMatchObject({ requestBytes: 600, responseBytes: 1000 + full, responseMs: 10, ackMs: 1 })
  })

  test('what a server says unasked belongs to no turn', () => {
    const turns = turnsOf([tell(100, 1, 1), [101, '>', { seq: 1, ack: 501 }], ask(200, 1, 501), tell(250, 501, 201)])
    expect(turns).toHaveLength(1)
    expect(turns[0]).toMatchObject({ startedMs: 200, serverMs: 50, responseBytes: 500 })
  })

  test('a question that is sent again had not arrived: that time is not the server’s', () => {
    const turns = turnsOf([
      [100, '>', { seq: 1, ack: 1, length: 200, flags: push, ipId: 1 }],
      [400, '>', { seq: 1, ack: 1, length: 200, flags: push, ipId: 2 }],
      tell(450, 1, 201),
    ])
    expect(turns[0]).toMatchObject({ requestMs: 300, serverMs: 50, requestBytes: 200, lost: 1 })
  })

  test('a question without an answer is no turn', () => {
    expect(turnsOf([ask(100, 1, 1), [140, '<', { seq: 1, ack: 201 }]])).toEqual([])
  })
})
