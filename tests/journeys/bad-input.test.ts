/** What a user sees when things are wrong: each gets a clear sentence, and nothing is left half done. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { Problem } from '@belay/base'
import { createClient, routes } from '@belay/protocol'
import { temporaryFolder, tmpfs } from '@belay/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { littleCloud, type TestCloud, testCloud } from './support.ts'

const why = (problem: unknown) => (problem instanceof Problem ? `${problem.status} ${problem.code}: ${problem.message}` : String(problem))
const refusal = (asked: Promise<unknown>) => asked.then(() => 'it was not refused', why)

describe('a running server', () => {
  let cloud: TestCloud
  beforeAll(async () => {
    cloud = await testCloud(littleCloud)
    await cloud.commit({ 'version.js': `module.exports = { name: 'two', healthy: () => true }\n` }, 'v2')
    await cloud.start()
    for (const ref of ['v1', 'v2']) await cloud.client().call(routes.releases.cut, { body: { ref } })
    expect((await cloud.settled((await cloud.deploy('production', 'v1', { force: true, reason: 'the first' })).id)).state).toBe('passed')
  })
  afterAll(() => cloud.close())

  const healthyOn = async (release: string) => {
    const it = await cloud.client().call(routes.environments.show, { params: { name: 'production' } })
    expect([it.state, it.release]).toEqual(['healthy', release])
  }

  test('names what it knows when a release or an environment is unknown', async () => {
    expect(await refusal(cloud.deploy('private', 'v9'))).toMatch(/^404 unknown-release: There is no release v9\. Did you mean v/)
    expect(await refusal(cloud.deploy('prodution', 'v1'))).toBe(
      '404 unknown-environment: There is no environment prodution. Known: private, qa, production.',
    )
    expect(await refusal(cloud.client().call(routes.releases.cut, { body: { ref: 'nowhere' } }))).toMatch(/unknown-ref: .*nowhere/)
    expect(await refusal(cloud.client().call(routes.deployments.show, { params: { id: 'd999' } }))).toMatch(/^404 unknown-deployment/)
  })

  test('refuses production a release that did not pass its rehearsal, and an override without a reason', async () => {
    expect(await refusal(cloud.deploy('production', 'v2'))).toMatch(/^409 not-rehearsed: .*v2 was never rehearsed.*belay rehearse v2/)
    expect(await refusal(cloud.deploy('production', 'v2', { force: true }))).toMatch(/^422 force-needs-reason/)
    await healthyOn('v1')
  })

  test('refuses a corrupted artifact before anything is touched', async () => {
    const folder = join(cloud.home, 'releases/artifacts')
    const release = await cloud.client().call(routes.releases.show, { params: { name: 'v2' } })
    const { artifact } = release.services.find((it) => it.service === 'web') as { artifact: string }
    const file = (await readdir(folder)).find((name) => name.startsWith(artifact)) as string
    const whole = await readFile(join(folder, file))
    const spoilt = Buffer.from(whole)
    spoilt[spoilt.length - 10] = (spoilt[spoilt.length - 10] as number) ^ 0xff
    await rm(join(folder, file))
    await writeFile(join(folder, file), spoilt)
    expect(await refusal(cloud.deploy('production', 'v2', { force: true, reason: 'spoilt' }))).toMatch(/artifact-corrupted: .*web.*v2/)
    await healthyOn('v1')
    await rm(join(folder, file))
    await writeFile(join(folder, file), whole)
    expect(createHash('sha256').update(whole).digest('hex')).toBe(artifact)
  })

  test('undoes a deployment that meets a taken port, and names who holds it', async () => {
    const stranger = createServer()
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', () => resolve()))
    const { port } = stranger.address() as AddressInfo
    const fixed = (littleCloud['belay.yaml'] as string).replace(
      'roles: [web, store] } } }',
      `roles: [web, store], ports: { web: ${port} } } } }`,
    )
    await writeFile(join(cloud.folder, 'belay.yaml'), fixed)
    await expect.poll(async () => (await cloud.facts()).some((fact) => fact.kind === 'environment.changed'), { timeout: 5_000 }).toBe(true)
    const taken = await cloud.settled((await cloud.deploy('private', 'v1')).id)
    expect(taken.state).toBe('undone')
    expect(taken.because).toMatch(new RegExp(`port ${port}.*${process.pid}`, 'i'))
    await new Promise((resolve) => stranger.close(resolve))
    expect((await cloud.settled((await cloud.deploy('private', 'v1')).id)).state).toBe('passed')
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200)
  })

  test('says which host does not answer, and why', async () => {
    const agent = await cloud.agentPid()
    process.kill(agent, 'SIGSTOP')
    try {
      const shown = await cloud.client().call(routes.environments.show, { params: { name: 'production' } })
      expect(shown.hosts[0]).toMatchObject({ reachable: false })
      expect(shown.hosts[0]?.because).toMatch(/does not answer/)
    } finally {
      process.kill(agent, 'SIGCONT')
    }
    await healthyOn('v1')
  })

  test('goes on with the last good belay.yaml while the one that lies there is broken, and says what is wrong', async () => {
    const good = littleCloud['belay.yaml'] as string
    await writeFile(join(cloud.folder, 'belay.yaml'), good.replace('kind: qa', 'kind: qualität'))
    await expect
      .poll(async () => (await cloud.client().call(routes.cloud, {})).problems.map((it) => `${it.line}:${it.column} ${it.field}`), {
        timeout: 5_000,
      })
      .toEqual(['7:15 environments.qa.kind'])
    await healthyOn('v1')
    await writeFile(join(cloud.folder, 'belay.yaml'), good)
  })

  test('lets nobody touch production who may not deploy there', async () => {
    const { secret } = await cloud.client().call(routes.tokens.create, {
      body: { name: 'ci', role: 'developer', scopes: ['environment.down', 'environment.up', 'deploy'], ttlMs: 600_000 },
    })
    const ci = createClient({ url: cloud.client().url, token: secret })
    for (const way of [routes.environments.down, routes.environments.up, routes.environments.rollback]) {
      expect(await refusal(ci.call(way, { params: { name: 'production' }, body: {} }))).toMatch(
        /^403 not-allowed: This needs the role operator/,
      )
    }
    await healthyOn('v1')
  })

  test('answers bad requests with the field that is wrong', async () => {
    expect(await refusal(cloud.client().call(routes.sandboxes.create, { body: { ttlMs: 5 } }))).toMatch(/^400 bad-request: .*ttlMs/)
    expect(await refusal(cloud.client().call(routes.deployments.list, { query: { limit: 9_999 } }))).toMatch(/^400 bad-request: .*limit/)
  })
})

describe('the machine', () => {
  test('a clock that is moved back is noticed, and the ledger stays whole and in order', async () => {
    await using place = await temporaryFolder()
    const offset = join(place.path, 'offset')
    const shim = join(place.path, 'clock.mjs')
    await writeFile(offset, '0')
    await writeFile(
      shim,
      `import { readFileSync } from 'node:fs'\nconst now = Date.now\nDate.now = () => now() + Number(readFileSync(${JSON.stringify(offset)}, 'utf8'))\n`,
    )
    const cloud = await testCloud(littleCloud, { NODE_OPTIONS: `--import=${shim}` })
    try {
      await cloud.start()
      await cloud.client().call(routes.releases.cut, { body: { ref: 'v1' } })
      await writeFile(offset, String(-3_600_000))
      const it = await cloud.settled((await cloud.deploy('private', 'v1')).id)
      expect(it.state).toBe('passed')
      const facts = await cloud.facts()
      expect(facts.filter((fact) => fact.kind === 'clock.moved-back')).toHaveLength(1)
      expect(facts.map((fact) => fact.at)).toEqual(facts.map((fact) => fact.at).sort((a, b) => a - b))
      expect((await cloud.client().call(routes.ledger.verify, {})).whole).toBe(true)
    } finally {
      await writeFile(offset, '0')
      await cloud.close()
    }
  })

  test('a full disk refuses with a sentence, loses nothing that was acknowledged, and goes on when there is room', async (it) => {
    const small = await tmpfs(24 * 1024 * 1024)
    if ('skipped' in small) return it.skip(small.skipped)
    const cloud = await testCloud(littleCloud, {}, small.path)
    const ballast = join(small.path, 'ballast')
    try {
      await cloud.start()
      await cloud.client().call(routes.releases.cut, { body: { ref: 'v1' } })
      expect((await cloud.settled((await cloud.deploy('private', 'v1')).id)).state).toBe('passed')
      const before = await cloud.facts()
      await fill(ballast)
      const said = await refusal(
        cloud.deploy('production', 'v1', { force: true, reason: 'a full disk' }).then(async (made) => {
          const end = await cloud.settled(made.id)
          if (end.state !== 'passed') throw new Problem(end.state, 500, end.because ?? '')
        }),
      )
      expect(said).toMatch(/disk|full|space/i)
      await rm(ballast)
      const after = new Map((await cloud.facts()).map((fact) => [fact.seq, fact.hash]))
      for (const fact of before) expect(after.get(fact.seq)).toBe(fact.hash)
      await expect
        .poll(
          async () =>
            (await cloud.client().call(routes.deployments.list, { query: {} })).deployments.filter((one) =>
              ['running', 'undoing'].includes(one.state),
            ).length,
          { timeout: 60_000 },
        )
        .toBe(0)
      const again = await cloud.settled((await cloud.deploy('production', 'v1', { force: true, reason: 'there is room' })).id)
      expect(again.state).toBe('passed')
      expect((await cloud.client().call(routes.ledger.verify, {})).whole).toBe(true)
    } finally {
      await rm(ballast, { force: true })
      await cloud.close()
      await small[Symbol.asyncDispose]()
    }
  })
})

/** Writes until the file system has no byte left. */
async function fill(path: string): Promise<void> {
  await new Promise((resolve) => spawn('dd', ['if=/dev/zero', `of=${path}`, 'bs=4096'], { stdio: 'ignore' }).on('exit', resolve))
}
