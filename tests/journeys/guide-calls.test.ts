/** The page about calls is run as it stands: every shell block, in order, in one shell, by the real command line. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { cli, scriptOf } from './guide.ts'
import { retireAgent } from './support.ts'

const page = fileURLToPath(new URL('../../docs/guide/calls.md', import.meta.url))

test('a release makes a method dearer, and is found, as the guide tells it', async () => {
  await using place = await temporaryFolder()
  const { script, blocks, env } = await scriptOf(page, place.path)
  expect(blocks).toBeGreaterThan(5)
  const shell = spawnSync('bash', ['-c', script], { cwd: place.path, env, encoding: 'utf8' })
  const printed = shell.stdout + shell.stderr
  const block = (nth: number): string => printed.split(`== block ${nth}\n`)[1]?.split('== block')[0] ?? ''
  try {
    expect(shell.status, printed).toBe(0)
    // Service, method, count; then what a call of the one release costs: one statement.
    expect(block(2), printed).toMatch(/^api\titems\.list\t40\t0\t/m)
    expect(block(3)).toMatch(/^api\titems\.list\tstatements\t[^\n]*\t1\t7\t6\t6\t6\t6\t[^\n]*\ttrue\tfalse$/m)
    expect(block(3)).toMatch(/^release\tv2\t40\t/m)
    expect(block(3)).toMatch(/items\.list\tstatements\t7\t2\t40\tover\t/)
    expect(block(3)).toContain('more than its budget, as it should be')
    expect(block(5)).toMatch(/^api\titems\.list\t80\t/m)
    expect(block(7)).toMatch(/1 call of 1 line is counted, with real time alone\.\n.*imported before; none of its 1 call was counted twice/)
  } finally {
    const shop = join(place.path, 'shop')
    for (const words of [['down', 'private'], ['stop']]) spawnSync(process.execPath, [cli, ...words], { cwd: shop, env })
    await retireAgent(join(shop, '.belay'))
  }
})
