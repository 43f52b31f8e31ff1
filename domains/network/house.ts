/** All of this domain put together. */
import type { Who } from '@belay/access'
import type { Clock } from '@belay/base'
import { type Columns, migratedWhenAsked } from '@belay/columns'
import type { Api } from '@belay/http'
import type { Ledger } from '@belay/ledger'
import { routes } from '@belay/protocol'
import type { Store } from '@belay/store'
import { readCalls } from './calls.ts'
import { openCaptures } from './captures.ts'
import { readComparison } from './compare.ts'
import type { CallSource, Ground } from './ground.ts'
import { readCaptures, readFacets } from './overview.ts'
import { networkProblem } from './problems.ts'
import { networkColumns } from './schema.ts'
import { readSegments, readSession } from './session.ts'
import { readSessions } from './sessions.ts'
import { takePart } from './take.ts'

export type NetworkOptions = {
  readonly store: Store
  readonly ledger: Pick<Ledger, 'append'>
  readonly columns: Columns
  readonly clock: Clock
  /** Whoever keeps calls. */
  readonly calls: CallSource
  /** Those of belay.yaml and the sandboxes. */
  environments(): Promise<readonly { readonly name: string; readonly kind: string }[]>
}

export function networkRoutes(api: Api<Who>, it: NetworkOptions): void {
  const { store, ledger, clock, calls, environments } = it
  const columns = migratedWhenAsked(it.columns, [networkColumns])
  const captures = openCaptures({ store, ledger, clock })
  const ground: Ground = { columns, captures, calls, clock, environments }

  api.handle(routes.network.send, async ({ body, who }) => {
    const known = (await environments()).map(({ name }) => name)
    if (!known.includes(body.environment)) throw networkProblem('network-environment-unknown', { environment: body.environment, known })
    const { counted } = await takePart({ columns, captures }, body, who.actor)
    return { id: body.id, part: body.part, counted }
  })
  api.handle(routes.network.captures, ({ query }) => readCaptures(ground, query))
  api.handle(routes.network.facets, ({ query }) => readFacets(ground, query))
  api.handle(routes.network.sessions, ({ query }) => readSessions(ground, query))
  api.handle(routes.network.session, ({ params }) => readSession(ground, params.id))
  api.bytes(routes.network.segments, ({ params }) => readSegments(ground, params.id))
  api.handle(routes.network.compare, ({ query }) => readComparison(ground, query))
  api.handle(routes.network.calls, ({ query }) => readCalls(ground, query))
}
