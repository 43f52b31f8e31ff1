/** `npm test` itself, in a small folder with tests of every outcome. */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from '@belay/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

const good = `import { expect, test } from 'vitest'
test('two and two are four', () => expect(2 + 2).toBe(4))
test('three and three are six', () => expect(3 + 3).toBe(6))
`
const bad = `import { expect, test } from 'vitest'
test('two and two are five', () => expect(2 + 2).toBe(5))
`
const skips = `import { test } from 'vitest'
test.skip('the moon is made of cheese (the moon is not installed)', () => {})
`
const broken = `throw new Error('this file cannot even be loaded')
`
const unhandled = `import { test } from 'vitest'
test('passes, and leaves a promise behind', () => void Promise.reject(new Error('nobody catches this')))
`

async function run(files: Record<string, string>, args: readonly string[], env: Record<string, string> = {}) {
  const folder = await temporaryFolder()
  onTestFinished(() => folder[Symbol.asyncDispose]())
  for (const file of ['tools/test.ts', 'tools/checks.ts', 'tools/directions.ts', 'biome.json', '.gitignore', 'package.json']) {
    cpSync(join(root, file), join(folder.path, file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'))
  mkdirSync(join(folder.path, 'src'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, 'src', name), content)
  const { BELAY_TEST_RUN: _, CI: __, ...inherited } = process.env
  return new Promise<{ code: number | null; stdout: string; lastLine: string; folder: string }>((resolve) => {
    const child = spawn(process.execPath, ['tools/test.ts', ...args], {
      cwd: folder.path,
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let stdout = ''
    child.stdout.on('data', (chunk) => (stdout += String(chunk)))
    child.once('close', (code) => resolve({ code, stdout, lastLine: stdout.trimEnd().split('\n').at(-1) ?? '', folder: folder.path }))
  })
}

describe('npm test', () => {
  test('counts checks and tests in its last line, and leaves a JUnit file', async () => {
    const { code, lastLine, folder } = await run({ 'good.test.ts': good }, ['format', 'src'])
    expect({ code, lastLine }).toEqual({ code: 0, lastLine: '3 passed, 0 failed' })
    expect(readFileSync(join(folder, 'dist/tests.xml'), 'utf8')).toContain('two and two are four')
  })

  test('takes a part of a path to run only some tests', async () => {
    const { code, lastLine } = await run({ 'good.test.ts': good, 'bad.test.ts': bad }, ['good'])
    expect({ code, lastLine }).toEqual({ code: 0, lastLine: '2 passed, 0 failed' })
  })

  test('names what failed', async () => {
    const { code, stdout, lastLine } = await run({ 'good.test.ts': good, 'bad.test.ts': bad }, ['src'])
    expect({ code, lastLine }).toEqual({ code: 1, lastLine: '2 passed, 1 failed' })
    expect(stdout).toContain('Failed:\n  src/bad.test.ts: two and two are five\n')
  })

  test('names what was skipped; in CI that is a failure', async () => {
    const files = { 'good.test.ts': good, 'skips.test.ts': skips }
    const here = await run(files, ['src'])
    expect(here).toMatchObject({ code: 0, lastLine: '2 passed, 0 failed, 1 skipped' })
    expect(here.stdout).toContain('Skipped:\n  src/skips.test.ts: the moon is made of cheese (the moon is not installed)\n')
    expect(await run(files, ['src'], { CI: 'true' })).toMatchObject({ code: 1, lastLine: '2 passed, 1 failed' })
  })

  test.each([
    ['a file that cannot be loaded', { 'good.test.ts': good, 'broken.test.ts': broken }, '2 passed, 1 failed'],
    ['a promise that fails outside of any test', { 'unhandled.test.ts': unhandled }, '1 passed, 1 failed'],
    ['a filter that nothing matches', { 'good.test.ts': good }, '0 passed, 1 failed'],
  ])('%s is a failure', async (story, files, lastLine) => {
    expect(await run(files, [story.startsWith('a filter') ? 'nowhere' : 'src'])).toMatchObject({ code: 1, lastLine })
  })
})
