import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { operators } from './operators/all.ts'

const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')

test('the start in the README prints what it says', async () => {
  const code = /```js\n(.*?)```/s.exec(readme)?.[1] ?? ''
  const expected = /\n\/\/ (\{.*\})\n/.exec(code)?.[1]
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], { cwd: import.meta.dirname })
  expect(stdout.replace(/\s+/g, ' ').trim()).toBe(expected)
})

test('the README names every operator', () => {
  const named = new Set([...readme.matchAll(/`([^`\n]+)`/g)].map((found) => found[1]))
  expect([...operators.keys()].filter((name) => !named.has(name) && !named.has(`${name}: [segment, key]`))).toEqual([])
})
