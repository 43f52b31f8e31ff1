import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { isPreloaded } from './preload.ts'

const file = join(import.meta.dirname, 'index.ts')
const url = pathToFileURL(file).href
const is = (execArgv: readonly string[], nodeOptions = '') => isPreloaded(['@belay/node'], url, execArgv, nodeOptions)

test('who asked Node to load it first is told apart from who imports it', () => {
  expect(is(['--import', '@belay/node'])).toBe(true)
  expect(is(['--enable-source-maps', '--import=@belay/node'])).toBe(true)
  expect(is([], '--max-old-space-size=500 --import @belay/node')).toBe(true)
  expect(is([], '--import="@belay/node"')).toBe(true)
  expect(is(['-r', file])).toBe(true)
  expect(is(['--import', url])).toBe(true)
  expect(is([])).toBe(false)
  expect(is(['--import', '@belay/node/record'])).toBe(false)
  expect(is(['--import', join(import.meta.dirname, 'record.ts')])).toBe(false)
  expect(is(['--import', './there/is/no.such'])).toBe(false)
  expect(is(['--conditions', '@belay/node'])).toBe(false)
})
