/**
 * Pure parts of environments: what runs where, the variables that services are given, which port is whose, and
 * what may be said of an environment from what its hosts report.
 */
import { canonicalJson } from '@belay/base'
import type { CloudFile, EnvironmentSpec, EnvSpec, HostSpec } from '@belay/cloudfile'

export type EnvironmentKind = EnvironmentSpec['kind']
export type Environment = {
  readonly name: string
  readonly kind: EnvironmentKind
  readonly spec: EnvironmentSpec
  readonly createdAt: number
  readonly createdBy: string
  /** Sandboxes only: when it is removed. */
  readonly expiresAt: number | null
  /** The release that the last deployment that passed left here, and that deployment. */
  readonly release: string | null
  readonly deployment: string | null
  readonly deployedAt: number | null
  /** Its file no longer names it; what runs there still runs. */
  readonly orphaned: boolean
}

/** What one service of one host runs now. `identity` spells everything that would ask for a restart when it differs. */
export type Placement = {
  readonly host: string
  readonly service: string
  readonly release: string
  readonly artifact: string
  readonly identity: string
}
export type PortOf = (host: string, service: string) => number | undefined
export type HostOf = { readonly name: string; readonly roles: readonly string[]; readonly spec: HostSpec }

export function hostsOf(spec: EnvironmentSpec): readonly HostOf[] {
  return Object.entries(spec.hosts).map(([name, host]) => ({ name, roles: host.roles, spec: host }))
}

/** The services of a host in the order in which the file names the services. */
export function servicesOn(host: { readonly roles: readonly string[] }, services: CloudFile['services']): readonly string[] {
  return Object.keys(services).filter((service) => host.roles.includes(service))
}

/**
 * Ports of the local driver: a fixed one where the file gives it, the one it already has, else the lowest free one of
 * the range. Pure: `taken` are the ports of other environments and those that something listens on.
 * @returns the missing assignments only; undefined when the range is used up.
 */
export function assignPorts(
  asks: readonly { host: string; service: string; fixed: number | undefined; present: number | undefined }[],
  taken: ReadonlySet<number>,
  range: { from: number; to: number },
): readonly { host: string; service: string; port: number }[] | undefined {
  const used = new Set([...taken, ...asks.flatMap((ask) => ask.fixed ?? ask.present ?? [])])
  const assigned: { host: string; service: string; port: number }[] = []
  let next = range.from
  for (const ask of asks) {
    const kept = ask.fixed ?? ask.present
    if (kept !== undefined) {
      if (kept !== ask.present) assigned.push({ host: ask.host, service: ask.service, port: kept })
      continue
    }
    while (used.has(next)) next++
    if (next > range.to) return undefined
    used.add(next)
    assigned.push({ host: ask.host, service: ask.service, port: next })
  }
  return assigned
}

/**
 * The configuration that a release carries: what of its own belay.yaml goes along with it, also when it comes back.
 * Environments stay behind: hosts, their variables and secrets are the place's, and bind when a step runs.
 */
export type ReleaseConfig = Pick<CloudFile, 'cloud' | 'services' | 'deploy'>

/** The user's variables for one service on one host: service < environment < host, the most particular wins. */
export function userVariables(config: ReleaseConfig, environment: { spec: EnvironmentSpec }, host: string, service: string): EnvSpec {
  return { ...config.services[service]?.env, ...environment.spec.env, ...environment.spec.hosts[host]?.env }
}

/** The spelling that is equal exactly when a running service needs no restart: its build and all that it is started with. */
export function identityOf(
  config: ReleaseConfig,
  artifact: string,
  environment: { spec: EnvironmentSpec },
  host: string,
  service: string,
): string {
  const it = config.services[service]
  return canonicalJson({
    artifact,
    run: it?.run,
    port: it?.port !== undefined,
    stop: it?.stop,
    env: userVariables(config, environment, host, service),
  })
}

/** Variables that Belay gives to each service, job and hook; see the guide for their meaning. */
export function belayVariables(it: {
  cloud: string
  environment: { name: string; kind: EnvironmentKind; spec: EnvironmentSpec }
  host: string
  service: string
  release: string
  dataPath: string
  services: CloudFile['services']
  portOf: PortOf
  addressOf: (host: string) => string
}): Record<string, string> {
  const port = it.portOf(it.host, it.service)
  const addresses = Object.keys(it.services).map((service) => {
    const all = hostsOf(it.environment.spec)
      .filter((host) => host.roles.includes(service))
      .flatMap((host) => {
        const its = it.portOf(host.name, service)
        return its === undefined ? [] : [`${it.addressOf(host.name)}:${its}`]
      })
    return [`BELAY_ADDRESSES_${service.toUpperCase().replaceAll('-', '_')}`, all.join(',')] as const
  })
  return {
    BELAY_CLOUD: it.cloud,
    BELAY_ENVIRONMENT: it.environment.name,
    BELAY_KIND: it.environment.kind,
    BELAY_HOST: it.host,
    BELAY_SERVICE: it.service,
    BELAY_RELEASE: it.release,
    BELAY_DATA: it.dataPath,
    ...(port === undefined ? {} : { PORT: String(port), BELAY_ADDRESS: `${it.addressOf(it.host)}:${port}` }),
    ...Object.fromEntries(addresses),
  }
}

const kindOrder: readonly EnvironmentKind[] = ['private', 'qa', 'sandbox', 'production']

/** As a change climbs: private, QA, sandboxes, production; within a kind the eldest first. */
export function climbingOrder<E extends Pick<Environment, 'kind'>>(environments: readonly E[]): E[] {
  return environments.toSorted((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind))
}

export type ServiceReport = {
  readonly host: string
  readonly service: string
  readonly state: 'running' | 'stopped' | 'failing' | 'absent' | 'unknown'
  readonly because: string | null
}

/** One word for an environment and the reason in a sentence, from what was deployed and what its hosts report. */
export function judgeEnvironment(it: {
  release: string | null
  lease: { reason: string } | null
  held: string | null
  services: readonly ServiceReport[]
}): { state: 'empty' | 'healthy' | 'unhealthy' | 'deploying' | 'held' | 'down'; because: string | null } {
  if (it.held !== null) return { state: 'held', because: it.held }
  if (it.lease !== null) return { state: 'deploying', because: it.lease.reason }
  const placed = it.services.filter((service) => service.state !== 'absent')
  if (placed.length === 0) return { state: 'empty', because: null }
  if (placed.every((service) => service.state === 'stopped')) return { state: 'down', because: 'all its services are stopped' }
  const bad = placed.filter((service) => service.state !== 'running')
  if (bad.length === 0) return { state: 'healthy', because: null }
  const first = bad[0] as ServiceReport
  const rest = bad.length === 1 ? '' : ` (and ${bad.length - 1} more)`
  return {
    state: 'unhealthy',
    because: `${first.service} on ${first.host} is ${first.state}${first.because === null ? '' : `: ${first.because}`}${rest}`,
  }
}
