/** The whole house put together, without a door to the outside: the server opens one, a controller does not. */
import { hostname } from 'node:os'
import { fileURLToPath } from 'node:url'
import { systemClock } from '@belay/base'
import { accessMigrations, openAccess } from '@belay/access'
import { deploymentMigrations, openDeployments } from '@belay/deployments'
import { environmentMigrations, openEnvironments, openLocalHost } from '@belay/environments'
import { connectAgent } from '@belay/exec'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { openReleases, releaseMigrations } from '@belay/releases'
import { openStore } from '@belay/store'
import { basename, dirname } from 'node:path'
import type { LiveCloudFile } from './cloud-file.ts'
import { alive, type Home } from './home.ts'

const agentMain = fileURLToPath(new URL('../agent/main.ts', import.meta.url))

export async function compose(it: { home: Home; cloudFile: LiveCloudFile; log: (line: string, error?: unknown) => void }) {
  const { home, cloudFile, log } = it
  const clock = systemClock
  const databaseUrl = process.env.DATABASE_URL
  const store = await openStore(databaseUrl ? { url: databaseUrl } : { file: home.state })
  await store.migrate([ledgerMigrations, accessMigrations, environmentMigrations, releaseMigrations, deploymentMigrations])
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
  })
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
    log,
    async close() {
      agent.close()
      await store.close()
    },
  }
}
