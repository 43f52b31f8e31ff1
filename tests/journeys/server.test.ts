/** What the server promises as a process: chaos is real, PostgreSQL is enough, services and open streams outlive it. */
import { routes } from '@belay/protocol'
import { eventually, postgresForTests } from '@belay/testkit'
import { expect, test } from 'vitest'
import { littleCloud, testCloud } from './support.ts'

const two = { 'version.js': `module.exports = { name: 'two', healthy: () => true }\n` }

async function rehearsed(cloud: Awaited<ReturnType<typeof testCloud>>, release: string, chaos: boolean) {
  const { id } = await cloud.client().call(routes.rehearsals.start, { body: { release, chaos, undo: !chaos } })
  return eventually(
    async () => {
      const it = await cloud.client().call(routes.rehearsals.show, { params: { id } })
      if (it.state === 'running') throw new Error(`${id} still runs`)
      return it
    },
    { withinMs: 120_000 },
  )
}

test('a rehearsal with chaos kills its controller at the beginning and the end of every item, and passes all the same', async () => {
  const cloud = await testCloud(littleCloud)
  try {
    await cloud.start()
    await cloud.client().call(routes.releases.cut, { body: { ref: 'v1' } })
    const rehearsal = await rehearsed(cloud, 'v1', true)
    expect(rehearsal.state, rehearsal.because ?? '').toBe('passed')
    const deployment = rehearsal.phases.find((phase) => phase.name === 'deploy')?.deployment as string
    const { plan, runs } = await cloud.client().call(routes.deployments.show, { params: { id: deployment } })
    expect(rehearsal.kills).toHaveLength(2 * plan.items.length)
    expect(rehearsal.kills.every((kill) => kill.resumedMs !== null)).toBe(true)
    expect(runs.every((run) => run.attempt === 1 && run.state === 'done')).toBe(true)
    expect((await cloud.client().call(routes.ledger.verify, {})).whole).toBe(true)
  } finally {
    await cloud.close()
  }
})

test('with DATABASE_URL the state lives in PostgreSQL: cut, rehearse, deploy, kill, go on, roll back', async (it) => {
  const database = await postgresForTests()
  if ('skipped' in database) return it.skip(database.skipped)
  const cloud = await testCloud(littleCloud, { DATABASE_URL: database.url })
  await cloud.commit(two, 'v2')
  try {
    await cloud.start()
    for (const ref of ['v1', 'v2']) await cloud.client().call(routes.releases.cut, { body: { ref } })
    expect((await rehearsed(cloud, 'v1', false)).state).toBe('passed')
    expect((await cloud.settled((await cloud.deploy('production', 'v1')).id)).state).toBe('passed')
    const begun = await cloud.deploy('production', 'v2', { force: true, reason: 'to be killed' })
    await cloud.kill()
    await cloud.start()
    expect((await cloud.settled(begun.id)).state).toBe('passed')
    const offers = async () =>
      (await cloud.client().call(routes.deployments.list, { query: { environment: 'production' } })).deployments.map((one) => one.offers)
    expect(await offers(), 'only what is there now can be rolled back').toEqual([['rollback'], []])
    const { deployment } = await cloud.client().call(routes.environments.rollback, { params: { name: 'production' }, body: {} })
    expect((await cloud.settled(deployment?.id as string)).state).toBe('passed')
    expect(await offers()).toEqual([[], [], []])
    expect((await cloud.client().call(routes.ledger.verify, {})).whole).toBe(true)
  } finally {
    await cloud.close()
  }
})

test('a second server on the same database leaves alone what the first one began on hosts of its own', async (it) => {
  const database = await postgresForTests()
  if ('skipped' in database) return it.skip(database.skipped)
  const [first, second] = [
    await testCloud(littleCloud, { DATABASE_URL: database.url }),
    await testCloud(littleCloud, { DATABASE_URL: database.url }),
  ]
  try {
    await first.start()
    await first.client().call(routes.releases.cut, { body: { ref: 'v1' } })
    const { id } = await first.deploy('private', 'v1')
    await eventually(async () => (await first.facts()).some((fact) => fact.kind === 'step.started'), { withinMs: 10_000 })
    await first.kill()
    await second.start()
    // The dead one's lease runs out; then twice as long as it takes a server to look for work that lies about.
    const lease = async () => (await second.client().call(routes.environments.show, { params: { name: 'private' } })).lease
    await eventually(async () => (await lease()) === null, { withinMs: 30_000, everyMs: 500 })
    await new Promise((resolve) => setTimeout(resolve, 6_000))
    expect((await second.facts()).filter((fact) => fact.kind === 'deployment.resumed')).toEqual([])
    await first.start()
    expect((await first.settled(id)).state).toBe('passed')
  } finally {
    await first.close()
    await second.close()
  }
})

test('services go on while the server is away, and a feed goes on behind the last fact that it saw', async () => {
  const cloud = await testCloud(littleCloud)
  try {
    await cloud.start()
    await cloud.client().call(routes.releases.cut, { body: { ref: 'v1' } })
    await cloud.settled((await cloud.deploy('private', 'v1')).id)
    const { hosts } = await cloud.client().call(routes.environments.show, { params: { name: 'private' } })
    const address = hosts[0]?.services.find((service) => service.service === 'web')?.address
    const before = await cloud.facts()
    await cloud.stop()
    expect(await (await fetch(`http://${address}/`)).text()).toBe('version one')
    await cloud.start()
    const last = before.at(-3)?.seq as number
    const seen: number[] = []
    const stop = new AbortController()
    for await (const event of cloud.client().events(routes.feed, {}, { lastEventId: String(last), signal: stop.signal })) {
      seen.push(Number(event.id))
      if (seen.length === 2) break
    }
    expect(seen).toEqual([last + 1, last + 2])
  } finally {
    await cloud.close()
  }
})

test('a sandbox has its flags from its first deployment on', async () => {
  const cloud = await testCloud(littleCloud)
  try {
    await cloud.start()
    await cloud.client().call(routes.releases.cut, { body: { ref: 'v1' } })
    await cloud.client().call(routes.flags.create, { body: { key: 'tried' } })
    const made = await cloud.client().call(routes.sandboxes.create, { body: { name: 'trial', ref: 'v1', ttlMs: 600_000 } })
    expect((await cloud.settled(made.deployment)).state).toBe('passed')
    const { keys } = await cloud.client().call(routes.clientKeys.list, {})
    expect(keys).toContainEqual(expect.objectContaining({ environment: 'trial', kind: 'server', createdBy: 'belay' }))
    const explained = await cloud
      .client()
      .call(routes.flags.explain, { params: { key: 'tried' }, body: { environment: 'trial', context: {} } })
    expect(explained.evaluation).toMatchObject({ variant: 'off', reason: 'STATIC' })
  } finally {
    await cloud.close()
  }
})
