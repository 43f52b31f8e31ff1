/** The whole house put together, without a door to the outside: the server opens one, a controller does not. */
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Problem, systemClock } from '@belay/base'
import { accessMigrations, openAccess } from '@belay/access'
import { callHouseMigrations } from '@belay/calls'
import { deploymentMigrations, openDeployments } from '@belay/deployments'
import { environmentMigrations, openEnvironments, openLocalHost, type Variables } from '@belay/environments'
import { connectAgent } from '@belay/exec'
import { flagHouseMigrations, openFlagHouse } from '@belay/flags'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { networkMigrations } from '@belay/network'
import { openReleases, releaseMigrations } from '@belay/releases'
import { openStore } from '@belay/store'
import { basename, dirname } from 'node:path'
import type { LiveCloudFile } from './cloud-file.ts'
import { alive, type Home, urlOf } from './home.ts'

const agentMain = fileURLToPath(new URL('../agent/main.ts', import.meta.url))

export async function compose(it: { home: Home; cloudFile: LiveCloudFile; log: (line: string, error?: unknown) => void }) {
  const { home, cloudFile, log } = it
  const clock = systemClock
  const databaseUrl = process.env.DATABASE_URL
  const store = await openStore(databaseUrl ? { url: databaseUrl } : { file: home.state })
  await store.migrate([
    ledgerMigrations,
    accessMigrations,
    environmentMigrations,
    releaseMigrations,
    deploymentMigrations,
    ...flagHouseMigrations,
    ...callHouseMigrations,
    networkMigrations,
  ])
  const ledger = openLedger({ store, clock })
  const access = openAccess({ store, ledger, clock })
  const agent = await connectAgent({ home: home.folder, main: agentMain })
  const repository = dirname(cloudFile.path)
  const environments = openEnvironments({
    store,
    ledger,
    clock,
    holder: { server: `${home.serverId}@${hostname()}`, pid: process.pid },
    alive,
    file: cloudFile.current,
    repository,
    folder: home.hosts,
    openHost: ({ name, environment, folder }) => openLocalHost({ name, environment, folder, agent }),
    given: flagVariables,
    recorder: import.meta.resolve('./record.mjs'),
  })
  const flags = openFlagHouse({
    store,
    ledger,
    clock,
    cloud: cloudFile.current().cloud,
    environments: {
      list: async () =>
        (await environments.list()).map(({ name, kind, spec }) => ({ name, kind, approval: spec.approval === 'second-person' })),
      onChange: environments.onChange,
    },
    log,
  })

  /** Every service finds the flags of its environment without being told in belay.yaml. */
  async function flagVariables(environment: string): Promise<Variables> {
    const url = await urlOf(home)
    if (url === undefined) return { values: {}, secrets: [] }
    try {
      const secret = await flags.serviceKey(environment)
      return { values: { BELAY_FLAGS_URL: url, BELAY_FLAGS_KEY: secret }, secrets: [secret] }
    } catch (error) {
      // A service can do without flags, and a deployment must not fail by them.
      if (!(error instanceof Problem) || error.status >= 500) throw error
      log(`The services of ${environment} are started without flags: ${error.message}`)
      return { values: {}, secrets: [] }
    }
  }
  const releases = openReleases({
    store,
    ledger,
    clock,
    folder: home.releases,
    repository,
    cloudFileName: basename(cloudFile.path),
    inProduction: environments.inProduction,
  })
  const deployments = openDeployments({ store, ledger, clock, environments, releases, log })
  return {
    store,
    ledger,
    clock,
    access,
    agent,
    environments,
    releases,
    deployments,
    flags,
    log,
    async close() {
      await flags.close()
      agent.close()
      await store.close()
    },
  }
}
