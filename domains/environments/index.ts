/** Environments: named sets of hosts on which a cloud's services run, who holds them, and what runs there. */
export { type Environments, openEnvironments, softwareFolder } from './environments.ts'
export type { Host, HostJob, HostProbe, Under } from './host.ts'
export type { HeldLease, Holder } from './lease.ts'
export { openLocalHost } from './local-host.ts'
export { type Environment, hostsOf, identityOf, type Placement, type PortOf, type ReleaseConfig, servicesOn } from './model.ts'
export { environmentRoutes } from './routes.ts'
export { maskSecrets, type Variables } from './secrets.ts'
export { environmentMigrations } from './store.ts'
