import { handClock, Problem } from '@belay/base'
import type { Client, ServerEvent } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { aDeployment, somePiece } from './fixtures.ts'
import { type Followed, followDeployment, patiently, silenceMaxMs } from './follow.ts'

/** A server that gives these connections one after the other; an Error among the events breaks the connection. */
function serverWith(connections: readonly (readonly (ServerEvent | Error)[])[]) {
  const asked: (number | undefined)[] = []
  const left = [...connections]
  const client = {
    url: 'http://test',
    async *events(_route: unknown, asking: { query?: { after?: number } }) {
      asked.push(asking.query?.after)
      for (const event of left.shift() ?? [new Problem('unreachable', 503, 'nobody there')]) {
        if (event instanceof Error) throw event
        yield event
      }
    },
  } as unknown as Client
  return { connect: async () => client, asked }
}
const state = (over: Parameters<typeof aDeployment>[0]): ServerEvent => ({ id: undefined, event: 'deployment', data: aDeployment(over) })
const output = (seq: number): ServerEvent => ({ id: String(seq), event: 'output', data: somePiece(seq, 0, `line ${seq}\n`) })

async function collect(connect: () => Promise<Client>, clock = handClock()): Promise<Followed[]> {
  const found: Followed[] = []
  const done = (async () => {
    for await (const followed of followDeployment(connect, 'd7', { signal: new AbortController().signal, clock })) found.push(followed)
  })()
  let over = false
  void done.then(
    () => (over = true),
    () => (over = true),
  )
  while (!over) await clock.tick(500)
  await done
  return found
}

describe('following a deployment', () => {
  test('goes on after the last piece of output when the server comes back', async () => {
    const { connect, asked } = serverWith([
      [state({}), output(1), output(2), new TypeError('terminated')],
      [new Problem('unreachable', 503, 'not yet')],
      [state({}), output(3), state({ state: 'passed' })],
    ])
    const found = await collect(connect)
    expect(asked).toEqual([undefined, 2, 2])
    expect(found.flatMap((it) => (it.kind === 'output' ? [it.output.seq] : []))).toEqual([1, 2, 3])
    expect(found.at(-1)).toMatchObject({ deployment: { state: 'passed' } })
  })

  test('asks again when the stream ends although the deployment has not', async () => {
    const { connect, asked } = serverWith([[state({})], [state({ state: 'undone' })]])
    await collect(connect)
    expect(asked).toHaveLength(2)
  })

  test('gives up after a bounded silence, with the command that starts the server', async () => {
    const clock = handClock()
    const fromMs = clock.now()
    await expect(collect(serverWith([[state({})]]).connect, clock)).rejects.toThrow(/silent for 120 s.*belay serve --detach/)
    expect(clock.now() - fromMs).toBeLessThan(silenceMaxMs + 5_000)
  })

  test('takes a refusal for an answer at once', async () => {
    const { connect, asked } = serverWith([[new Problem('deployment-unknown', 404, 'No deployment d7.')]])
    await expect(collect(connect)).rejects.toThrow('No deployment d7.')
    expect(asked).toHaveLength(1)
  })

  test('a mistake of ours is not taken for a server that is away', async () => {
    await expect(patiently(() => Promise.reject(new RangeError('ours')), 'x', new AbortController().signal)).rejects.toThrow('ours')
  })
})
