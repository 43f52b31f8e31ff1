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
