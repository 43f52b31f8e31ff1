import type { Who } from '@belay/access'
import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { Flags } from './flags.ts'
import type { Reports } from './reports/types.ts'

export function flagRoutes(api: Api<Who>, flags: Flags, reports: Reports): void {
  api.handle(routes.flags.list, async ({ query }) => flags.list(query))
  api.handle(routes.flags.create, async ({ body, who }) => flags.create(body, who))
  api.handle(routes.flags.show, async ({ params }) => flags.show(params.key))
  api.handle(routes.flags.change, async ({ params, body, who }) => flags.change(params.key, body, who))
  api.handle(routes.flags.history, async ({ params, query }) => flags.history(params.key, query.before, query.limit))
  api.handle(routes.flags.explain, async ({ params, body }) => flags.explain(params.key, body.environment, body.context))
  api.handle(routes.flags.counts, async ({ params, query }) => reports.counts({ flag: params.key, ...query }))
  api.handle(routes.proposals.list, async ({ query }) => ({ proposals: await flags.proposals.list(query) }))
  api.handle(routes.proposals.approve, async ({ params, body, who }) => flags.proposals.approve(params.id, body.hash, who))
  api.handle(routes.proposals.reject, async ({ params, body, who }) => flags.proposals.reject(params.id, body.reason, who))
  api.handle(routes.schedule.cancel, async ({ params, who }) => flags.cancel(params.id, who))
  api.handle(routes.rings.list, async () => ({ rings: flags.rings.list() }))
  api.handle(routes.rings.create, async ({ body, who }) => flags.rings.create(body, who.actor))
  api.handle(routes.rings.remove, async ({ params, who }) => {
    await flags.rings.remove(params.name, who.actor)
    return {}
  })
}
