/** An environment as page and terminal show it: what was deployed, beside what its hosts report at this moment. */
import { type Clock, type Problem, sentenceOf } from '@belay/base'
import type { CloudFile } from '@belay/cloudfile'
import type { EnvironmentWire } from '@belay/protocol'
import type { Store } from '@belay/store'
import type { Host } from './host.ts'
import type { Leases } from './lease.ts'
import { type Environment, judgeEnvironment, servicesOn } from './model.ts'
import type { Ports } from './ports.ts'
import { placementsOf } from './store.ts'

export type ViewGround = {
  readonly store: Store
  readonly clock: Clock
  readonly leases: Leases
  readonly ports: Ports
  readonly hosts: ReadonlyMap<string, Host>
  readonly services: CloudFile['services']
}

export async function viewEnvironment(environment: Environment, held: string | null, it: ViewGround): Promise<EnvironmentWire> {
  const known = it.services
  const [portOf, placed, lease] = await Promise.all([
    it.ports.of(environment.name),
    placementsOf(it.store.read, environment.name),
    it.leases.present(environment.name),
  ])
  const viewed = await Promise.all(
    [...it.hosts.values()].map(async (host) => {
      const roles = environment.spec.hosts[host.name]?.roles ?? []
      const names = [
        ...new Set([...servicesOn({ roles }, known), ...placed.filter((one) => one.host === host.name).map((one) => one.service)]),
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
          const placement = placed.find((one) => one.host === host.name && one.service === service)
          const status = reported.list?.find((one) => one.service === service)
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
  const live = lease?.held === true && lease.expiresAt > it.clock.now() ? lease : null
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
