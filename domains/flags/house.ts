/** All rooms of this domain put together: flags, segments, client keys, what services report, and their serving. */
import type { IncomingMessage } from 'node:http'
import type { Access, Who } from '@belay/access'
import type { Clock } from '@belay/base'
import type { Api } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import type { Migrations, Store } from '@belay/store'
import { exchangeRoutes } from './exchange/routes.ts'
import { type Flags, openFlags, type Places } from './flags.ts'
import { referenceRoutes } from './references.ts'
import { openReports } from './reports/reports.ts'
import { reportMigrations } from './reports/store.ts'
import type { Reports } from './reports/types.ts'
import { forFlagd } from './model/dialect.ts'
import { flagRoutes } from './routes.ts'
import { openSegments } from './segments/segments.ts'
import { segmentRoutes } from './segments/routes.ts'
import { segmentMigrations } from './segments/store.ts'
import type { Segments } from './segments/types.ts'
import { type ClientKeys, clientKeyMigrations, openClientKeys, readRates, senderEnvironment, servingRoutes } from './serving/index.ts'
import { flagMigrations } from './store.ts'
import { self } from './writer.ts'

export const flagHouseMigrations: readonly Migrations[] = [flagMigrations, segmentMigrations, clientKeyMigrations, reportMigrations]

/** Of keys that Belay itself hands out. */
const servicesOf = 'services of '
/** A schedule is told in minutes; two seconds late is on time. */
const tickEveryMs = 2_000
/** What was counted and not yet written is lost in a crash; a few seconds of counts are no loss to anybody. */
const flushEveryMs = 5_000
const sweepEveryMs = 3_600_000

export type FlagHouse = {
  readonly flags: Flags
  readonly segments: Segments
  readonly keys: ClientKeys
  readonly reports: Reports
  /** The secret with which the services of an environment ask for its flags; the same at every start. */
  serviceKey(environment: string): Promise<string>
  /** For whoever else takes what services send: which environment the key of a request is for. @throws Problem for all others. */
  senderEnvironment(request: IncomingMessage, authenticate: Access['authenticate']): Promise<string>
  /** Reads everything into memory; before it is asked anything. */
  load(): Promise<void>
  /** Does what is due until aborted: schedules, counts, retention. */
  tend(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export function openFlagHouse(it: {
  store: Store
  ledger: Ledger
  clock: Clock
  cloud: string
  environments: Places
  log: (line: string, error?: unknown) => void
}): FlagHouse {
  const { store, ledger, clock, log } = it
  const reports = openReports({ store, clock })
  // Each asks the other: flags evaluate segments, segments ask who uses them.
  const segments: Segments = openSegments({
    store,
    ledger,
    clock,
    use: {
      usedBy: (segment) => flags.use.usedBy(segment),
      inProduction: (segment) => flags.use.inProduction(segment),
      checkRule: (rule) => flags.use.checkRule(rule),
      changed: (tx) => flags.use.changed(tx),
    },
  })
  const flags: Flags = openFlags({ ...it, segments, reports })
  const keys = openClientKeys({ store, ledger, clock, knows: (environment) => flags.environments().includes(environment) })

  /** Keys that were handed to the services of environments that are gone. */
  async function endOldKeys(): Promise<void> {
    const there = flags.environments()
    for (const { id, name, environment } of await keys.list())
      if (name === `${servicesOf}${environment}` && !there.includes(environment)) await keys.revoke(id, self)
  }

  async function every(ms: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(ms, signal).catch(() => {})
      if (!signal.aborted) await work().catch((error) => log('background work on flags failed; it is tried again', error))
    }
  }

  return {
    flags,
    segments,
    keys,
    reports,
    async serviceKey(environment) {
      // A sandbox is deployed in the moment that it is made.
      if (!flags.environments().includes(environment)) await flags.refresh()
      return keys.ensure(environment, 'server', `${servicesOf}${environment}`)
    },
    senderEnvironment: (request, authenticate) => senderEnvironment(request, { live: flags.live, keys, authenticate }),
    async load() {
      await segments.load()
      await flags.load()
      await keys.load()
      await reports.load()
    },
    async tend(signal) {
      await Promise.all([
        every(tickEveryMs, signal, () => flags.tick()),
        every(flushEveryMs, signal, () => reports.flush()),
        every(sweepEveryMs, signal, () => reports.sweep()),
        every(sweepEveryMs, signal, endOldKeys),
      ])
    },
    async close() {
      await reports.flush()
      keys.close()
      await flags.close()
      await segments.close()
    },
  }
}

export function flagHouseRoutes(
  api: Api<Who>,
  house: FlagHouse,
  it: {
    access: Pick<Access, 'authenticate'>
    clock: Clock
    repository: string
    /** `KEY,ADDRESS`: how often each may ask for flags, in requests a second. @throws Problem `serving-rates-unclear`. */
    rates?: string | undefined
    /** `flagd`: OFREP sends the reason DEFAULT, which its schema lacks, as it is; by default as UNKNOWN. */
    reasons?: 'schema' | 'flagd' | undefined
    log: (line: string, error?: unknown) => void
  },
): void {
  const { flags, segments, keys, reports } = house
  flagRoutes(api, flags, reports)
  segmentRoutes(api, segments)
  exchangeRoutes(api, {
    flags,
    segments,
    environments: () => flags.environments(),
    compiled: (environment) => forFlagd(flags.live.environment(environment).document()),
  })
  referenceRoutes(api, { repository: it.repository, keys: flags.keys })
  servingRoutes(api, {
    live: flags.live,
    keys,
    segments,
    reports,
    clock: it.clock,
    authenticate: it.access.authenticate,
    rates: it.rates === undefined ? undefined : readRates(it.rates),
    reasons: it.reasons,
    log: it.log,
  })
}
