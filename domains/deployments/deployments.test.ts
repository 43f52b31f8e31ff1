/** The whole domain over real hosts, a real agent, real git and both databases: what a deployment promises. */
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@belay/base'
import { type CloudFile, readCloudFile } from '@belay/cloudfile'
import { environmentMigrations, openEnvironments, openLocalHost } from '@belay/environments'
import { connectAgent } from '@belay/exec'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { openReleases, releaseMigrations } from '@belay/releases'
import type { Store } from '@belay/store'
import { onEachStore, temporaryFolder } from '@belay/testkit'
import { afterEach, expect, test } from 'vitest'
import { openDeployments } from './deployments.ts'
import { drive } from './drive.ts'
import { type CostJudge, type CostsOf, type DriveElsewhere, openRehearsals } from './rehearsals.ts'
import { deploymentMigrations } from './tables.ts'

const agentMain = fileURLToPath(new URL('../../apps/agent/main.ts', import.meta.url))
const ann = { actor: 'ann', role: 'admin' as const }
const bob = { actor: 'bob', role: 'operator' as const }

const cloudFile = (it: { steps?: string; production?: string } = {}) => `cloud: small
services:
  web: { path: web, run: exec node web.js, port: 3000 }
environments:
  private: { kind: private, hosts: { box: { roles: [web] } } }
  qa: { kind: qa, hosts: { qa1: { roles: [web] } }, tests: { run: cat greeting, on: web } }
  production: { kind: production, ${it.production ?? ''} hosts: { web1: { roles: [web] }, web2: { roles: [web] } } }
deploy:
  - { step: install, on: web }
${it.steps ?? ''}
  - { step: restart, on: web, check: { tcp: true, every: 50ms, inARow: 1, within: 1500ms } }
`
const web = `const net = require('node:net')
if (require('node:fs').readFileSync('greeting', 'utf8').includes('bad on ' + process.env.BELAY_HOST)) setInterval(() => {}, 1000)
else net.createServer((s) => s.on('error', () => {}).end(require('node:fs').readFileSync('greeting'))).listen(process.env.PORT, '127.0.0.1')
`

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

type Beside = { readonly driveElsewhere?: DriveElsewhere; readonly costs?: CostJudge }
async function ground(open: () => Promise<Store>, text: string, { driveElsewhere = async () => {}, costs }: Beside = {}) {
  const place = await temporaryFolder()
  closing.push(async () => place[Symbol.asyncDispose]())
  const repository = join(place.path, 'repository')
  const home = join(place.path, 'home')
  await mkdir(repository)
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', repository, '-c', 'user.name=Ann', '-c', 'user.email=ann@example.test', ...args], { stdio: 'pipe' })
  git('init', '-q', '-b', 'main')
  const store = await open()
  await store.migrate([ledgerMigrations, environmentMigrations, releaseMigrations, deploymentMigrations])
  const clock = systemClock
  const ledger = openLedger({ store, clock })
  const agent = await connectAgent({ home, main: agentMain })
  const read = (yaml: string): CloudFile => {
    const it = readCloudFile(yaml, 'belay.yaml')
    if (it.file === undefined) throw new Error(JSON.stringify(it.problems))
    return it.file
  }
  const file = read(text)
  const environments = openEnvironments({
    store,
    ledger,
    clock,
    holder: { server: 'test', pid: process.pid },
    alive: () => true,
    file: () => file,
    repository,
    folder: join(home, 'hosts'),
    openHost: ({ name, environment, folder }) => openLocalHost({ name, environment, folder, agent }),
  })
  await environments.sync(file, 'ann')
  const releases = openReleases({
    store,
    ledger,
    clock,
    folder: join(home, 'releases'),
    repository,
    cloudFileName: 'belay.yaml',
    inProduction: environments.inProduction,
  })
  const parts = { store, ledger, clock, environments, releases }
  const log = (line: string, error?: unknown) => process.stderr.write(`${line} ${error instanceof Error ? error.stack : ''}\n`)
  const deployments = openDeployments({ ...parts, log })
  const rehearsals = openRehearsals({ ...parts, deployments, driveElsewhere, costs, log })
  closing.push(async () => {
    for (const environment of await environments.list()) await environments.halt(environment, 'ann').catch(() => {})
    await agent.ask('retire', {})
    agent.close()
    await store.close()
  })
  const never = new AbortController().signal
  return {
    ...parts,
    deployments,
    rehearsals,
    home,
    async cut(name: string, files: Record<string, string>, yaml = text) {
      for (const [path, content] of Object.entries({ 'belay.yaml': yaml, 'web/web.js': web, ...files })) {
        await mkdir(dirname(join(repository, path)), { recursive: true })
        await writeFile(join(repository, path), content)
      }
      git('add', '-A')
      git('commit', '-q', '--allow-empty', '-m', name)
      await releases.cut({ ref: 'HEAD', name }, 'ann', () => {})
    },
    async deploy(environment: string, release: string, who: Parameters<typeof deployments.start>[1] = ann) {
      const it = await deployments.start({ environment, release, force: true, reason: 'a test' }, who)
      return deployments.settled(it.id, never)
    },
    settled: (id: string) => deployments.settled(id, never),
    async rehearse(release: string, how: { undo?: boolean; chaos?: boolean } = {}) {
      const { id } = await rehearsals.start({ release, undo: how.undo ?? false, chaos: how.chaos ?? false }, 'ann')
      await expect.poll(async () => (await rehearsals.byName(id)).state, { timeout: 30_000 }).not.toBe('running')
      return rehearsals.byName(id)
    },
    async served(environment: string) {
      const it = await environments.byName(environment)
      const portOf = await environments.assignPorts(it, file.services)
      return Promise.all(
        [...environments.hosts(it).keys()].map(
          (host) =>
            new Promise<string>((resolve) => {
              let text = ''
              createConnection(portOf(host, 'web') ?? 0, '127.0.0.1')
                .on('data', (more) => (text += more))
                .on('close', () => resolve(text))
                .on('error', () => resolve('nobody'))
            }),
        ),
      )
    },
    kinds: async (subject: string) => (await ledger.list({ subject, order: 'oldest', limit: 500 })).facts.map((fact) => fact.kind),
  }
}

