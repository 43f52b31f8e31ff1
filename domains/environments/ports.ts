/** Which service listens where: ports of the local driver, given out once and kept. */
import { createServer } from 'node:net'
import { sha256 } from '@belay/base/node'
import type { CloudFile } from '@belay/cloudfile'
import type { Store } from '@belay/store'
import { assignPorts, type Environment, hostsOf, type PortOf, servicesOn } from './model.ts'
import { environmentProblem } from './problems.ts'
import * as rows from './store.ts'

/** Below the kernel's ephemeral range (32768 to 60999 by default on Linux), so outgoing connections do not take them. */
const portRange = { from: 20_000, to: 29_999 }

export type Ports = {
  of(environment: string): Promise<PortOf>
  /** Gives every service that listens a port on every host, once and for good. @throws Problem `no-port-free` */
  giveOut(environment: Environment, services: CloudFile['services']): Promise<PortOf>
}

/** @param folder of the server's hosts; tells servers on one machine apart */
export function openPorts({ store, folder }: { store: Store; folder: string }): Ports {
  // Servers on one machine do not know each other's ports, and a cloud that is down listens on none: each begins elsewhere.
  const ownRange = { ...portRange, from: portRange.from + 100 * (Number.parseInt(sha256(folder).slice(0, 6), 16) % 90) }
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

  return { of: portsOf, giveOut: giveOutPorts }
}

/** Can somebody listen there now? A stranger on the port is met before a service is, with a better sentence. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
