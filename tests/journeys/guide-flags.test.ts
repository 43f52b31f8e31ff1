/** The page about flags is run as it stands: every shell block, in order, in one shell, by the real command line. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { cli, scriptOf } from './guide.ts'
import { retireAgent } from './support.ts'

const page = fileURLToPath(new URL('../../docs/guide/flags.md', import.meta.url))

test('a flag climbs, is killed, reverted and taken elsewhere, as the guide tells it', async () => {
  await using place = await temporaryFolder()
  const { script, blocks, env } = await scriptOf(page, place.path)
  expect(blocks).toBeGreaterThan(5)
  const shell = spawnSync('bash', ['-c', script], { cwd: place.path, env, encoding: 'utf8' })
  const printed = shell.stdout + shell.stderr
  try {
    expect(shell.status, printed).toBe(0)
    expect(printed).toMatch(/ann gets on: is in staff/)
    expect(printed).toMatch(/eve gets off/)
    expect(printed).toMatch(/Killed new-checkout: two charges for one order/)
    expect(printed).toMatch(/new-checkout\s+web\.js\s+1/)
    expect(printed).toMatch(/new-checkout\s+same\s+exactly/)
  } finally {
    spawnSync(process.execPath, [cli, 'stop'], { cwd: join(place.path, 'shop'), env })
    await retireAgent(join(place.path, 'shop/.belay'))
  }
})