const greet = (text: string) => ({ 'web/greeting': text })

onEachStore('a deployment', (open) => {
  test('brings a release to every host, and back when asked', async () => {
    const it = await ground(open, cloudFile())
    await it.cut('v1', greet('one'))
    await it.cut('v2', greet('two'))
    expect(await it.deploy('production', 'v1')).toMatchObject({ state: 'passed', from: null })
    expect(await it.deploy('production', 'v2')).toMatchObject({ state: 'passed', from: 'v1' })
    expect(await it.served('production')).toEqual(['two', 'two'])
    const back = await it.settled((await it.deployments.rollback('production', ann, 'a test')).id)
    expect(back).toMatchObject({ state: 'passed', kind: 'rollback', release: 'v1' })
    expect(await it.served('production')).toEqual(['one', 'one'])
    expect((await it.environments.byName('production')).release).toBe('v1')
    const empty = await it.settled((await it.deployments.rollback('production', ann, 'all the way')).id)
    expect(empty.state).toBe('passed')
    expect((await it.environments.byName('production')).release).toBeNull()
    expect(await it.served('production')).toEqual(['nobody', 'nobody'])
    await expect(it.deployments.rollback('production', ann, undefined)).rejects.toThrow(/no deployment that passed and could be undone/)
  }, 60_000)

  test('whose check fails on the second host leaves no host on the new build', async () => {
    const it = await ground(open, cloudFile())
    await it.cut('v1', greet('one'))
    await it.cut('v2', greet('bad on web2'))
    await it.deploy('production', 'v1')
    const fell = await it.deploy('production', 'v2')
    expect(fell).toMatchObject({ state: 'undone' })
    expect(fell.because).toMatch(/^restart failed on web2: check tcp \d+ did not hold within 1\.5 s.*4 items on 2 hosts brought back$/)
    expect(await it.served('production')).toEqual(['one', 'one'])
    expect(await it.kinds(`deployment:${fell.id}`)).toContain('deployment.undone')
    expect((await it.ledger.verify()).whole).toBe(true)
  }, 60_000)

  test('holds where its step says so, and goes on as a person answers', async () => {
    const it = await ground(
      open,
      cloudFile({ steps: '  - { step: warm, on: web, once: true, run: test -e $BELAY_DATA/warm, onFailure: hold }' }),
    )
    await it.cut('v1', greet('one'))
    const held = await it.deploy('production', 'v1')
    expect(held).toMatchObject({ state: 'held' })
    expect(await it.deployments.heldIn('production')).toMatch(/d1 is held: warm failed on web1: exit 1/)
    await expect(it.deploy('production', 'v1')).rejects.toThrow(/production is not free: deployment d1 is held there/)
    await mkdir(join(it.home, 'hosts/production/web1/data/web'), { recursive: true })
    await writeFile(join(it.home, 'hosts/production/web1/data/web/warm'), '')
    await it.deployments.resume(held.id, 'rerun', 'bob', 'warmed it')
    expect(await it.settled(held.id)).toMatchObject({ state: 'passed' })
    await expect(it.deployments.resume(held.id, 'rerun', 'bob', undefined)).rejects.toThrow(/is passed; rerun makes no sense there/)
  }, 60_000)

  test('is brought back when it is aborted half-way', async () => {
    const it = await ground(open, cloudFile({ steps: '  - { step: slow, on: web, batch: 1, run: sleep 1, undo: "true" }' }))
    await it.cut('v1', greet('one'))
    const begun = await it.deployments.start({ environment: 'private', release: 'v1' }, ann)
    await it.deployments.abort(begun.id, 'bob', 'changed my mind')
    const ended = await it.settled(begun.id)
    expect(ended).toMatchObject({ state: 'aborted' })
    expect(ended.because).toMatch(/aborted by bob: changed my mind/)
    expect((await it.environments.byName('private')).release).toBeNull()
  }, 60_000)

  test('that needs a second person waits for one, who approves exactly what was planned', async () => {
    const it = await ground(open, cloudFile({ production: 'approval: second-person,' }))
    await it.cut('v1', greet('one'))
    const asked = await it.deployments.start({ environment: 'production', release: 'v1', force: true, reason: 'a test' }, ann)
    expect(asked.state).toBe('waiting-approval')
    await expect(it.deployments.approve(asked.id, asked.plan.hash, ann)).rejects.toThrow(/somebody else has to approve/)
    await expect(it.deployments.approve(asked.id, 'f'.repeat(64), bob)).rejects.toThrow(/is not what would run now/)
    await it.deployments.approve(asked.id, asked.plan.hash, bob)
    expect(await it.settled(asked.id)).toMatchObject({ state: 'passed', approval: { needed: true, by: 'bob' } })
  }, 60_000)

  test('into production is refused before its rehearsal passed, to whom may not, and without a reason to force it', async () => {
    const it = await ground(open, cloudFile())
    await it.cut('v1', greet('one'))
    const start = (who: typeof ann | { actor: string; role: 'developer' }, more = {}) =>
      it.deployments.start({ environment: 'production', release: 'v1', ...more }, who)
    await expect(start({ actor: 'dev', role: 'developer' })).rejects.toThrow(/needs the role operator/)
    await expect(start(ann)).rejects.toThrow(/v1 was never rehearsed/)
    await expect(start(ann, { force: true })).rejects.toThrow(/needs a reason/)
    expect(await it.rehearse('v1', { undo: true })).toMatchObject({ state: 'passed' })
    expect(await it.settled((await start(ann)).id)).toMatchObject({ state: 'passed', forced: false })
  }, 60_000)

  test('takes up what a driver that died left, without running a command twice', async () => {
    const it = await ground(
      open,
      cloudFile({ steps: '  - { step: count, on: web, once: true, run: mkdir -p $BELAY_DATA; echo x >> $BELAY_DATA/count; sleep 0.5 }' }),
    )
    await it.cut('v1', greet('one'))
    const made = await it.deployments.stage({
      environment: 'production',
      release: 'v1',
      kind: 'deploy',
      rehearsal: 'r1',
      actor: 'ann',
      driven: false,
    })
    class Death extends Error {}
    // Drivers die at the beginning of every item, one after the other, in the middle of what they ordered.
    for (let index = 0; index < 3; index++) {
      await it.deployments.lend(made.id, () =>
        drive(it, made.id, (moment, at) => {
          if (moment === 'begun' && at === index) throw new Death()
        }).catch((error) => {
          if (!(error instanceof Death)) throw error
        }),
      )
    }
    await it.deployments.drive(made.id)
    expect(await it.settled(made.id)).toMatchObject({ state: 'passed' })
    expect(await readFile(join(it.home, 'hosts/production/web1/data/web/count'), 'utf8')).toBe('x\n')
    expect((await it.kinds(`deployment:${made.id}`)).filter((kind) => kind === 'deployment.resumed').length).toBeGreaterThan(0)
  }, 60_000)

  test('leaves hosts with the newest builds only', async () => {
    const it = await ground(open, cloudFile())
    for (let nth = 1; nth <= 5; nth++) {
      await it.cut(`v${nth}`, greet(`build ${nth}`))
      expect(await it.deploy('private', `v${nth}`)).toMatchObject({ state: 'passed' })
    }
    expect((await readdir(join(it.home, 'hosts/private/box/software/web'))).filter((name) => name !== 'current')).toHaveLength(3)
    expect(await readdir(join(it.home, 'hosts/private/box/artifacts'))).toEqual([])
  }, 60_000)
})

