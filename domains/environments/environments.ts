import { join } from 'node:path'
import type { Clock } from '@belay/base'
import type { CloudFile, HostSpec } from '@belay/cloudfile'
import type { ServiceSpec } from '@belay/exec'
import type { Ledger } from '@belay/ledger'
import type { EnvironmentWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import type { Host } from './host.ts'
import { type Holder, type Leases, openLeases, serverOf } from './lease.ts'
import {
  belayVariables,
  climbingOrder,
  type Environment,
  hostsOf,
  type Placement,
  type PortOf,
  type ReleaseConfig,
  servicesOn,
  userVariables,
} from './model.ts'
import { openPorts } from './ports.ts'
import { environmentProblem } from './problems.ts'
import { openSandboxes, type Sandboxes } from './sandboxes.ts'
import { resolveVariables, type Variables } from './secrets.ts'
import * as rows from './store.ts'
import { viewEnvironment } from './view.ts'

/** A service's log is asked for so many lines at the most in one answer. */
const logLinesMax = 5_000

export type Environments = Sandboxes & {
  readonly leases: Leases
  /** Brings the rows in step with belay.yaml: new environments appear, those that left the file are marked. */
  sync(file: CloudFile, actor: string): Promise<void>
  list(): Promise<Environment[]>
  /** Called when environments may have come, changed or gone, by any server of the database. Returns the way to stop listening. */
  onChange(listener: () => void): () => void
  /** @throws Problem `unknown-environment` */
  byName(name: string): Promise<Environment>
  hosts(environment: Environment): ReadonlyMap<string, Host>
  /**
   * May this server go on by itself with what was begun there? Hosts of the driver `local` are folders of one server: where
   * several share a database, only the one that held the environment last has them.
   */
  isOurs(name: string): Promise<boolean>
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
  /** What the rest of the house gives to every service of an environment. */
  given?: (environment: string) => Promise<Variables>
  /** URL of the module that Node services with `record: true` are started with. */
  recorder?: string
}): Environments {
  const { store, ledger, clock, folder } = options
  const leases = openLeases(options)
  const ports = openPorts(options)
  const opened = new Map<string, Host>()
  const services = () => options.file().services

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

  const list = async () => climbingOrder(await rows.allEnvironments(store.read))

  async function byName(name: string): Promise<Environment> {
    const row = await rows.environmentRow(store.read, name)
    if (row === undefined) throw environmentProblem('unknown-environment', { name, known: (await list()).map((it) => it.name) })
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
    const given = (await options.given?.(it.environment.name)) ?? { values: {}, secrets: [] }
    return { values: { ...given.values, ...user.values, ...own }, secrets: [...given.secrets, ...user.secrets] }
  }

  async function serviceSpec(it: Parameters<Environments['serviceSpec']>[0]): ReturnType<Environments['serviceSpec']> {
    const service = it.config.services[it.service]
    const { values, secrets } = await variables(it)
    const isRecorded = service?.record === true && options.recorder !== undefined
    // Beside what the team gives Node itself.
    const recorded = { NODE_OPTIONS: `${values.NODE_OPTIONS ?? ''} --import=${options.recorder}`.trim() }
    const spec: ServiceSpec = {
      shell: service?.run ?? '',
      cwd: softwareFolder(it.service, it.artifact),
      env: isRecorded ? { ...values, ...recorded } : values,
      stopMs: service?.stop ?? 10_000,
      port: it.portOf(it.host, it.service),
      label: it.release,
    }
    return { spec, secrets }
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
    list,
    onChange: (listener) => store.onSignal('environments', listener),
    byName,
    hosts,
    async isOurs(name) {
      const environment = await byName(name)
      if (Object.values(environment.spec.hosts).every((host) => host.driver !== 'local')) return true
      const lease = await leases.present(name)
      return lease === undefined || serverOf(lease.owner) === options.holder.server
    },
    assignPorts: ports.giveOut,
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
    view: (environment, held) =>
      viewEnvironment(environment, held, { store, clock, leases, ports, hosts: hosts(environment), services: services() }),
    ...openSandboxes({
      ...options,
      leases,
      byName,
      hosts,
      forget: (environment) => {
        for (const key of opened.keys()) if (key.startsWith(`${environment}/`)) opened.delete(key)
      },
    }),
    async start(environment, actor, configOf) {
      await leases.hold(
        environment.name,
        { reason: `${actor} brings ${environment.name} up`, deployment: null, actor },
        async ({ fence }) => {
          const hostOf = hosts(environment)
          for (const it of await rows.placementsOf(store.read, environment.name)) {
            const config = await configOf(it.release)
            const portOf = await ports.giveOut(environment, config.services)
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
