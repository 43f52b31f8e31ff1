/** Planning is pure, so what it costs is CPU alone; it has to stay small and grow no faster than the cloud. */
import { contentHash } from '@belay/base/node'
import { cloudFileSchema } from '@belay/cloudfile'
import { type PlanInput, planDeployment } from '@belay/deployments'
import { type BenchOptions, interleaved, type Row, row } from './measure.ts'

export const about = 'Planning a deployment of 50 services on 500 hosts: CPU, and how it grows.'

const services = 50
const hosts = 500
/** So many services run on each host. */
const servicesPerHost = 5
/** One plan is over before a clock of CPU time has ticked often enough; so many are not. */
const plansPerRound = 10

export async function rows({ rounds, note }: BenchOptions): Promise<Row[]> {
  note(`${plansPerRound} plans in each of ${rounds} rounds, for the whole cloud and for half of it`)
  const [whole, half] = [cloudOf(hosts), cloudOf(hosts / 2)]
  // The compiler's work on the first plans is not the plan's.
  for (let nth = 0; nth < 20; nth++) planDeployment(whole)
  const ms = await interleaved(rounds, { whole: () => cpuMsEach(whole), half: () => cpuMsEach(half) })
  const items = planDeployment(whole).items.length
  return [
    row({
      name: `plan ${services} services on ${hosts} hosts (${items} items)`,
      unit: 'ms CPU',
      ours: ms.whole,
      goal: { of: 'ours', atMost: 100 },
    }),
    row({
      name: `growth from ${hosts / 2} to ${hosts} hosts (2 is linear)`,
      unit: 'ms CPU',
      ours: ms.whole,
      peer: { name: `the same on ${hosts / 2} hosts`, value: ms.half },
      goal: { of: 'ratio', atMost: 2.5 },
    }),
  ]
}

function cpuMsEach(input: PlanInput): number {
  const before = process.cpuUsage()
  for (let nth = 0; nth < plansPerRound; nth++) planDeployment(input)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / plansPerRound
}

/** Every service somewhere, each host with a few, all of them running the release before. */
function cloudOf(hostCount: number): PlanInput {
  const names = Array.from({ length: services }, (_, nth) => `service-${nth}`)
  const rolesOf = (host: number) =>
    Array.from({ length: servicesPerHost }, (_, nth) => names[(host * servicesPerHost + nth) % services] as string)
  const hostNames = Array.from({ length: hostCount }, (_, nth) => `host-${nth}`)
  const file = cloudFileSchema.parse({
    cloud: 'large',
    services: Object.fromEntries(names.map((name) => [name, { run: `run ${name}`, port: 4000, env: { LEVEL: 'info' } }])),
    environments: {
      production: { kind: 'production', hosts: Object.fromEntries(hostNames.map((name, nth) => [name, { roles: rolesOf(nth) }])) },
    },
    deploy: [
      { step: 'install', on: names },
      { step: 'migrate', on: names[0], once: true, run: 'node migrate.js up', undo: 'node migrate.js down', changes: 'database' },
      { step: 'restart', on: names, batch: 10 },
    ],
  })
  const production = file.environments.production as NonNullable<typeof file.environments.production>
  const releaseOf = (name: string, cutAt: number) => ({
    name,
    id: contentHash(name),
    cutAt,
    config: file,
    artifacts: Object.fromEntries(names.map((service) => [service, contentHash(`${name} ${service}`)])),
  })
  const [before, release] = [releaseOf('v1', 1), releaseOf('v2', 2)]
  return {
    kind: 'deploy',
    environment: { name: 'production', kind: 'production', spec: production, release: 'v1' },
    release,
    before,
    touched: new Set(['migrate']),
    present: hostNames.flatMap((host, nth) =>
      rolesOf(nth).map((service) => ({
        host,
        service,
        release: 'v1',
        artifact: before.artifacts[service] ?? '',
        identity: before.artifacts[service] ?? '',
      })),
    ),
    identityOf: (_host, _service, artifact) => artifact,
    expected: () => 1_000,
    hashOf: contentHash,
  }
}
