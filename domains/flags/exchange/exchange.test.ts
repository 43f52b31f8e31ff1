import { join } from 'node:path'
import type { Who } from '@belay/access'
import { handClock } from '@belay/base'
import { type Api, createApi } from '@belay/http'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { createClient, flagChangeWire, type FlagWire, routes } from '@belay/protocol'
import { openStore } from '@belay/store'
import { type TemporaryFolder, temporaryFolder } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ladder, places } from '../fixtures.ts'
import { flagHouseMigrations, openFlagHouse } from '../house.ts'
import { exchangeRoutes } from './routes.ts'

const ann: Who = { actor: 'ann', role: 'operator' }
const unleash = {
  version: 2,
  features: [
    {
      name: 'checkout',
      enabled: true,
      strategies: [
        { name: 'default', segments: [1] },
        { name: 'flexibleRollout', parameters: { rollout: '20' } },
      ],
    },
    { name: 'search', enabled: true, strategies: [{ name: 'default' }], dependencies: [{ feature: 'checkout' }] },
    { name: 'regex', enabled: true, strategies: [{ name: 'default', constraints: [{ contextName: 'a', operator: 'REGEX', value: 'x' }] }] },
  ],
  segments: [{ id: 1, name: 'Staff', constraints: [{ contextName: 'email', operator: 'STR_ENDS_WITH', values: ['@example.com'] }] }],
}

