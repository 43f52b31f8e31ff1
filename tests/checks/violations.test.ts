/** Checks the checkers: each must find every violation that is laid into a small house, and nothing without them. */
import { cp, mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Check, checks, type Outcome } from '../../tools/checks.ts'

const root = new URL('../../', import.meta.url).pathname

/** A copy with the repository's own configuration, and with node_modules whose links lead to the copy's rooms. */
async function houseWith(...layers: readonly string[]): Promise<TemporaryFolder> {
  const house = await temporaryFolder()
  for (const layer of layers) await cp(join(root, 'tests/checks/violations', layer), house.path, { recursive: true })
  for (const file of ['tsconfig.json', 'biome.json', '.gitignore', '.oxlintrc.json', 'knip.json']) {
    await cp(join(root, file), join(house.path, file))
  }
  const modules = join(house.path, 'node_modules')
  await mkdir(join(modules, '@belay'), { recursive: true })
  for (const entry of await readdir(join(root, 'node_modules'))) {
    if (entry !== '@belay' && entry !== '.cache') await symlink(join(root, 'node_modules', entry), join(modules, entry))
  }
  for (const family of ['apps', 'domains', 'platform']) {
    for (const room of await readdir(join(house.path, family))) {
      await symlink(join(house.path, family, room), join(modules, '@belay', room))
    }
  }
  return house
}

async function outcomesIn(folder: string): Promise<ReadonlyMap<string, Outcome>> {
  const outcomes = new Map<string, Outcome>()
  for (const check of checks) outcomes.set(check.name, await check.run(folder))
  return outcomes
}

describe('a house without violations', () => {
  let house: TemporaryFolder
  beforeAll(async () => {
    house = await houseWith('house')
  })
  afterAll(() => house[Symbol.asyncDispose]())

  test.each(checks)('passes the check of $name', async (check: Check) => {
    expect(await check.run(house.path)).toMatchObject({ ok: true })
  })
})

describe('a house with violations', () => {
  let house: TemporaryFolder
  let outcomes: ReadonlyMap<string, Outcome>
  beforeAll(async () => {
    house = await houseWith('house', 'bad')
    outcomes = await outcomesIn(house.path)
  }, 120_000)
  afterAll(() => house[Symbol.asyncDispose]())

  const violations: readonly [story: string, check: string, file: string, because: RegExp][] = [
    ['a type error', 'types', 'domains/ledger/untrue.ts', /TS2322/],
    ['an import of a file behind a door, to the compiler', 'types', 'domains/access/loose.ts', /TS2307/],
    ['a promise that nobody waits for', 'lint', 'domains/ledger/forgotten-promise.ts', /no-floating-promises/],
    ['an any', 'lint', 'domains/ledger/explicit-any.ts', /no-explicit-any/],
    ['a cycle, to the linter', 'lint', 'domains/ledger/circle.ts', /no-cycle/],
    ['a domain that writes to the terminal', 'lint', 'domains/ledger/chatty.ts', /no-console/],
    ['a model that looks at the clock', 'lint', 'domains/ledger/model/clock.ts', /no-restricted-properties/],
    ['a test that hides its neighbours', 'lint', 'domains/ledger/focused.test.ts', /no-focused-tests/],
    ['an unformatted file', 'format', 'platform/base/badly-formatted.ts', /^platform\/base\/badly-formatted[.]ts$/],
    ['a file that nobody imports', 'unused', 'domains/ledger/forgotten-file.ts', /^domains\/ledger\/forgotten-file[.]ts\s*$/],
    ['an export at a door that nobody uses', 'unused', 'domains/ledger/index.ts', /neverUsed/],
    ['a dependency that nobody uses', 'unused', 'apps/server/package.json', /@belay\/base/],
    ['an import of a workspace that package.json does not list', 'unlisted', 'domains/access/undeclared.ts', /@belay\/base/],
    ['an import against the direction', 'directions', 'domains/ledger/upwards.ts', /direction-of-domains\/ledger/],
    ['an import past a door', 'directions', 'domains/access/deep.ts', /through-the-door/],
    ['an import of a file behind a door', 'directions', 'domains/access/loose.ts', /resolvable/],
    ['a model that reads a file', 'directions', 'domains/ledger/model/impure.ts', /pure-model/],
    ['a cycle', 'directions', 'domains/ledger/circle', /no-cycles/],
    ['a product that leans on the testkit', 'directions', 'domains/ledger/leans-on-testkit.ts', /testkit-in-tests-only/],
  ]

  test.each(violations)('%s is found by the check of %s', (_story, check, file, because) => {
    const { ok, text } = outcomes.get(check) as Outcome
    expect(ok).toBe(false)
    const about = text.split('\n').filter((line) => line.includes(file))
    expect(about, text).toContainEqual(expect.stringMatching(because))
  })

  test('no innocent file is accused', () => {
    const text = [...outcomes.values()].map((outcome) => outcome.text).join('\n')
    for (const innocent of [
      'platform/base/twice.ts',
      'domains/ledger/model.ts:',
      'domains/access/size.ts',
      'domains/ledger/ledger.test.ts',
    ]) {
      expect(text).not.toContain(innocent)
    }
  })
})
