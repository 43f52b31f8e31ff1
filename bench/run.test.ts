import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const run = (...args: string[]) => spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), ...args], { encoding: 'utf8' })

test('without a name the benches are listed, each with what it is about', () => {
  const benches = JSON.parse(run('--json').stdout) as { name: string; about: string }[]
  expect(benches.map((bench) => bench.name)).toContain('plan')
  for (const { about } of benches) expect(about).toMatch(/^[A-Z].*\.$/)
})

test.each([
  [['nowhere'], /^There is no bench nowhere\. There are: .*plan.*\.\n$/],
  [['plan', '--rounds', 'many'], /^--rounds takes a whole number from 1 on; got many\.\n$/],
])('%j is refused with a sentence', (args, sentence) => {
  const { status, stdout, stderr } = run(...args)
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toMatch(sentence)
})

test('a run answers one JSON document: machine, and rows that say whether the goal was met', () => {
  const { status, stdout, stderr } = run('plan', '--json', '--rounds', '1')
  expect([0, 1], stderr).toContain(status) // 1: a goal was missed, which a busy machine may do.
  expect(JSON.parse(stdout)).toMatchObject({
    bench: 'plan',
    machine: { node: process.version },
    rows: expect.arrayContaining([expect.objectContaining({ unit: 'ms CPU', met: expect.any(Boolean) })]),
  })
})
