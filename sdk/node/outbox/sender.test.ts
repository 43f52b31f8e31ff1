import { readdir } from 'node:fs/promises'
import { eventually, temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import type { Server } from '../server.ts'
import { createSender } from './sender.ts'

test('what comes while a parcel travels waits for its time, and does not make a parcel for each answer', async () => {
  const sizes: number[] = []
  let gathered = 0
  const coming = setInterval(() => gathered++, 1)
  const server = {
    post: async (_: string, body: string) => {
      sizes.push(Number(body))
      await new Promise((resolve) => setTimeout(resolve, 5))
    },
  } as unknown as Server
  const sender = createSender<number>({
    take: () => {
      const taken = gathered
      gathered = 0
      return taken === 0 ? undefined : taken
    },
    seal: (items, { source, batch }) => ({ source, batch, items, text: String(items) }),
    name: 'things',
    path: '/things',
    server,
    spool: undefined,
    spooled: 'first',
    everyMs: 200,
    clock: systemClock,
    chance: Math.random,
    log: { warn: () => {}, error: () => {} },
  })
  await new Promise((resolve) => setTimeout(resolve, 900))
  clearInterval(coming)
  await sender.close()
  expect(sizes.length).toBeLessThan(9)
  expect(gathered).toBe(0)
})

test('what the server takes at once is never on the disk; what it hesitates to take is, until it has taken it', async () => {
  await using folder = await temporaryFolder()
  let things: number[] = []
  let hesitates = false
  const went: string[] = []
  const onDisk: number[] = []
  const answers: (() => void)[] = []
  const server = {
    post: async (_: string, body: string) => {
      went.push(body)
      if (hesitates) await new Promise<void>((resolve) => answers.push(resolve))
      onDisk.push((await readdir(folder.path)).length)
    },
  } as unknown as Server
  const sender = createSender<number[]>({
    take: () => {
      const taken = things
      things = []
      return taken.length === 0 ? undefined : taken
    },
    seal: (taken, { source, batch }) => ({ source, batch, items: taken.length, text: JSON.stringify(taken) }),
    name: 'things',
    path: '/things',
    server,
    spool: { folder: folder.path, owner: '0123456789abcdef', kind: 'things' },
    spooled: 'when-away',
    everyMs: 50,
    clock: systemClock,
    chance: Math.random,
    log: { warn: () => {}, error: () => {} },
  })
  things = [1]
  await sender.flush()
  things = [2]
  await sender.flush()
  expect([went, onDisk]).toEqual([
    ['[1]', '[2]'],
    [0, 0],
  ])
  hesitates = true
  things = [3]
  await eventually(async () => expect(await readdir(folder.path)).toHaveLength(1), { withinMs: 5_000 })
  hesitates = false
  answers[0]?.()
  await eventually(async () => expect(await readdir(folder.path)).toEqual([]), { withinMs: 5_000 })
  await sender.close()
  expect(went).toEqual(['[1]', '[2]', '[3]'])
})
