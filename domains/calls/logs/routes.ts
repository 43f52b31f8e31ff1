import type { Who } from '@belay/access'
import { type Clock, sayCount } from '@belay/base'
import type { CallRules } from '@belay/call-record'
import type { Api } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import { routes } from '@belay/protocol'
import type { Store } from '@belay/store'
import type { Intake } from '../intake/types.ts'
import { endsOf, type LogEnd, noteEnd } from './ends.ts'
import { importLog } from './import.ts'
import { logProblem } from './problems.ts'

export type LogRoutesOptions = {
  readonly intake: Pick<Intake, 'take'>
  readonly store: Store
  readonly ledger: Pick<Ledger, 'record'>
  readonly clock: Clock
  rules(): CallRules
  /** @throws Problem for a name that is no environment. */
  environmentOf(asked: string): Promise<string>
}

/** Registers the door through which access logs come in. */
export function logRoutes(api: Api<Who>, { intake, store, ledger, clock, rules, environmentOf }: LogRoutesOptions): void {
  api.handle(routes.calls.import, async ({ query, upload, who, signal }) => {
    const { service, format, release } = query
    if (service.trim() === '') throw logProblem('calls-log-unnamed', undefined)
    const environment = await environmentOf(query.environment)
    const ends = {
      known: (log: string) => endsOf(store.read, log),
      note: (log: string, end: LogEnd) => store.write((tx) => noteEnd(tx, log, end, clock.now())),
    }
    const answer = await importLog(upload, { environment, service, release, format, rules: rules(), clock, ends, signal }, intake)
    if (answer.calls > 0)
      await ledger.record({
        actor: who.actor,
        kind: 'calls.imported',
        subject: `environment:${environment}`,
        says: `imported ${sayCount(answer.calls, 'call')} of ${service} from an access log of ${format}`,
        data: { service, format, release, lines: answer.lines, calls: answer.calls, refused: answer.refused },
      })
    return answer
  })
}