describe('import and export over HTTP', () => {
  let folder: TemporaryFolder
  const closing: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    folder = await temporaryFolder()
  })
  afterAll(async () => {
    for (const close of closing.reverse()) await close()
    await folder[Symbol.asyncDispose]()
  })

  async function house(name: string, who: Who = ann) {
    const store = await openStore({ file: join(folder.path, `${name}.db`) })
    await store.migrate([ledgerMigrations, ...flagHouseMigrations])
    const clock = handClock(Date.UTC(2026, 0, 1))
    const log = (line: string, error?: unknown) => {
      throw error instanceof Error ? error : new Error(line)
    }
    const built = openFlagHouse({
      store,
      ledger: openLedger({ store, clock }),
      clock,
      cloud: 'shop',
      environments: { list: async () => places, onChange: () => () => {} },
      log,
    })
    await built.load()
    await built.flags.rings.sync(ladder, 'belay')
    const api: Api<Who> = await createApi<Who>({
      name: 'belay',
      version: '0',
      authenticate: async () => who,
      refuse: () => undefined,
      ready: async () => undefined,
    })
    exchangeRoutes(api, {
      ...built,
      environments: () => built.flags.environments(),
      compiled: (environment) => built.flags.live.environment(environment).document(),
    })
    const { url } = await api.listen({ host: '127.0.0.1', port: 0 })
    closing.push(
      () => store.close(),
      () => built.close(),
      () => api.close(),
    )
    const client = createClient({ url, token: 'any' })
    const flags = () => Object.fromEntries(built.flags.all().map((flag) => [flag.key, flag]))
    return {
      ...built,
      client,
      all: flags,
      import: (document: unknown, query: { format?: 'flagd' | 'unleash' | 'growthbook'; plan?: 'true'; environment?: string } = {}) =>
        client.call(routes.flags.import, {
          query: { format: 'flagd', ...query },
          upload: typeof document === 'string' ? document : JSON.stringify(document),
        }),
      change: (key: string, change: object) => built.flags.change(key, { change: flagChangeWire.parse(change), plan: false }, who),
    }
  }
  const content = ({ version: _, createdAt: __, changedAt: ___, ...flag }: FlagWire) => flag

  test('a plan tells what would come of it and does nothing; then it is done; then there is nothing to do', async () => {
    const { import: bring, all, segments } = await house('plan')
    const outcomes = (report: Awaited<ReturnType<typeof bring>>) => [
      report.planned,
      report.flags.map(({ key, outcome, carried }) => [key, outcome, carried]),
      report.segments.map(({ key, outcome }) => [key, outcome]),
    ]
    const expected = (outcome: string) => [
      [
        ['checkout', outcome, 'approximately'],
        ['search', outcome, 'exactly'],
        ['regex', 'refused', 'not'],
      ],
      [['Staff', outcome]],
    ]
    expect(outcomes(await bring(unleash, { format: 'unleash', plan: 'true' }))).toEqual([true, ...expected('created')])
    expect(all()).toEqual({})
    expect(Object.keys(segments.evaluators())).toEqual([])
    expect(outcomes(await bring(unleash, { format: 'unleash' }))).toEqual([false, ...expected('created')])
    expect(all().checkout?.settings['*']).toEqual({
      state: 'ENABLED',
      defaultVariant: 'off',
      targeting: { if: [{ $ref: 'segment:Staff' }, 'on'] },
      exposure: { serve: { on: 1 }, ring: 'all', percent: 20, bucketBy: null },
    })
    expect(outcomes(await bring(unleash, { format: 'unleash' }))).toEqual([false, ...expected('same')])
  })

  test('what the document does not tell stays: other environments, owners, kills, salts', async () => {
    const { import: bring, all, change } = await house('stays')
    await bring(unleash, { format: 'unleash' })
    await change('checkout', { do: 'edit', set: { owner: 'web' } })
    await change('checkout', { do: 'kill', environment: 'qa', reason: 'smoke' })
    const report = await bring(
      { flags: { checkout: { state: 'DISABLED', variants: { on: true, off: false }, defaultVariant: 'on' } } },
      { environment: 'production' },
    )
    expect(report.flags).toEqual([
      { key: 'checkout', outcome: 'updated', carried: 'exactly', notes: ['It is killed in qa here, and stays so.'] },
    ])
    expect(all().checkout).toMatchObject({
      owner: 'web',
      killed: { qa: { reason: 'smoke' } },
      settings: { '*': { exposure: { percent: 20 } }, production: { state: 'DISABLED', defaultVariant: 'on', exposure: null } },
    })
  })

  test('what one house exports another imports, and exports the same', async () => {
    const [one, two] = [await house('one'), await house('two')]
    await one.import(unleash, { format: 'unleash' })
    await one.segments.create({ key: 'vips', description: 'Who pays', keys: ['b', 'a'], by: 'company' }, 'ann')
    await one.change('checkout', { do: 'edit', set: { owner: 'web', tags: ['money'], expiresAt: 1_900_000_000_000 } })
    await one.change('checkout', { do: 'expose', environment: 'production', exposure: { serve: { on: 1 }, ring: 'staff', percent: 50 } })
    await one.import({ metadata: { version: '17' }, flags: { plain: { state: 'ENABLED', variants: { a: 1 } } } })
    const document = await one.client.call(routes.flags.export, { query: {} })
    const report = await two.import(document)
    expect(report.flags.map(({ outcome, carried, notes }) => [outcome, carried, notes])).toEqual(
      Array.from({ length: 3 }, () => ['created', 'exactly', []]),
    )
    expect(Object.values(two.all()).map(content)).toEqual(
      Object.keys(two.all()).map((key) => expect.objectContaining(content({ ...(one.all()[key] as FlagWire), changedBy: 'ann' }))),
    )
    expect(await two.client.call(routes.flags.export, { query: {} })).toEqual(document)
    expect(two.segments.memberships(['a', 'c'])).toEqual({ a: ['vips'], c: [] })
  })

  test('of one environment the plain compiled document is exported', async () => {
    const { import: bring, client } = await house('compiled')
    await bring(unleash, { format: 'unleash' })
    const document = (await client.call(routes.flags.export, { query: { environment: 'qa' } })) as {
      flags: Record<string, unknown>
      $evaluators: object
    }
    expect(document.flags.search).toMatchObject({ targeting: { if: [{ '===': [{ $ref: 'flag:checkout' }, 'on'] }, 'on', null] } })
    expect(Object.keys(document.$evaluators)).toContain('segment:Staff')
  })

  test('a long list is brought whole, and replaced when it differs', async () => {
    const { import: bring, segments } = await house('lists')
    const users = Array.from({ length: 12_000 }, (_, index) => `user-${index}`)
    const document = (ids: string[]) => ({
      version: 1,
      features: [{ name: 'many', enabled: true, strategies: [{ name: 'userWithId', parameters: { userIds: ids.join(',') } }] }],
    })
    expect((await bring(document(users), { format: 'unleash' })).segments).toEqual([{ key: 'many.users', outcome: 'created', notes: [] }])
    expect((await bring(document(users), { format: 'unleash' })).segments).toMatchObject([{ outcome: 'same' }])
    expect((await bring(document(users.slice(1)), { format: 'unleash' })).segments).toMatchObject([{ outcome: 'updated' }])
    expect([segments.inSegment('many.users', 'user-0'), segments.inSegment('many.users', 'user-11999')]).toEqual([false, true])
  })

  test('what may not be done is refused flag by flag; what is no document as a whole', async () => {
    const { import: bring } = await house('refused', { actor: 'dev', role: 'developer' })
    const report = await bring({
      flags: { a: { state: 'ENABLED', variants: { a: 1 } }, b: { state: 'ENABLED', variants: { a: 1, b: 'two' } } },
    })
    expect(report.flags.map(({ outcome, carried }) => [outcome, carried])).toEqual([
      ['refused', 'not'],
      ['refused', 'not'],
    ])
    expect(report.flags[0]?.notes[0]).toContain('needs the role operator')
    await expect(bring('{"flags": ')).rejects.toThrow('line 1, column 11')
    await expect(bring(`"${'x'.repeat(11_000_000)}"`)).rejects.toThrow('larger than 10')
    await expect(bring('{}', { environment: 'mars' })).rejects.toThrow('There is no environment mars')
  })
})
