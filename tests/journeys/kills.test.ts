/**
 * The server is killed (SIGKILL, its whole process group) at random moments of deployments, sometimes together with the
 * agent and what it runs, and started again. `npm run hunt` kills more often than every test run can afford; BELAY_SEED
 * repeats a hunt, BELAY_KILLS says how many kills.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '@belay/base'
import { type DeploymentWire, routes } from '@belay/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { littleCloud, processesWith, type TestCloud, testCloud } from './support.ts'

const kills = Number(process.env.BELAY_KILLS ?? 12)
const seed = Number(process.env.BELAY_SEED ?? 20_261_122)
/** Deployments that had to ask a person. */
let answered = 0
/** A deployment of the little cloud takes about this long here; kills fall anywhere in it. */
const deploymentMs = 1_500

let cloud: TestCloud
beforeAll(async () => {
  cloud = await testCloud(littleCloud)
  await cloud.commit(
    {
      'version.js': `module.exports = { name: 'two', healthy: () => true }\n`,
      'store/store.js': `${littleCloud['store/store.js']}// two\n`,
    },
    'v2',
  )
  // On production's second web host this one is never well, so it is undone there.
  await cloud.commit({ 'version.js': `module.exports = { name: 'three', healthy: (env) => env.BELAY_HOST !== 'web2' }\n` }, 'v3')
  await cloud.start()
  for (const ref of ['v1', 'v2', 'v3']) await cloud.client().call(routes.releases.cut, { body: { ref } })
  const first = await cloud.deploy('production', 'v1', { force: true, reason: 'the hunt begins' })
  expect((await cloud.settled(first.id)).state).toBe('passed')
})
afterAll(() => cloud.close())

test(`killed at ${kills} random moments, no fact is lost and every deployment ends well or says what it waits for (seed ${seed})`, async () => {
  const random = seededRandom(seed)
  const ends: Record<string, number> = {}
  let known = new Map<number, string>()
  let open: DeploymentWire | undefined
  let next = 'v2'
  for (let kill = 0; kill < kills; kill++) {
    if (open === undefined) {
      open = await cloud.deploy('production', next, { force: true, reason: 'the hunt' })
      next = { v2: 'v3', v3: 'v1', v1: 'v2' }[next] as string
    }
    await new Promise((resolve) => setTimeout(resolve, random() * deploymentMs))
    for (const fact of await cloud.facts()) known.set(fact.seq, fact.hash)
    const withAgent = kill % 5 === 4
    const agent = await cloud.agentPid()
    await cloud.kill()
    if (withAgent) {
      process.kill(agent, 'SIGKILL')
      // And the command that it runs, so that nobody can know how that ended.
      for (const pid of await processesWith(cloud.home, 'BELAY_STEP=')) killed(pid)
    }
    await cloud.start()

    const facts = await cloud.facts()
    const hashes = new Map(facts.map((fact) => [fact.seq, fact.hash]))
    for (const [seq, hash] of known) expect(hashes.get(seq), `fact ${seq} was acknowledged before kill ${kill}`).toBe(hash)
    known = hashes
    const { deployments } = await cloud.client().call(routes.deployments.list, { query: { environment: 'production', limit: 500 } })
    expect(deployments.filter((it) => ['running', 'undoing', 'waiting', 'held', 'failed'].includes(it.state)).length).toBeLessThanOrEqual(1)

    // Every other time it is killed again before it could end.
    if (random() < 0.5) continue
    open = await ended(open.id)
    ends[open.state] = (ends[open.state] ?? 0) + 1
    await everythingFits(open)
    open = undefined
  }
  if (open !== undefined) await everythingFits(await ended(open.id))
  expect(await cloud.client().call(routes.ledger.verify, {})).toMatchObject({ whole: true, broken: null })
  expect(ends.passed ?? 0).toBeGreaterThan(0)
  expect(ends.undone ?? 0).toBeGreaterThan(0)
  expect(Object.keys(ends).filter((state) => state !== 'passed' && state !== 'undone')).toEqual([])
  process.stderr.write(`ends of the deployments that were killed: ${JSON.stringify(ends)}; ${answered} asked a person on the way\n`)
}, 1_800_000)

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself meanwhile.
  }
}

/** To its end; one that waits must say what is known, and goes on when a person answers. */
async function ended(id: string): Promise<DeploymentWire> {
  for (let answers = 0; answers < 5; answers++) {
    const it = await cloud.settled(id)
    if (it.state !== 'waiting') return it
    answered++
    expect(it.because).toMatch(/began on db1 at .* nobody knows how it ended/)
    await cloud.client().call(routes.deployments.resume, { params: { id }, body: { how: 'rerun', reason: 'looked: it had not run' } })
  }
  throw new Error(`${id} waits for ever`)
}

/** What runs is what the deployment's end says, and the migration went as often there as it should. */
async function everythingFits(it: DeploymentWire): Promise<void> {
  const environment = await cloud.client().call(routes.environments.show, { params: { name: 'production' } })
  expect(environment.state, environment.because ?? '').toBe('healthy')
  const release = it.state === 'passed' ? it.release : it.from
  expect(environment.release).toBe(release)
  const versions = { v1: 'one', v2: 'two', v3: 'three' } as const
  for (const host of environment.hosts) {
    for (const service of host.services) {
      if (service.service !== 'web') continue
      const text = await (await fetch(`http://${service.address}/`)).text()
      expect(text, `${host.name} after ${it.id} ${it.state}`).toBe(`version ${versions[release as keyof typeof versions]}`)
    }
  }
  const log = await readFile(join(cloud.home, 'hosts/production/db1/data/store/migrations'), 'utf8')
  const of = (way: string) => log.split('\n').filter((line) => line === `${way} ${it.release}`).length
  expect(of('up') - of('down'), `migrations of ${it.release} that stand after ${it.id} ${it.state}: ${log}`).toBeGreaterThanOrEqual(
    it.state === 'undone' ? 0 : 1,
  )
}
