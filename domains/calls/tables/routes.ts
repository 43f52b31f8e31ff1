import type { Who } from '@belay/access'
import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { CallTables } from './tables.ts'

export function tableRoutes(api: Api<Who>, tables: CallTables): void {
  api.handle(routes.calls.facets, ({ query }) => tables.facets(query))
  api.handle(routes.calls.table, ({ query }) => tables.table(query))
  api.handle(routes.calls.show, ({ query }) => tables.show(query))
  api.handle(routes.calls.trend, ({ query }) => tables.trend(query))
  api.handle(routes.calls.exemplars, async ({ query }) => ({ exemplars: await tables.exemplars(query) }))
  api.handle(routes.calls.budgets, ({ query }) => tables.budgets(query))
}
