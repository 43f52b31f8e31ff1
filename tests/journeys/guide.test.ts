/** The guide is run as it stands: every shell block of the page, in order, in one shell, by the real command line. */
import { spawn, spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '@belay/testkit'
import { expect, test } from 'vitest'
import { cli, scriptOf } from './guide.ts'
import { retireAgent } from './support.ts'

const page = fileURLToPath(new URL('../../docs/guide/deploy-something-you-did-not-write.md', import.meta.url))
const readme = fileURLToPath(new URL('../../README.md', import.meta.url))

test('the belay.yaml of the README has ten lines and is good as it stands', async () => {
  const yaml = /```yaml\n([\s\S]*?)```/.exec(await readFile(readme, 'utf8'))?.[1] as string
  expect(yaml.trimEnd().split('\n')).toHaveLength(10)
  await using place = await temporaryFolder()
  await writeFile(join(place.path, 'belay.yaml'), yaml)
  const check = spawnSync(process.execPath, [cli, 'check'], { cwd: place.path, encoding: 'utf8' })
  expect(check.status, check.stdout + check.stderr).toBe(0)
})

test('a service that nobody here wrote goes to production, to its next version and back, as the guide tells it', async () => {
  await using place = await temporaryFolder()
  const { script, blocks, env: plain } = await scriptOf(page, place.path)
  expect(blocks).toBeGreaterThan(5)
  // Node brings certificates of its own; behind a proxy that signs, npm would otherwise wait out every retry.
  const env = { ...plain, NODE_USE_SYSTEM_CA: '1' }
  const shell = spawn('bash', ['-c', script], { cwd: place.path, env })
  let printed = ''
  shell.stdout.on('data', (text) => (printed += text))
  shell.stderr.on('data', (text) => (printed += text))
  const code = await new Promise((resolve) => shell.on('exit', resolve))
  try {
    expect(code, printed).toBe(0)
    expect(printed).toContain('refused, as it should be')
    expect(printed).toMatch(/never rehearsed/)
    expect(printed).toMatch(/production has v2/)
    expect(printed).toMatch(/The chain of \d+ facts is whole/)
  } finally {
    const home = join(place.path, 'our-registry/.belay')
    if (code !== 0)
      await new Promise((resolve) =>
        spawn('bash', ['-c', 'belay down production; belay down qa; belay down private; belay stop'], {
          cwd: join(place.path, 'our-registry'),
          env,
        }).on('exit', resolve),
      )
    await retireAgent(home)
  }
}, 600_000)
