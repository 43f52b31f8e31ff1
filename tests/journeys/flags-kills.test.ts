/**
 * The server is killed (SIGKILL) again and again while people edit flags and a service evaluates them: every edit that
 * was acknowledged is there, no history has a gap, and each exposure arrives once.
 */
import { seededRandom } from '@belay/base'
import { createBelayProvider } from '@belay/node'
import { routes } from '@belay/protocol'
import { eventually, temporaryFolder } from '@belay/testkit'
import { OpenFeature } from '@openfeature/server-sdk'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from './support.ts'

const kills = 6
const seed = Number(process.env.BELAY_SEED ?? 20_261_122)
const editors = 3

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud(littleCloud)
  await cloud.start()
})
afterAll(() => cloud.close())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test(`killed ${kills} times under edits, no acknowledged edit is lost and each exposure arrives once (seed ${seed})`, async () => {
  await using spool = await temporaryFolder()
  const random = seededRandom(seed)
  const keys = Array.from({ length: editors }, (_, n) => `edited-${n}`)
  for (const key of [...keys, 'shown']) await cloud.client().call(routes.flags.create, { body: { key, kind: 'experiment' } })
  await cloud.client().call(routes.flags.change, {
    params: { key: 'shown' },
    body: { change: { do: 'expose', exposure: { serve: { on: 1 }, ring: 'all', percent: 50 } } },
  })
  const { secret } = await cloud
    .client()
    .call(routes.clientKeys.create, { body: { name: 'web', kind: 'server', environment: 'production' } })
  const quiet = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} }
  const provider = createBelayProvider({ url: cloud.client().url, key: secret, spoolFolder: spool.path, logger: quiet })
  await OpenFeature.setProviderAndWait('kills', provider)
  const flags = OpenFeature.getClient('kills')

  let isOver = false
  /** What each flag's description was acknowledged to be, by version. */
  const acknowledged = new Map<string, Map<number, string>>(keys.map((key) => [key, new Map()]))
  let refused = 0
  const edit = async (key: string) => {
    for (let n = 1; !isOver; n++) {
      const description = `edit ${n}`
      try {
        const { flag } = await cloud
          .client()
          .call(routes.flags.change, { params: { key }, body: { change: { do: 'edit', set: { description } } } })
        acknowledged.get(key)?.set(flag.version, description)
      } catch {
        // Dead or not yet up: nobody said that this edit was kept, and nobody says that it was not.
        refused++
        await pause(20)
      }
    }
  }
  let units = 0
  const evaluate = async () => {
    for (; !isOver; units++) {
      await flags.getBooleanValue('shown', false, { targetingKey: `user-${units}` })
      // The same unit again is the same exposure.
      await flags.getBooleanValue('shown', false, { targetingKey: `user-${units}` })
      await pause(2)
    }
  }
  const work = [...keys.map(edit), evaluate()]
  for (let kill = 0; kill < kills; kill++) {
    await pause(300 + random() * 900)
    await cloud.kill()
    await pause(random() * 300)
    await cloud.start()
  }
  isOver = true
  await Promise.all(work)
  await OpenFeature.clearProviders()

  const edits = [...acknowledged.values()].reduce((sum, it) => sum + it.size, 0)
  expect({ edits: edits > 20, refused: refused > 0, units: units > 100 }).toEqual({ edits: true, refused: true, units: true })
  for (const [key, versions] of acknowledged) {
    const { flag } = await cloud.client().call(routes.flags.show, { params: { key } })
    const history: { version: number; diff: { path: string; after?: unknown }[] }[] = []
    for (let before: number | undefined; ; before = history.at(-1)?.version) {
      const page = await cloud.client().call(routes.flags.history, { params: { key }, query: { before, limit: 500 } })
      history.push(...page.versions)
      if (!page.more) break
    }
    expect(history.map(({ version }) => version)).toEqual(Array.from({ length: flag.version }, (_, n) => flag.version - n))
    const kept = new Map(history.map((it) => [it.version, it.diff[0]?.after]))
    for (const [version, description] of versions) expect(kept.get(version), `${key} version ${version}`).toBe(description)
  }
  expect((await cloud.client().call(routes.ledger.verify, {})).whole).toBe(true)

  const { totals } = await eventually(
    async () => {
      const counts = await cloud.client().call(routes.flags.counts, { params: { key: 'shown' }, query: { environment: 'production' } })
      if (counts.totals.reduce((sum, it) => sum + it.units, 0) < units) throw new Error(`${JSON.stringify(counts.totals)} of ${units}`)
      return counts
    },
    { withinMs: 20_000 },
  )
  const sum = (of: 'units' | 'count') => totals.reduce((total, it) => total + it[of], 0)
  expect({ units: sum('units'), evaluations: sum('count') }).toEqual({ units, evaluations: 2 * units })
})
