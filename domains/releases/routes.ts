import type { Who } from '@belay/access'
import type { Api } from '@belay/http'
import { type ReleaseSummaryWire, type ReleaseWire, routes } from '@belay/protocol'
import type { Release } from './model.ts'
import type { Releases } from './releases.ts'

/** What a release does not know of itself: where it runs and how its rehearsal went. */
export type ReleaseView = (release: Release) => Promise<Pick<ReleaseSummaryWire, 'environments' | 'rehearsal'>>

export function releaseRoutes(api: Api<Who>, releases: Releases, view: ReleaseView): void {
  const whole = async (release: Release): Promise<ReleaseWire> => ({
    ...summaryOf(release),
    ...(await view(release)),
    services: release.services.map(({ service, artifact, bytes, changed }) => ({ service, artifact, bytes, changed })),
    since: release.since,
    commits: release.commits,
    authors: release.authors,
    databaseSteps: release.databaseSteps,
    warnings: release.warnings,
  })

  api.handle(routes.releases.list, async ({ query }) => ({
    releases: await Promise.all(
      (await releases.list(query.limit)).map(async (release) => ({ ...summaryOf(release), ...(await view(release)) })),
    ),
  }))
  api.handle(routes.releases.show, async ({ params }) => whole(await releases.byName(params.name)))
  api.handle(routes.releases.diff, async ({ params }) => releases.diff(params.name, params.to))
  api.handle(routes.releases.cut, async ({ body, who, signal, progress }) => {
    const { release, existed } = await releases.cut(body, who.actor, progress, signal)
    return { release: await whole(release), existed }
  })
  api.handle(routes.releases.push, async ({ upload, who }) => {
    const { release, existed } = await releases.push(upload, who.actor)
    return { release: await whole(release), existed }
  })
  api.bytes(routes.releases.bundle, async ({ params }) => releases.bundle(params.name))
}

function summaryOf(release: Release): Omit<ReleaseSummaryWire, 'environments' | 'rehearsal'> {
  const { name, id, commit, ref, cutAt, cutBy, services, commits, databaseSteps } = release
  return {
    name,
    id,
    commit,
    ref,
    cutAt,
    cutBy,
    servicesChanged: services.filter(({ changed }) => changed).map(({ service }) => service),
    commitCount: commits.length,
    changesDatabase: databaseSteps.length > 0,
  }
}
