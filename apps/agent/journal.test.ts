import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Journal } from './journal.ts'

async function folder(): Promise<string> {
  const it = await temporaryFolder()
  onTestFinished(() => it[Symbol.asyncDispose]())
  return join(it.path, 'journal.ndjson')
}

async function opened(path: string): Promise<Journal> {
  const journal = await Journal.open(path)
  onTestFinished(() => journal.close().catch(() => {}))
  return journal
}

describe('the journal', () => {
  test('tells after a restart what was begun, done and failed', async () => {
    const path = await folder()
    const first = await opened(path)
    await first.intent({ key: 'a', order: 'link', fence: 3, note: { before: 'x' } })
    await first.done('a', { before: 'x' })
    await first.intent({ key: 'b', order: 'put', fence: 3 })
    await first.failed('b', { code: 'disk-full', message: 'full' })
    await first.intent({ key: 'c', order: 'job', fence: 4 })
    const second = await opened(path)
    expect(second.entries()).toEqual(first.entries())
    expect(second.entry('a')).toMatchObject({ fence: 3, result: { before: 'x' }, note: { before: 'x' } })
    expect(second.entry('b')).toMatchObject({ failed: { code: 'disk-full' } })
    expect(second.entry('c')?.doneAt).toBeUndefined()
  })

  test('drops a last line that the power cut off, wherever it was cut, and goes on behind the last whole one', async () => {
    const path = await folder()
    const first = await opened(path)
    await first.intent({ key: 'a', order: 'write', fence: 1 })
    await first.done('a', {})
    const whole = readFileSync(path)
    await first.intent({ key: 'grün', order: 'write', fence: 1 })
    const longer = readFileSync(path)
    for (let bytes = whole.length; bytes < longer.length; bytes++) {
      writeFileSync(path, longer.subarray(0, bytes))
      const journal = await opened(path)
      expect(journal.entries().map((entry) => entry.key)).toEqual(['a'])
      await journal.intent({ key: 'b', order: 'write', fence: 1 })
      expect((await opened(path)).entries().map((entry) => entry.key)).toEqual(['a', 'b'])
    }
  })

  test('passes over lines that are none of its own', async () => {
    const path = await folder()
    const first = await opened(path)
    await first.intent({ key: 'a', order: 'write', fence: 1 })
    appendFileSync(path, '\0\0\0\n{"half":\n[]\nnull\n')
    await (await opened(path)).done('a', {})
    expect((await opened(path)).entry('a')?.doneAt).toBeDefined()
  })

  test('is rewritten when it is large, with the newest keys and all that are not done', async () => {
    const path = await folder()
    const journal = await opened(path)
    await journal.intent({ key: 'open', order: 'job', fence: 1 })
    const bulk = 'x'.repeat(600)
    const round = async (index: number) => {
      await journal.intent({ key: `k${index}`, order: 'write', fence: 1 })
      await journal.done(`k${index}`, { bulk })
    }
    for (let index = 0; index < 7_000; index += 100) await Promise.all(Array.from({ length: 100 }, (_, more) => round(index + more)))
    await journal.intent({ key: 'last', order: 'write', fence: 1 })
    expect(statSync(path).size).toBeLessThan(6 * 1024 * 1024)
    const keys = (await opened(path)).entries().map((entry) => entry.key)
    expect(keys).toEqual(journal.entries().map((entry) => entry.key))
    expect(keys[0]).toBe('open')
    expect(keys).toContain('k6999')
    expect(keys).not.toContain('k0')
    expect(keys.at(-1)).toBe('last')
  })
})
