import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { keyMaxBytes, listMaxKeys } from './limits.ts'
import { readKeys } from './lines.ts'

const read = async (...pieces: (string | Uint8Array)[]) => [...(await readKeys(Readable.from(pieces), 'beta')).keys]
const bytes = (...numbers: number[]) => Uint8Array.from(numbers)

test.each<[story: string, upload: string, keys: string[]]>([
  ['one key a line', 'ann\nbob\n', ['ann', 'bob']],
  ['no line break at the end', 'ann\nbob', ['ann', 'bob']],
  ['line breaks of Windows', 'ann\r\nbob\r\n', ['ann', 'bob']],
  ['blank lines', '\n\nann\n \t\r\n\nbob\n\n', ['ann', 'bob']],
  ['duplicates', 'ann\nbob\nann\n', ['ann', 'bob']],
  ['a byte order mark', '\ufeffann\nbob', ['ann', 'bob']],
  ['spaces inside and around', ' ann b \ncarl', [' ann b ', 'carl']],
  ['names that JavaScript uses itself', '__proto__\nconstructor', ['__proto__', 'constructor']],
  ['nothing at all', '', []],
])('an upload with %s', async (_story, upload, keys) => {
  expect(await read(upload)).toEqual(keys)
})

test('wherever the network cuts an upload, its keys are the same', async () => {
  const key = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
    .filter((it) => !/[\r\n\0]/.test(it) && it.trim() !== '' && it.isWellFormed())
  await fc.assert(
    fc.asyncProperty(fc.array(key), fc.array(fc.nat({ max: 200 })), async (keys, cuts) => {
      const whole = Buffer.from(keys.join('\n'))
      const at = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length]
      const pieces = at.slice(1).map((end, nth) => whole.subarray(at[nth], end))
      const expected = keys.map((it, nth) => (nth === 0 ? it.replace(/^\ufeff/, '') : it)).filter((it) => it !== '')
      expect(await read(...pieces)).toEqual([...new Set(expected)])
    }),
  )
})

test.each<[story: string, upload: (string | Uint8Array)[], line: number, because: string]>([
  ['a line that is too long', ['ann\n', 'x'.repeat(keyMaxBytes + 1), '\nbob'], 2, 'is longer than 500 bytes'],
  ['a line without end', ['ann\n', ...Array.from({ length: 20 }, () => 'x'.repeat(100))], 2, 'is longer than 500 bytes'],
  ['too many bytes in few characters', ['ä'.repeat(251)], 1, 'is longer than 500 bytes'],
  ['bytes that are not UTF-8', ['ann\nbob\n', bytes(0x63, 0xe4, 0x0a), 'dan\n'], 3, 'is not UTF-8'],
  ['UTF-16', [Buffer.from('ann\nbob\n', 'utf16le')], 1, 'holds a line break or a zero'],
  ['a character that is cut off at the end', ['ann\n', bytes(0xc3)], 2, 'is not UTF-8'],
  ['line breaks of old Macs', ['ann\rbob\r'], 1, 'holds a line break or a zero'],
])('an upload with %s is refused, and the line named', async (_story, upload, line, because) => {
  await expect(read(...upload)).rejects.toMatchObject({
    code: 'segment-bad-line',
    status: 422,
    facts: { key: 'beta', line, because },
  })
})

test('a key may have 500 bytes, and a list a million keys and no more', async () => {
  expect(await read('x'.repeat(500), '\n', 'ä'.repeat(250))).toHaveLength(2)
  async function* numbers(count: number) {
    for (let from = 0; from < count; from += 10_000) {
      yield Buffer.from(Array.from({ length: Math.min(10_000, count - from) }, (_, nth) => `${from + nth}\n`).join(''))
    }
  }
  const whole = await readKeys(numbers(listMaxKeys), 'beta')
  expect([whole.keys.size, whole.bytes]).toEqual([listMaxKeys, 6_888_890])
  await expect(readKeys(numbers(listMaxKeys + 1), 'beta')).rejects.toMatchObject({ code: 'segment-too-large', status: 413 })
})

test('an upload that breaks off is no shorter list', async () => {
  async function* broken() {
    yield Buffer.from('ann\n')
    throw new Error('the client went away')
  }
  await expect(readKeys(broken(), 'beta')).rejects.toThrow('the client went away')
})
