import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { allProblems, problemsPage } from '../../tools/problems.ts'

const root = join(import.meta.dirname, '..', '..')

test('the reference names every problem there is and none besides (node tools/problems.ts writes it)', async () => {
  expect(readFileSync(join(root, 'docs/reference/problems.md'), 'utf8')).toBe(await problemsPage())
})

test('a code is made of small letters and hyphens, and its status is one of a refusal or a failure', async () => {
  for (const { code, status } of await allProblems()) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(status, code).toBeGreaterThanOrEqual(400)
    expect(status, code).toBeLessThan(600)
  }
})

test('catalogues stand in files problems.ts, where the reference finds them', () => {
  const elsewhere = globSync('{apps,domains,platform,sdk}/**/*.ts', { cwd: root, exclude: ['**/node_modules/**'] }).filter(
    (file) => !/(^|\/)problems?[.]ts$|[.]test[.]ts$/.test(file) && readFileSync(join(root, file), 'utf8').includes('defineProblems({'),
  )
  expect(elsewhere).toEqual([])
})
