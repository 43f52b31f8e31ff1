import { join } from 'node:path'
import { accessRoutes, type Who } from '@belay/access'
import { callHouseRoutes, openCallHouse } from '@belay/calls'
import { openColumns } from '@belay/columns'
import { deploymentRoutes, openRehearsals, releaseStanding } from '@belay/deployments'
import { environmentRoutes } from '@belay/environments'
import { flagHouseRoutes } from '@belay/flags'
import type { CloudFile } from '@belay/cloudfile'
import { createApi } from '@belay/http'
import { ledgerRoutes } from '@belay/ledger'
import { networkRoutes } from '@belay/network'
import { type Action, routes, whyNot, may } from '@belay/protocol'
import { releaseRoutes } from '@belay/releases'
import type { Logger } from 'pino'
import { openCloudFile } from './cloud-file.ts'
import { compose } from './compose.ts'
import { driveElsewhere } from './elsewhere.ts'
import { announce, claimHome, leave, openHome } from './home.ts'

export const version = '0.1.0'

/** Sandboxes' time is told in minutes at the least, so half a minute late is on time. */
const reapEveryMs = 30_000
/** The chain is recomputed at start and then so often; `belay ledger verify` does it at once. */
const verifyEveryMs = 3_600_000

/** A ClickHouse cluster instead of the engine that comes along. */
function columnPlace(): { url?: string; cluster?: string; database?: string } {
  const { CLICKHOUSE_URL: url, CLICKHOUSE_CLUSTER: cluster, CLICKHOUSE_DATABASE: database } = process.env
  return { ...(url && { url }), ...(cluster && { cluster }), ...(database && { database }) }
}

export type Serving = {
  readonly cloud: string
  readonly url: string
  readonly signInUrl: string | undefined
  readonly ended: Promise<void>
}

export async function serve(it: {
  repository: string
  home: string
  host: string
  port: number
  user: string
  /** The built page; undefined: the API alone. */
  page: string | undefined
  /** `KEY,ADDRESS`: how often each may ask for flags, in requests a second. */
  flagRates?: string | undefined
  /** How OFREP spells the reason that its schema lacks. */
  flagReasons?: 'schema' | 'flagd' | undefined
  logger: Logger
  /** Aborted to end the server; services go on. */
  stop: AbortController
}): Promise<Serving> {
  const { logger, stop } = it
  const log = (line: string, error?: unknown) => (error === undefined ? logger.warn(line) : logger.error({ err: error }, line))
  const cloudFile = await openCloudFile(join(it.repository, 'belay.yaml'))
  const home = await openHome(it.home)
  await claimHome(home)
  const house = await compose({ home, cloudFile, log })
  const { store, ledger, clock, access, environments, releases, deployments, flags } = house
  const follow = async (file: CloudFile) => {
    await environments.sync(file, 'belay')
    await flags.flags.rings.sync(file.rings, 'belay')
  }
  await flags.load()
  await follow(cloudFile.current())
  cloudFile.watch(follow, stop.signal)
  const columns = openColumns({ folder: join(home.calls, 'columns'), ...columnPlace(), clock, log })
  const places = async () => (await environments.list()).map(({ name, kind }) => ({ name, kind }))
  const calls = await openCallHouse({
    store,
    ledger,
    columns,
    clock,
    folder: home.calls,
    name: home.serverId,
    spec: () => cloudFile.current().calls,
    environments: places,
    log,
  })
  const rehearsals = openRehearsals({
    store,
    ledger,
    clock,
    environments,
    releases,
    deployments,
    driveElsewhere: driveElsewhere(home, cloudFile, log),
    costs: calls.costs,
    log,
  })

  let url = ''
  let ledgerWhole = true
  const api = await createApi<Who>({
    name: 'Belay',
    version,
    logger,
    authenticate: access.authenticate,
    refuse: (who, needs) => (may(who, needs as Action) ? undefined : whyNot(who, needs as Action)),
    ready: async () => {
      await ledger.head()
      return undefined
    },
  })
  const cloud = cloudFile.current().cloud
  accessRoutes(api, access, { cloud, version, baseUrl: () => url })
  ledgerRoutes(api, ledger)
  environmentRoutes(api, environments, deployments.heldIn)
  releaseRoutes(api, releases, (release) => releaseStanding(release.name, { environments, rehearsals }))
  deploymentRoutes(api, { store, ledger, environments, releases, deployments, rehearsals, ledgerWhole: () => ledgerWhole, now: clock.now })
  flagHouseRoutes(api, flags, { access, clock, repository: it.repository, rates: it.flagRates, reasons: it.flagReasons, log })
  callHouseRoutes(api, calls, { environmentOf: (request) => flags.senderEnvironment(request, access.authenticate), log })
  networkRoutes(api, { store, ledger, columns, clock, calls: calls.connections, environments: places })
  api.handle(routes.cloud, async () => {
    const file = cloudFile.current()
    return {
      name: file.cloud,
      file: cloudFile.path,
      problems: cloudFile.problems().map(({ line, column, field, message }) => ({ line, column, field, message })),
      environments: Object.entries(file.environments).map(([name, spec]) => ({ name, kind: spec.kind, approval: spec.approval })),
      services: Object.keys(file.services),
    }
  })
  if (it.page !== undefined) api.page(it.page)
  url = (await api.listen({ host: it.host, port: it.port })).url

  const link = await access.ensureFirstAdmin(it.user)
  await announce(home, { url, token: await access.localToken(it.user, home.serverId) })

  const repeat = (everyMs: number, work: () => Promise<unknown>) => {
    void (async () => {
      while (!stop.signal.aborted) {
        await work().catch((error) => log('background work failed; it is tried again', error))
        await clock.sleep(everyMs, stop.signal).catch(() => {})
      }
    })()
  }
  void deployments.tend(stop.signal)
  void flags.tend(stop.signal)
  const tendingCalls = calls.tend(stop.signal)
  void rehearsals.tend().catch((error) => log('rehearsals could not be taken up', error))
  repeat(reapEveryMs, () => environments.reap())
  repeat(verifyEveryMs, async () => {
    ledgerWhole = (await ledger.verify({ signal: stop.signal })).whole
  })

  const ended = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => {
      void (async () => {
        await api.close()
        await leave(home)
        await tendingCalls
        await calls.close()
        await columns.close()
        await house.close()
        resolve()
      })()
    })
  })
  return { cloud, url, signInUrl: link === undefined ? undefined : `${url}/sign-in?link=${encodeURIComponent(link.secret)}`, ended }
}
