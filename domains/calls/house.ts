/** All rooms of this domain put together: intake, tables, changes, what OpenTelemetry sends, access logs. */
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Who } from '@belay/access'
import type { Clock } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import type { CallsSpec } from '@belay/cloudfile'
import type { Columns } from '@belay/columns'
import type { Api } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import type { Migrations, Store } from '@belay/store'
import { claimMigrations } from './intake/claims.ts'
import { openIntake } from './intake/intake.ts'
import { receiveHandler, recorderPrefix, withVersion } from './intake/receive.ts'
import type { Intake } from './intake/types.ts'
import { migratedWhenAsked } from './migrated.ts'
import { callMigrations } from './tables/schema.ts'

export const callHouseMigrations: readonly Migrations[] = [claimMigrations]

export type CallHouse = {
  readonly intake: Intake
  rules(): CallRules
  /** Works until aborted: carries calls into the column store, looks for changes. */
  tend(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

export type CallHouseOptions = {
  readonly store: Store
  readonly ledger: Ledger
  readonly columns: Columns
  readonly clock: Clock
  /** Of this server, for what is taken and not yet in the column store. */
  readonly folder: string
  readonly name: string
  /** `calls:` of belay.yaml, as it is now. */
  spec(): CallsSpec
  log(line: string, error?: unknown): void
}

export async function openCallHouse(it: CallHouseOptions): Promise<CallHouse> {
  const { store, clock, name, log } = it
  const columns = migratedWhenAsked(it.columns, [callMigrations])
  const intake = await openIntake({ folder: join(it.folder, 'spool'), name, store, columns, clock, log })
  return {
    intake,
    rules: () => rulesOf(it.spec()),
    async tend(signal) {
      await intake.run(signal)
    },
    close: () => intake.close(),
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
  const { intake, rules } = house
  api.raw(recorderPrefix, receiveHandler({ intake, rules, ...it }))
}
