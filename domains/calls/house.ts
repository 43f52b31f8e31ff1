/** All rooms of this domain put together: intake, tables, changes, what OpenTelemetry sends, access logs. */
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Who } from '@belay/access'
import type { Clock } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import type { CallsSpec } from '@belay/cloudfile'
import { type Columns, migratedWhenAsked } from '@belay/columns'
import type { Api } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import type { Migrations, Store } from '@belay/store'
import { type Changes, openChanges } from './changes/changes.ts'
import { changeRoutes } from './changes/routes.ts'
import { changeMigrations } from './changes/store.ts'
import { type CostJudge, openCostJudge } from './costs.ts'
import { claimMigrations } from './intake/claims.ts'
import { openIntake } from './intake/intake.ts'
import { receiveHandler, recorderPrefix, withVersion } from './intake/receive.ts'
import type { Intake } from './intake/types.ts'
import { logMigrations } from './logs/ends.ts'
import { type LogRoutesOptions, logRoutes } from './logs/routes.ts'
import { openOtlp, type Otlp } from './otlp/otlp.ts'
import { otlpRoutes } from './otlp/routes.ts'
import { tablesProblem } from './tables/problems.ts'
import { type CallConnections, openCallConnections } from './tables/connections.ts'
import { tableRoutes } from './tables/routes.ts'
import { callMigrations } from './tables/schema.ts'
import { type CallTables, openCallTables } from './tables/tables.ts'

export const callHouseMigrations: readonly Migrations[] = [claimMigrations, changeMigrations, logMigrations]

/** A release's cost is told within a minute of its calls; what is not due costs nothing. */
const lookEveryMs = 10_000

export type CallHouse = {
  readonly intake: Intake
  readonly tables: CallTables
  readonly changes: Changes
  /** Single calls by the connections that carried them, for whoever knows more of those. */
  readonly connections: CallConnections
  /** For rehearsals. */
  readonly costs: CostJudge
  readonly logs: LogRoutesOptions
  readonly otlp: Otlp
  rules(): CallRules
  /** Works until aborted: carries calls into the column store, looks for changes, estimates what CPU time nobody measured. */
  tend(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export type CallHouseOptions = {
  readonly store: Store
  readonly ledger: Ledger
  readonly columns: Columns
  readonly clock: Clock
  /** Those of belay.yaml and the sandboxes. */
  environments(): Promise<readonly { readonly name: string; readonly kind: string }[]>
  /** Of this server, for what is taken and not yet in the column store. */
  readonly folder: string
  readonly name: string
  /** `calls:` of belay.yaml, as it is now. */
  spec(): CallsSpec
  log(line: string, error?: unknown): void
}

export async function openCallHouse(it: CallHouseOptions): Promise<CallHouse> {
  const { store, ledger, clock, name, log } = it
  const columns = migratedWhenAsked(it.columns, [callMigrations])
  const intake = await openIntake({ folder: join(it.folder, 'spool'), name, store, columns, clock, log })
  const budgets = () => it.spec().budgets
  const tables = openCallTables({ columns, ledger, clock, environments: it.environments, budgets, intake })
  const changes = openChanges({ store, ledger, columns, clock, log })
  const rules = () => rulesOf(it.spec())
  const otlp = await openOtlp({ intake, columns, clock, folder: it.folder, rules, log })

  /** Asks nothing of the column store: logs are taken while it is down. */
  async function environmentOf(asked: string): Promise<string> {
    const known = (await it.environments()).map((one) => one.name)
    if (!known.includes(asked)) throw tablesProblem('calls-environment-unknown', { environment: asked, known })
    return asked
  }

  async function lookForChanges(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(lookEveryMs, signal).catch(() => {})
      if (!signal.aborted) await changes.look().catch((error) => log('Changes of cost could not be looked for; it is tried again.', error))
    }
  }

  return {
    intake,
    tables,
    changes,
    connections: openCallConnections(columns),
    costs: openCostJudge({ tables, intake, clock, budgets }),
    logs: { intake, store, ledger, clock, rules, environmentOf },
    otlp,
    rules,
    async tend(signal) {
      await Promise.all([intake.run(signal), lookForChanges(signal), otlp.run(signal)])
    },
    async close() {
      await otlp.close()
      await intake.close()
    },
  }
}

function rulesOf({ methods, account, audiences }: CallsSpec): CallRules {
  return withVersion({ methods: methods.map(({ path, verb, name }) => ({ path, verb: verb ?? null, name })), account, audiences })
}

export function callHouseRoutes(
  api: Api<Who>,
  house: CallHouse,
  it: {
    /** Which environment a sender's key is for. @throws Problem for strangers. */
    environmentOf(request: IncomingMessage): Promise<string>
    log(line: string, error?: unknown): void
  },
): void {
  const { intake, rules, tables, changes, logs, otlp } = house
  tableRoutes(api, tables)
  changeRoutes(api, changes)
  logRoutes(api, logs)
  api.raw(recorderPrefix, receiveHandler({ intake, rules, ...it }))
  otlpRoutes(api, otlp, it)
}
