import { readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Clock, type Problem, sayDuration, sentenceOf } from '@belay/base'
import { sha256 } from '@belay/base/node'
import type { CloudFile, EnvironmentSpec, HostSpec } from '@belay/cloudfile'
import type { ServiceSpec } from '@belay/exec'
import type { Ledger } from '@belay/ledger'
import type { EnvironmentWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import type { Host } from './host.ts'
import { type Holder, type Leases, openLeases } from './lease.ts'
import {
  assignPorts,
  belayVariables,
  climbingOrder,
  type Environment,
  hostsOf,
  judgeEnvironment,
  type Placement,
  type PortOf,
  type ReleaseConfig,
  servicesOn,
  userVariables,
} from './model.ts'
import { environmentProblem } from './problems.ts'
import { resolveVariables } from './secrets.ts'
import * as rows from './store.ts'

/** Below the kernel's ephemeral range (32768 to 60999 by default on Linux), so outgoing connections do not take them. */
const portRange = { from: 20_000, to: 29_999 }

/** A service's log is asked for so many lines at the most in one answer. */
const logLinesMax = 5_000

export type Environments = {
  readonly leases: Leases
  /** Brings the rows in step with belay.yaml: new environments appear, those that left the file are marked. */
  sync(file: CloudFile, actor: string): Promise<void>
  list(): Promise<Environment[]>
  /** @throws Problem `unknown-environment` */
  byName(name: string): Promise<Environment>
  hosts(environment: Environment): ReadonlyMap<string, Host>
  /** Gives every service that listens a port on every host, once and for good. @throws Problem `no-port-free` */
  assignPorts(environment: Environment, services: CloudFile['services']): Promise<PortOf>
  placements(environment: string, db?: Db): Promise<Placement[]>
  place(tx: Db, environment: string, placement: Placement): Promise<void>
  displace(tx: Db, environment: string, host: string, service: string): Promise<void>
  /** The release that the deployment left here becomes the present one. */
  arrived(tx: Db, environment: string, it: { release: string | null; deployment: string }): Promise<void>
  /** The release now in production (of the first production environment that has one). */
  inProduction(): Promise<string | null>
  /** What a service, job or hook is started with. */
  variables(it: {
    environment: Environment
    config: ReleaseConfig
    host: string
    service: string
    release: string
    portOf: PortOf
  }): Promise<{ values: Record<string, string>; secrets: readonly string[] }>
  serviceSpec(it: {
    environment: Environment
    config: ReleaseConfig
    host: string
    service: string
    release: string
    artifact: string
    portOf: PortOf
  }): Promise<{ spec: ServiceSpec; secrets: readonly string[] }>
  /** The environment with what its hosts report at this moment. */
  view(environment: Environment, held: string | null): Promise<EnvironmentWire>
  /** Starts what was placed here, each with the configuration of its own release. */
  start(environment: Environment, actor: string, configOf: (release: string) => Promise<ReleaseConfig>): Promise<void>
  halt(environment: Environment, actor: string): Promise<void>
  addSandbox(it: { name: string; actor: string; expiresAt: number }): Promise<Environment>
  extendSandbox(name: string, expiresAt: number, actor: string): Promise<Environment>
  removeSandbox(name: string, actor: string, because: 'asked' | 'expired'): Promise<void>
  /** Removes sandboxes whose time is over and folders of hosts that nobody knows. @returns what it removed */
  reap(): Promise<string[]>
  logLines(
    environment: Environment,
    asking: { service: string | undefined; host: string | undefined; lines: number },
  ): Promise<{ host: string; service: string; text: string }[]>
  logTargets(environment: Environment, asking: { service: string | undefined; host: string | undefined }): { host: Host; service: string }[]
}

/** Where a service's build stands on a host. Equal builds share a folder, so switching back is instant. */
export const softwareFolder = (service: string, artifact: string) => `software/${service}/${artifact.slice(0, 16)}`

export function openEnvironments(options: {
  store: Store
  ledger: Ledger
  clock: Clock
  holder: Holder
  alive: (pid: number) => boolean
  file: () => CloudFile
  repository: string
  /** One folder an environment, in it one a host (driver `local`). */
  folder: string
  openHost: (it: { name: string; environment: string; folder: string; spec: HostSpec }) => Host
}): Environments {
  const { store, ledger, clock, folder } = options
  const leases = openLeases(options)
  const opened = new Map<string, Host>()
  const services = () => options.file().services

  // Servers on one machine do not know each other's ports, and a cloud that is down listens on none: each begins elsewhere.
  const ownRange = { ...portRange, from: portRange.from + 100 * (Number.parseInt(sha256(folder).slice(0, 6), 16) % 90) }
  const hostFolder = (environment: string, host: string) => join(folder, environment, host)
  function hosts(environment: Environment): ReadonlyMap<string, Host> {
    return new Map(
      hostsOf(environment.spec).map((host) => {
        const key = `${environment.name}/${host.name}/${host.spec.driver}`
        const it =
          opened.get(key) ??
          options.openHost({
            name: host.name,
            environment: environment.name,
            folder: hostFolder(environment.name, host.name),
            spec: host.spec,
          })
        opened.set(key, it)
        return [host.name, it] as const
      }),
    )
  }

  async function byName(name: string): Promise<Environment> {
    const row = await rows.environmentRow(store.read, name)
    if (row === undefined)
      throw environmentProblem('unknown-environment', { name, known: (await rows.allEnvironments(store.read)).map((it) => it.name) })
    return row
  }

  async function sync(file: CloudFile, actor: string): Promise<void> {
    await store.write(async (tx) => {
      const present = await rows.allEnvironments(tx)
      for (const [name, spec] of Object.entries(file.environments)) {
        // A sandbox in the file is the pattern that sandboxes are made from, not an environment.
        if (spec.kind === 'sandbox') continue
        const row = present.find((it) => it.name === name)
        if (row === undefined) {
          await rows.addEnvironment(tx, { name, kind: spec.kind, spec, createdAt: clock.now(), createdBy: actor, expiresAt: null })
          const count = Object.keys(spec.hosts).length
          await ledger.append(tx, {
            actor,
            kind: 'environment.added',
            subject: `environment:${name}`,
            says: `belay.yaml names the environment ${name} (${spec.kind}, ${count} ${count === 1 ? 'host' : 'hosts'})`,
            data: { kind: spec.kind, hosts: Object.keys(spec.hosts) },
          })
        } else if (row.orphaned || JSON.stringify(row.spec) !== JSON.stringify(spec)) {
          await rows.changeEnvironment(tx, name, { kind: spec.kind, spec, orphaned: false })
          await ledger.append(tx, {
            actor,
            kind: 'environment.changed',
            subject: `environment:${name}`,
            says: `belay.yaml describes ${name} anew`,
            data: { before: row.spec, after: spec },
          })
        }
      }
      for (const row of present) {
        if (row.kind === 'sandbox' || row.orphaned || file.environments[row.name]) continue
        await rows.changeEnvironment(tx, row.name, { orphaned: true })
        await ledger.append(tx, {
          actor,
          kind: 'environment.left',
          subject: `environment:${row.name}`,
          says: `belay.yaml no longer names ${row.name}; what runs there still runs (belay down ${row.name} ends it)`,
        })
      }
    })
    store.signal('environments')
  }

  async function portsOf(environment: string): Promise<PortOf> {
    const all = (await rows.allPorts(store.read)).filter((it) => it.environment === environment)
    return (host, service) => all.find((it) => it.host === host && it.service === service)?.port
  }

  async function giveOutPorts(environment: Environment, serviceSpecs: CloudFile['services']): Promise<PortOf> {
    const asks = (present: PortOf) =>
      hostsOf(environment.spec).flatMap((host) =>
        servicesOn(host, serviceSpecs)
          .filter((service) => serviceSpecs[service]?.port !== undefined)
          .map((service) => ({ host: host.name, service, fixed: host.spec.ports?.[service], present: present(host.name, service) })),
      )
    const inUse = new Set<number>()
    // Each round learns of at least one port that a stranger listens on; more strangers than this is a machine to look at.
    for (let round = 0; round < 200; round++) {
      const busy = await store.write(async (tx) => {
        const all = await rows.allPorts(tx)
        const present: PortOf = (host, service) =>
          all.find((it) => it.environment === environment.name && it.host === host && it.service === service)?.port
        const others = new Set([...all.filter((it) => it.environment !== environment.name).map((it) => it.port), ...inUse])
        const assigned = assignPorts(asks(present), others, ownRange) ?? assignPorts(asks(present), others, portRange)
        if (assigned === undefined) throw environmentProblem('no-port-free', portRange)
        const fixed = new Set(asks(present).flatMap((ask) => ask.fixed ?? []))
        for (const it of assigned) if (!fixed.has(it.port) && !(await isFree(it.port))) return it.port
        await rows.savePorts(tx, environment.name, assigned)
        return undefined
      })
      if (busy === undefined) return portsOf(environment.name)
      inUse.add(busy)
    }
    throw environmentProblem('no-port-free', portRange)
  }

  async function variables(it: Parameters<Environments['variables']>[0]) {
    const host = hosts(it.environment)
    const user = await resolveVariables(userVariables(it.config, it.environment, it.host, it.service), options.repository)
    const addressOf = (name: string) => host.get(name)?.address ?? '127.0.0.1'
    const own = belayVariables({
      cloud: it.config.cloud,
      environment: it.environment,
      host: it.host,
      service: it.service,
      release: it.release,
      dataPath: host.get(it.host)?.path(`data/${it.service}`) ?? '',
      services: it.config.services,
      portOf: it.portOf,
      addressOf,
    })
    return { values: { ...user.values, ...own }, secrets: user.secrets }
  }

  async function serviceSpec(it: Parameters<Environments['serviceSpec']>[0]): ReturnType<Environments['serviceSpec']> {
    const service = it.config.services[it.service]
    const { values, secrets } = await variables(it)
    const spec: ServiceSpec = {
      shell: service?.run ?? '',
      cwd: softwareFolder(it.service, it.artifact),
      env: values,
      stopMs: service?.stop ?? 10_000,
      port: it.portOf(it.host, it.service),
      label: it.release,
    }
    return { spec, secrets }
  }

  async function view(environment: Environment, held: string | null): Promise<EnvironmentWire> {
    const [portOf, placed, lease] = await Promise.all([
      portsOf(environment.name),
      rows.placementsOf(store.read, environment.name),
      leases.present(environment.name),
    ])
    const known = services()
    const viewed = await Promise.all(
      [...hosts(environment).values()].map(async (host) => {
        const roles = environment.spec.hosts[host.name]?.roles ?? []
        const names = [
          ...new Set([...servicesOn({ roles }, known), ...placed.filter((it) => it.host === host.name).map((it) => it.service)]),
        ]
        const reported = await host.services().then(
          (list) => ({ list, because: null }),
          (error: Problem) => ({ list: null, because: sentenceOf(error) }),
        )
        return {
          name: host.name,
          driver: host.driver,
          roles: [...roles],
          reachable: reported.list !== null,
          because: reported.because,
          services: names.map((service) => {
            const placement = placed.find((it) => it.host === host.name && it.service === service)
            const status = reported.list?.find((it) => it.service === service)
            const port = portOf(host.name, service)
            const state =
              placement === undefined && status === undefined
                ? ('absent' as const)
                : reported.list === null
                  ? ('unknown' as const)
                  : (status?.state ?? ('absent' as const))
            return {
              service,
              release: placement?.release ?? null,
              state,
              address: port === undefined ? null : `${host.address}:${port}`,
              url: port !== undefined && known[service]?.open === true ? `http://${host.address}:${port}/` : null,
              pid: status?.pid ?? null,
              sinceAt: status?.sinceAt ?? null,
              restarts: status?.restarts ?? 0,
              because: status?.because ?? reported.because,
            }
          }),
        }
      }),
    )
    const live = lease?.held === true && lease.expiresAt > clock.now() ? lease : null
    const judged = judgeEnvironment({
      release: environment.release,
      lease: live,
      held,
      services: viewed.flatMap((host) => host.services.map((service) => ({ host: host.name, ...service }))),
    })
    return {
      name: environment.name,
      kind: environment.kind,
      release: environment.release,
      state: judged.state,
      because: judged.because ?? (environment.orphaned ? 'belay.yaml no longer names it' : null),
      hosts: viewed,
      lease: live && {
        owner: live.owner,
        reason: live.reason,
        sinceAt: live.sinceAt,
        expiresAt: live.expiresAt,
        fence: live.fence,
        deployment: live.deployment,
      },
      lastDeployment: environment.deployment,
      deployedAt: environment.deployedAt,
      createdAt: environment.createdAt,
      createdBy: environment.createdBy,
      expiresAt: environment.expiresAt,
    }
  }

  async function eraseHosts(environment: Environment, actor: string): Promise<void> {
    await leases.hold(environment.name, { reason: `removes ${environment.name}`, deployment: null, actor }, async (lease) => {
      for (const host of hosts(environment).values()) await host.erase({ key: `erase/${lease.fence}`, fence: lease.fence })
    })
    for (const key of opened.keys()) if (key.startsWith(`${environment.name}/`)) opened.delete(key)
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

  function logTargets(environment: Environment, asking: { service: string | undefined; host: string | undefined }) {
    const all = hostsOf(environment.spec)
    if (asking.host !== undefined && !all.some((host) => host.name === asking.host)) {
      throw environmentProblem('unknown-host', { environment: environment.name, host: asking.host, known: all.map((host) => host.name) })
    }
    const it = hosts(environment)
    const targets = all
      .filter((host) => asking.host === undefined || host.name === asking.host)
      .flatMap((host) => servicesOn(host, services()).map((service) => ({ host: it.get(host.name) as Host, service })))
    const asked = targets.filter((target) => asking.service === undefined || target.service === asking.service)
    if (asked.length === 0 && asking.service !== undefined) {
      throw environmentProblem('unknown-service', {
        environment: environment.name,
        service: asking.service,
        known: [...new Set(targets.map((target) => target.service))],
      })
    }
    return asked
  }

  return {
    leases,
    sync,
    list: async () => climbingOrder(await rows.allEnvironments(store.read)),
    byName,
    hosts,
    assignPorts: giveOutPorts,
    placements: (environment, db = store.read) => rows.placementsOf(db, environment),
    place: rows.savePlacement,
    displace: rows.deletePlacement,
    arrived: (tx, environment, it) => rows.changeEnvironment(tx, environment, { ...it, deployedAt: clock.now() }),
    async inProduction() {
      const all = await rows.allEnvironments(store.read)
      return all.find((it) => it.kind === 'production' && !it.orphaned && it.release !== null)?.release ?? null
    },
    variables,
    serviceSpec,
    view,
    async start(environment, actor, configOf) {
      await leases.hold(
        environment.name,
        { reason: `${actor} brings ${environment.name} up`, deployment: null, actor },
        async ({ fence }) => {
          const hostOf = hosts(environment)
          for (const it of await rows.placementsOf(store.read, environment.name)) {
            const config = await configOf(it.release)
            const portOf = await giveOutPorts(environment, config.services)
            const { spec } = await serviceSpec({
              environment,
              config,
              host: it.host,
              service: it.service,
              release: it.release,
              artifact: it.artifact,
              portOf,
            })
            await hostOf.get(it.host)?.ensure({ key: `up/${fence}/${it.service}`, fence }, it.service, spec)
          }
          await ledger.record({
            actor,
            kind: 'environment.up',
            subject: `environment:${environment.name}`,
            says: `brought ${environment.name} up with ${environment.release ?? 'what it had'}`,
          })
        },
      )
    },
    async halt(environment, actor) {
      await leases.hold(
        environment.name,
        { reason: `${actor} takes ${environment.name} down`, deployment: null, actor },
        async ({ fence }) => {
          for (const host of hosts(environment).values()) {
            for (const status of await host.services()) await host.halt({ key: `down/${fence}/${status.service}`, fence }, status.service)
          }
          await ledger.record({
            actor,
            kind: 'environment.down',
            subject: `environment:${environment.name}`,
            says: `took ${environment.name} down; its releases and data stay`,
          })
        },
      )
    },
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
        if (names.has(orphan)) continue
        for (const host of await readdir(join(folder, orphan))) {
          const it = options.openHost({
            name: host,
            environment: orphan,
            folder: hostFolder(orphan, host),
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
    async logLines(environment, asking) {
      const lines = await Promise.all(
        logTargets(environment, asking).map(async ({ host, service }) => {
          const texts: { host: string; service: string; text: string }[] = []
          for await (const text of host.logs(service, {
            lines: Math.min(asking.lines, logLinesMax),
            follow: false,
            signal: AbortSignal.timeout(10_000),
          }))
            texts.push({ host: host.name, service, text })
          return texts
        }),
      )
      return lines.flat()
    },
    logTargets,
  }
}

/** Can somebody listen there now? A stranger on the port is met before a service is, with a better sentence. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