onEachStore('a rehearsal', (open) => {
  test('starts from production, runs the steps, the tests and the way back, and tells production what to expect', async () => {
    const it = await ground(open, cloudFile())
    await it.cut('v1', greet('one'))
    await it.cut('v2', greet('two'))
    await it.deploy('production', 'v1')
    const rehearsal = await it.rehearse('v2', { undo: true })
    expect(rehearsal.phases.map((phase) => [phase.name, phase.state])).toEqual([
      ['baseline', 'passed'],
      ['deploy', 'passed'],
      ['tests', 'passed'],
      ['undo', 'passed'],
      ['deploy-again', 'passed'],
    ])
    expect(rehearsal.phases[2]?.because).toBe('two')
    const plan = await it.deployments.plan('production', 'v2')
    expect(plan.items.every((item) => (item.expectedMs ?? 0) > 0)).toBe(true)
  }, 60_000)

  test('asks what calls cost when there are budgets, and falls when that is too much', async () => {
    const asked: CostsOf[] = []
    const costs: CostJudge = {
      wanted: () => true,
      async judge(it) {
        asked.push(it)
        const ok = it.release === 'v1'
        return { ok, says: ok ? 'all within' : 'Items.getList takes 22 ms of CPU; its budget is 10 ms', lines: ['Items.getList'] }
      },
    }
    const it = await ground(open, cloudFile(), { costs })
    await it.cut('v1', greet('one'))
    await it.cut('v2', greet('two'))
    const passed = await it.rehearse('v1', { undo: true })
    expect(passed.phases.map((phase) => `${phase.name} ${phase.state}`)).toContain('costs passed')
    await it.deploy('production', 'v1')
    const fallen = await it.rehearse('v2', { undo: true })
    expect(fallen).toMatchObject({
      state: 'failed',
      because: 'costs failed: Items.getList takes 22 ms of CPU; its budget is 10 ms',
    })
    expect(fallen.phases.find((phase) => phase.name === 'costs')).toMatchObject({ state: 'failed', output: 'Items.getList\n' })
    expect(fallen.phases.find((phase) => phase.name === 'undo')?.state).toBe('pending')
    const tests = fallen.phases.find((phase) => phase.name === 'tests')
    expect(asked[1]).toMatchObject({ release: 'v2', previous: 'v1', sinceAt: tests?.startedAt, untilAt: tests?.endedAt })
  }, 60_000)

  test('that fails says in which phase and why, and production is told', async () => {
    const it = await ground(open, cloudFile())
    await it.cut('v1', greet('one'))
    await it.cut('v2', greet('bad on qa1'))
    await it.deploy('production', 'v1')
    const rehearsal = await it.rehearse('v2')
    expect(rehearsal).toMatchObject({ state: 'failed' })
    expect(rehearsal.because).toMatch(/^deploy failed: restart failed on qa1: check tcp/)
    await expect(it.deployments.start({ environment: 'production', release: 'v2' }, ann)).rejects.toThrow(
      /v2 failed its rehearsal r1: deploy failed/,
    )
    expect((await it.environments.byName('qa')).release).toBe('v1')
  }, 60_000)
})

onEachStore('a sandbox', (open) => {
  test('runs a release for a while, then is removed with all that it left', async () => {
    const it = await ground(open, cloudFile())
    await it.cut('v1', greet('one'))
    await it.environments.addSandbox({ name: 'try', actor: 'ann', expiresAt: Date.now() + 1_500 })
    await expect(it.environments.addSandbox({ name: 'try', actor: 'ann', expiresAt: Date.now() })).rejects.toThrow(
      /An environment named try exists already/,
    )
    expect(await it.deploy('try', 'v1')).toMatchObject({ state: 'passed' })
    expect(await it.served('try')).toEqual(['one'])
    await it.environments.extendSandbox('try', Date.now() - 1, 'ann')
    expect(await it.environments.reap()).toEqual(['try'])
    expect(await readdir(join(it.home, 'hosts'))).not.toContain('try')
    expect(await it.kinds('environment:try')).toEqual(['sandbox.created', 'sandbox.extended', 'sandbox.expired'])
    await expect(it.environments.removeSandbox('qa', 'ann', 'asked')).rejects.toThrow(/only sandboxes can be extended or removed/)
  }, 60_000)
})
