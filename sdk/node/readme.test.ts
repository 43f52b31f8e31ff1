import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { onOff, serverKey, startTestServer } from './fixtures.ts'
import { optionNames } from './options.ts'
import { recorderOptionNames } from './recorder/options.ts'

const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')

test('the README has every option and no other', () => {
  const named = (from: string) => {
    const [, table = ''] = /\n\n(\| option \|.*?)\n\n/s.exec(readme.slice(readme.indexOf(from))) ?? []
    const rows = table.split('\n').slice(2)
    return rows.flatMap((row) => (row.split('|')[1] ?? '').match(/\w+/g) ?? [])
  }
  expect(named('## Options')).toEqual([...optionNames])
  expect(named('## Calls')).toEqual([...recorderOptionNames])
})

test('the start in the README works as it stands', async () => {
  await using server = await startTestServer({ flags: { 'inline-comments': onOff('on', { metadata: { kind: 'experiment' } }) } })
  await using folder = await temporaryFolder()
  const code = /```js\n(.*?)```/s.exec(readme)?.[1] ?? ''
  expect(code.trim().split('\n').length).toBeLessThanOrEqual(13)
  const written = code.replaceAll('.belay-', `${folder.path}/belay-`)
  const child = spawn(process.execPath, ['--input-type=module', '-e', written], {
    cwd: import.meta.dirname,
    env: { ...process.env, BELAY_FLAGS_URL: server.url, BELAY_FLAGS_KEY: serverKey },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (piece: Buffer) => {
    printed += piece.toString()
  })
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(printed).toBe('with comments\n')
  expect(server.reports()).toMatchObject([
    { counts: [{ flag: 'inline-comments', count: 1 }], exposures: [{ unit: 'user-123' }], events: [{ name: 'comment-sent', value: 1 }] },
  ])
  expect(await readdir(join(folder.path, 'belay-cache'))).toHaveLength(1)
  expect(await readdir(join(folder.path, 'belay-spool'))).toEqual([])
})
