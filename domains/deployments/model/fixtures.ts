/** A small cloud for tests of the pure parts: every piece can be named otherwise, the rest is as it is. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '@belay/base'
import { cloudFileSchema } from '@belay/cloudfile'
import { type Plan, type PlannedRelease, planDeployment, type PlanInput, type Present } from './plan.ts'

export const hashOf = (value: unknown) => createHash('sha256').update(canonicalJson(value)).digest('hex')
export const identityFor = (_host: string, _service: string, artifact: string) => artifact

export function cloud(deploy: readonly object[], hosts: Record<string, { roles: string[] }> = twoByTwo) {
  const names = [...new Set(Object.values(hosts).flatMap((host) => host.roles))]
  return cloudFileSchema.parse({
    cloud: 'test',
    services: Object.fromEntries(names.map((name) => [name, { run: `run ${name}`, port: 4000 }])),
    environments: { production: { kind: 'production', hosts } },
    deploy,
  })
}
export const twoByTwo = { web1: { roles: ['web'] }, web2: { roles: ['web'] }, db1: { roles: ['db'] } }
export const usualSteps = [
  { step: 'install', on: ['web', 'db'] },
  { step: 'migrate', on: 'db', once: true, run: 'up', undo: 'down', changes: 'database' },
  { step: 'restart', on: ['web', 'db'] },
]

export function release(name: string, file: ReturnType<typeof cloud>, artifacts: Record<string, string> = {}): PlannedRelease {
  return {
    name,
    id: hashOf([name, artifacts]),
    cutAt: Number(name.replace(/\D/g, '')),
    config: file,
    artifacts: Object.fromEntries(
      Object.keys(file.services).map((service) => [service, artifacts[service] ?? hashOf(`${name} ${service}`)]),
    ),
  }
}

export function runningOn(it: PlannedRelease, hosts: Record<string, { roles: string[] }> = twoByTwo): Present[] {
  return Object.entries(hosts).flatMap(([host, { roles }]) =>
    roles.map((service) => ({
      host,
      service,
      release: it.name,
      artifact: it.artifacts[service] ?? '',
      identity: it.artifacts[service] ?? '',
    })),
  )
}

export function plan(
  it: {
    deploy?: readonly object[]
    hosts?: Record<string, { roles: string[] }>
    from?: PlannedRelease
    to?: PlannedRelease
    present?: Present[]
  } & Partial<PlanInput> = {},
): Plan {
  const file = cloud(it.deploy ?? usualSteps, it.hosts)
  const from = it.from ?? release('v1', file)
  return planDeployment({
    kind: 'deploy',
    environment: { name: 'production', kind: 'production', spec: file.environments.production as never, release: from.name },
    release: it.to ?? release('v2', file),
    before: from,
    touched: new Set(['migrate']),
    present: it.present ?? runningOn(from, it.hosts),
    identityOf: identityFor,
    expected: () => null,
    hashOf,
    ...Object.fromEntries(Object.entries(it).filter(([key]) => ['kind', 'environment', 'touched', 'expected', 'before'].includes(key))),
  })
}
