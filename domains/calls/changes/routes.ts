import type { Who } from '@belay/access'
import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { Changes } from './changes.ts'

export function changeRoutes(api: Api<Who>, changes: Pick<Changes, 'list' | 'flagCosts'>): void {
  api.handle(routes.calls.changes, async ({ query }) => changes.list(query))
  api.handle(routes.calls.flagCosts, async ({ query }) => changes.flagCosts(query))
}
