import type { JsonLogic } from '@belay/flag-evaluator'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { changeList, chunksFor, chunkText, keysOfChunk, layOut, lineBytes } from './chunks.ts'
import { cycleFrom, dependentsOf, referencesOf } from './references.ts'

const bytesOf = (keys: Iterable<string>) => [...keys].reduce((sum, key) => sum + lineBytes(key), 0)
function laidOut(keys: ReadonlySet<string>): Map<number, string> {
  const parts = [...layOut(keys, bytesOf(keys))].filter((part) => part !== undefined)
  return new Map(parts.map(({ chunk, text }) => [chunk, text]))
}

describe('changing a list', () => {
  test('gives the very chunks that the resulting keys have when they are uploaded, whatever came before', async () => {
    // Long keys, so that few of them need many chunks.
    const key = fc.nat({ max: 400 }).map((nth) => `${nth}-`.padEnd(480, 'x'))
    const keys = fc.array(key, { maxLength: 300 })
    await fc.assert(
      fc.asyncProperty(keys, keys, keys, async (before, add, remove) => {
        const old = new Set(before)
        const chunks = laidOut(old)
        const shape = { chunks: chunksFor(bytesOf(old)), size: old.size, bytes: bytesOf(old) }
        const change = await changeList(shape, { add, remove }, async () => chunks)
        const wanted = new Set([...before.filter((it) => !remove.includes(it)), ...add])
        for (const [chunk, text] of change.written) chunks.set(chunk, text)
        for (const [chunk, text] of chunks) if (text === '') chunks.delete(chunk)
        expect([...chunks].sort(([a], [b]) => a - b)).toEqual([...laidOut(wanted)])
        expect(change.shape).toEqual({ chunks: chunksFor(bytesOf(wanted)), size: wanted.size, bytes: bytesOf(wanted) })
        expect(new Set(change.added)).toEqual(new Set(add.filter((it) => !old.has(it))))
        expect(new Set(change.removed)).toEqual(new Set(before.filter((it) => remove.includes(it) && !add.includes(it))))
      }),
      { numRuns: 50 },
    )
  })

  test('one key more writes one chunk, two when the list splits', async () => {
    const keys = new Set(Array.from({ length: 5_000 }, (_, nth) => `user-${nth}`))
    const chunks = laidOut(keys)
    const shape = { chunks: chunksFor(bytesOf(keys)), size: keys.size, bytes: bytesOf(keys) }
    const change = await changeList(shape, { add: ['newcomer'], remove: [] }, async () => chunks)
    expect(change.written.size).toBe(1)
    expect([...change.written.values()].map((text) => text.length)).toEqual([expect.toSatisfy((it: number) => it < 20_000)])
  })

  test('a chunk keeps its keys in one order', () => {
    expect(chunkText(new Set(['b', 'a', 'Ä']))).toBe('a\nb\nÄ')
    expect(keysOfChunk('')).toEqual([])
  })
})

describe('the references of a rule', () => {
  test('are found wherever they stand', () => {
    const rule: JsonLogic = {
      or: [{ '!': { $ref: 'segment:staff' } }, { if: [{ in_segment: ['beta', { var: 'email' }] }, { $ref: 'segment:a' }] }],
    }
    expect(referencesOf(rule)).toEqual({ segments: ['a', 'beta', 'staff'], strangers: [] })
    expect(referencesOf({ and: [{ $ref: 'ring:qa' }, { $ref: 7 }] })).toEqual({ segments: [], strangers: ['7', 'ring:qa'] })
    expect(referencesOf({ '==': ['$ref', 'segment:staff'] })).toEqual({ segments: [], strangers: [] })
  })

  test('are found however deep they stand', () => {
    let rule: JsonLogic = { $ref: 'segment:deep' }
    for (let depth = 0; depth < 100_000; depth++) rule = [rule]
    expect(referencesOf(rule).segments).toEqual(['deep'])
  })

  test.each<[story: string, graph: Record<string, string[]>, cycle: string[] | undefined]>([
    ['itself', { a: ['a'] }, ['a', 'a']],
    ['two', { a: ['b'], b: ['a'] }, ['a', 'b', 'a']],
    ['a long way', { a: ['x', 'b'], x: [], b: ['c'], c: ['x', 'd'], d: ['a'] }, ['a', 'b', 'c', 'd', 'a']],
    ['none, though two ways meet', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, undefined],
    ['none of its own, though it leads to one', { a: ['b'], b: ['c'], c: ['b'] }, undefined],
  ])('a cycle over %s', (_story, graph, cycle) => {
    expect(cycleFrom('a', (key) => graph[key] ?? [])).toEqual(cycle)
  })

  test('who leans on a segment leans on it through others, too', () => {
    const all = [
      { key: 'a', references: [] },
      { key: 'b', references: ['a'] },
      { key: 'c', references: ['b'] },
      { key: 'd', references: ['x'] },
    ]
    expect([...dependentsOf('a', all)]).toEqual(['b', 'c'])
  })
})
