import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { back, pcap, tcpFrame } from './fixtures.ts'
import * as door from './index.ts'
import * as nodeDoor from './node.ts'
import { ACK, SYN } from './packet.ts'

const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
const [inMemory = '', inFiles = ''] = [...readme.matchAll(/```js\n(.*?)```/gs)].map((found) => found[1] as string)

const capture = pcap([
  { at: 0, frame: tcpFrame({ flags: SYN, seq: 99 }) },
  { at: 1e6, frame: tcpFrame({ ...back, flags: SYN | ACK, seq: 9, ack: 100 }) },
  { at: 2e6, frame: tcpFrame({ seq: 100, ack: 10 }) },
])

async function printed(code: string, cwd: string): Promise<string> {
  // Modules are found from here, files from there.
  const moved = code.replaceAll(/'(@belay[^']+)'/g, (_, name: string) => `'${import.meta.resolve(name)}'`)
  return (await promisify(execFile)(process.execPath, ['--input-type=module', '-e', moved], { cwd })).stdout
}

test('the starts in the README run', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'a.pcap'), capture)
  const chunks = `import { createReadStream } from 'node:fs'\nconst chunks = createReadStream('a.pcap')\n`
  expect(await printed(chunks + inMemory, folder.path)).toMatch(/^Good .*\n3\n$/)
  expect(await printed(inFiles, folder.path)).toMatch(/^\d+\n$/)
})

test('the README names what both doors hand out', () => {
  const called = Object.entries({ ...door, ...nodeDoor }).filter(([, value]) => typeof value === 'function')
  const named = new Set([...readme.matchAll(/\b[A-Za-z]+\b/g)].map(([word]) => word))
  // What can go wrong with a packed trace has the name of what it is.
  expect(called.map(([name]) => name).filter((name) => !named.has(name) && name !== 'TraceUnreadable')).toEqual([])
})
