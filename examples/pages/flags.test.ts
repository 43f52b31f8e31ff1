import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Flags, openFlags } from './cloud/shared/flags.ts'
import { startTestFlags, type TestFlags } from './testflags.ts'

let server: TestFlags
let flags: Flags
const said = vi.spyOn(console, 'log').mockImplementation(() => {})
beforeEach(async () => {
  said.mockClear()
  server = await startTestFlags('inline-comments', 'secret')
  flags = openFlags({ url: `${server.url}/`, key: 'secret' })
})
afterEach(async () => {
  flags.close()
  await server.stop()
})
const person = (id: string) => ({ id, name: id, email: `${id}@pages.example`, role: 'staff' })
const isOn = (id: string) => flags.isOn('inline-comments', person(id))
const timed = async (work: () => Promise<boolean>) => {
  const began = performance.now()
  return { isOn: await work(), ms: performance.now() - began }
}

test('who was not told of a server has every flag off', async () => {
  const none = openFlags({ url: undefined, key: undefined })
  expect(await none.isOn('inline-comments', person('ada'))).toBe(false)
})

test('an answer is remembered until the stream tells of a change, which the next question sees', async () => {
  server.turnOn('ada')
  expect([await isOn('ada'), await isOn('jun')]).toEqual([true, false])
  await vi.waitFor(() => expect(server.listeners()).toBe(1))
  // Opening the stream makes everything old once: something may have changed before it.
  await vi.waitFor(async () => {
    await isOn('ada')
    const before = server.asked.length
    await isOn('ada')
    expect(server.asked.length).toBe(before)
  })
  server.turnOn('jun')
  await vi.waitFor(async () => expect([await isOn('ada'), await isOn('jun')]).toEqual([false, true]), { interval: 5, timeout: 900 })
})

test('many questions about one person at once are one question to the server', async () => {
  server.turnOn('ada')
  const answers = await Promise.all(Array.from({ length: 50 }, () => isOn('ada')))
  expect(new Set(answers)).toEqual(new Set([true]))
  expect(server.asked.length).toBe(1)
})

test('while the server is away the last answer counts, at once, and nobody new is let in', async () => {
  server.turnOn('ada', 'jun')
  expect(await isOn('ada')).toBe(true)
  await server.stop()
  for (const id of ['ada', 'jun', 'ada']) expect((await timed(() => isOn(id))).ms).toBeLessThan(200)
  expect([await isOn('ada'), await isOn('jun')]).toEqual([true, false])
  expect(said).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('no flags, the last answers count'))
})

test('a server that hangs holds up a request for a quarter of a second, and the ones after it not at all', async () => {
  server.turnOn('ada')
  server.behave('hangs')
  const first = await timed(() => isOn('ada'))
  expect(first.isOn).toBe(false)
  expect(first.ms).toBeGreaterThan(200)
  for (const id of ['ada', 'jun', 'mira']) expect((await timed(() => isOn(id))).ms).toBeLessThan(200)
  server.behave('well')
  await vi.waitFor(async () => expect(await isOn('ada')).toBe(true), { timeout: 5_000 })
})

test('a stream that ends is opened anew, and what changed meanwhile is seen', async () => {
  await isOn('ada')
  await vi.waitFor(() => expect(server.listeners()).toBe(1))
  server.cut()
  server.turnOnQuietly('ada')
  await vi.waitFor(async () => expect(await isOn('ada')).toBe(true), { timeout: 5_000 })
  await vi.waitFor(() => expect(server.listeners()).toBe(1))
})

test('a flag that nobody made, an error and an answer that is none are off, and never an exception', async () => {
  server.turnOn('ada', 'jun', 'mira')
  expect(await flags.isOn('dark-mode', person('ada'))).toBe(false)
  for (const [as, id] of [
    ['knows nothing', 'ada'],
    ['breaks', 'jun'],
    ['babbles', 'mira'],
  ] as const) {
    server.behave(as)
    expect(await isOn(id), as).toBe(false)
  }
})
