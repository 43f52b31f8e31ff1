/** Sandboxes: environments with a time to live, and a look for what is left of them. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, sayDuration } from '@belay/base'
import type { CloudFile, EnvironmentSpec, HostSpec } from '@belay/cloudfile'
import type { Ledger } from '@belay/ledger'
import type { Store } from '@belay/store'
import type { Host } from './host.ts'
import type { Leases } from './lease.ts'
import type { Environment } from './model.ts'
import { environmentProblem } from './problems.ts'
import * as rows from './store.ts'

export type Sandboxes = {
  addSandbox(it: { name: string; actor: string; expiresAt: number }): Promise<Environment>
  extendSandbox(name: string, expiresAt: number, actor: string): Promise<Environment>
  removeSandbox(name: string, actor: string, because: 'asked' | 'expired'): Promise<void>
  /** Removes sandboxes whose time is over, and what is left of sandboxes that nobody knows any more. @returns what it removed */
  reap(): Promise<string[]>
}

export type SandboxGround = {
  readonly store: Store
  readonly ledger: Ledger
  readonly clock: Clock
  readonly leases: Leases
  readonly file: () => CloudFile
  /** One folder an environment, in it one a host. */
  readonly folder: string
  readonly byName: (name: string) => Promise<Environment>
  readonly hosts: (environment: Environment) => ReadonlyMap<string, Host>
  /** The environment's hosts are gone: forget what was opened of them. */
  readonly forget: (environment: string) => void
  readonly openHost: (it: { name: string; environment: string; folder: string; spec: HostSpec }) => Host
}

export function openSandboxes(options: SandboxGround): Sandboxes {
  const { store, ledger, clock, leases, folder, byName, hosts } = options

  /** Only what the ledger knows as a sandbox may be deleted: a strange folder may be somebody's data. */
  async function wasSandbox(name: string): Promise<boolean> {
    return (await ledger.list({ kind: 'sandbox.created', subject: `environment:${name}`, order: 'newest', limit: 1 })).facts.length > 0
  }

  async function eraseHosts(environment: Environment, actor: string): Promise<void> {
    await leases.hold(environment.name, { reason: `removes ${environment.name}`, deployment: null, actor }, async (lease) => {
      for (const host of hosts(environment).values()) await host.erase({ key: `erase/${lease.fence}`, fence: lease.fence })
    })
    options.forget(environment.name)
    // The hosts took what was theirs; the folder that they stood in is ours.
    await rm(join(folder, environment.name), { recursive: true, force: true })
  }

  async function removeSandbox(name: string, actor: string, because: 'asked' | 'expired'): Promise<void> {
    const environment = await byName(name)
    if (environment.kind !== 'sandbox') throw environmentProblem('not-a-sandbox', { name, kind: environment.kind })
    await eraseHosts(environment, actor)
    await store.write(async (tx) => {
      await rows.deleteEnvironment(tx, name)
      await ledger.append(tx, {
        actor,
        kind: because === 'asked' ? 'sandbox.removed' : 'sandbox.expired',
        subject: `environment:${name}`,
        says:
          because === 'asked'
            ? `removed the sandbox ${name}`
            : `the time of sandbox ${name} was over; it was removed after ${sayDuration(clock.now() - environment.createdAt)}`,
      })
    })
    store.signal('environments')
  }

  return {
    async addSandbox({ name, actor, expiresAt }) {
      const file = options.file()
      const pattern =
        Object.values(file.environments).find((it) => it.kind === 'sandbox') ??
        Object.values(file.environments).find((it) => it.kind === 'private')
      if (pattern === undefined) throw environmentProblem('no-sandbox-template', {})
      // Fixed ports belong to the environment that the pattern was made for.
      const hostsWithoutPorts = Object.fromEntries(
        Object.entries(pattern.hosts).map(([host, spec]) => [host, { ...spec, ports: undefined }]),
      )
      const spec: EnvironmentSpec = { ...pattern, kind: 'sandbox', hosts: hostsWithoutPorts, approval: 'none' }
      await store.write(async (tx) => {
        if ((await rows.environmentRow(tx, name)) !== undefined || file.environments[name] !== undefined)
          throw environmentProblem('name-taken', { name })
        await rows.addEnvironment(tx, { name, kind: 'sandbox', spec, createdAt: clock.now(), createdBy: actor, expiresAt })
        await ledger.append(tx, {
          actor,
          kind: 'sandbox.created',
          subject: `environment:${name}`,
          says: `made the sandbox ${name}, to live ${sayDuration(expiresAt - clock.now())}`,
          data: { expiresAt },
        })
      })
      store.signal('environments')
      return byName(name)
    },
    async extendSandbox(name, expiresAt, actor) {
      const environment = await byName(name)
      if (environment.kind !== 'sandbox') throw environmentProblem('not-a-sandbox', { name, kind: environment.kind })
      await store.write(async (tx) => {
        await rows.changeEnvironment(tx, name, { expiresAt })
        await ledger.append(tx, {
          actor,
          kind: 'sandbox.extended',
          subject: `environment:${name}`,
          says: `gave the sandbox ${name} time until ${new Date(expiresAt).toISOString()}`,
          data: { before: environment.expiresAt, after: expiresAt },
        })
      })
      store.signal('environments')
      return byName(name)
    },
    removeSandbox,
    async reap() {
      const removed: string[] = []
      const all = await rows.allEnvironments(store.read)
      for (const environment of all) {
        if (environment.expiresAt === null || environment.expiresAt > clock.now()) continue
        await removeSandbox(environment.name, 'belay', 'expired')
        removed.push(environment.name)
      }
      const names = new Set((await rows.allEnvironments(store.read)).map((it) => it.name))
      for (const orphan of await readdir(folder).catch(() => [])) {
        if (names.has(orphan) || !(await wasSandbox(orphan))) continue
        for (const host of await readdir(join(folder, orphan))) {
          const it = options.openHost({
            name: host,
            environment: orphan,
            folder: join(folder, orphan, host),
            spec: { driver: 'local', roles: [] },
          })
          const { fence } = await it.facts()
          await it.erase({ key: `orphan/${fence + 1}`, fence: fence + 1 })
        }
        await rm(join(folder, orphan), { recursive: true, force: true })
        await ledger.record({
          actor: 'belay',
          kind: 'sandbox.orphan-removed',
          subject: `environment:${orphan}`,
          says: `removed what was left of ${orphan}, which no environment claims`,
        })
        removed.push(orphan)
      }
      return removed
    },
  }
}
