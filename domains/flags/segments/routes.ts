import { requires, type Who } from '@belay/access'
import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { Segments } from './types.ts'

/** Registers the doors of segments. A change of one that production leans on asks for flag.production on top. */
export function segmentRoutes(api: Api<Who>, segments: Segments): void {
  const allow = (who: Who, key: string) => {
    if (segments.inProduction(key)) requires(who, 'flag.production')
  }
  api.handle(routes.segments.list, ({ query }) => segments.list(query))
  api.handle(routes.segments.show, ({ params, query }) => segments.show(params.key, query.text))
  api.handle(routes.segments.create, async ({ body, who }) => {
    allow(who, body.key)
    return await segments.create(body, who.actor)
  })
  api.handle(routes.segments.change, async ({ params, body, who }) => {
    allow(who, params.key)
    return await segments.change(params.key, body, who.actor)
  })
  api.handle(routes.segments.upload, async ({ params, query, upload, who }) => {
    allow(who, params.key)
    return await segments.replace(params.key, upload, query.version, who.actor)
  })
  api.bytes(routes.segments.download, ({ params }) => segments.download(params.key))
  api.handle(routes.segments.remove, async ({ params, who }) => {
    allow(who, params.key)
    await segments.remove(params.key, who.actor)
    return {}
  })
}
