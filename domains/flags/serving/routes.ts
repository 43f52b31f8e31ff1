/** The doors of serving: client keys for people, OFREP and the definitions for services and pages. */
import { type Clock } from '@belay/base'
import type { Who } from '@belay/access'
import { type Api, createHub, type Credentials } from '@belay/http'
import { routes } from '@belay/protocol'
import type { LiveFlags } from '../live-types.ts'
import type { Reports } from '../reports/types.ts'
import type { SegmentsView } from '../segments/types.ts'
import type { ClientKeys } from './keys.ts'
import { openLimits, type Rates, usualRates } from './limits.ts'
import { ofrepHandler, ofrepPrefix, streamPath } from './ofrep.ts'
import type { Reasons } from './outcomes.ts'
import { sdkHandler, sdkPrefix } from './sdk.ts'
import { definitionsChannel, ofrepChannel, openServed, type Served } from './served.ts'

/** Counts are told once a second: a crash loses no more than that of what this server evaluated itself. */
const tellEveryMs = 1_000

export type ServingOptions = {
  readonly live: LiveFlags
  readonly keys: ClientKeys
  readonly segments: Pick<SegmentsView, 'memberships'>
  readonly reports: Pick<Reports, 'take' | 'evaluated' | 'exposed'>
  readonly clock: Clock
  /** As the HTTP ground has it (`access.authenticate`). */
  authenticate(credentials: Credentials): Promise<Who | undefined>
  log(line: string, error?: unknown): void
  /**
   * How clients reach this server, without a slash at the end, where that differs from where they ask (a proxy that
   * adds a path). Absent: streams are found under the origin that the client asks.
   */
  readonly publicUrl?: string | undefined
  /** By default what limits.ts says, with its reasons. */
  readonly rates?: Rates | undefined
  /** `flagd`: DEFAULT is sent as it is; by default as UNKNOWN, which the published schema knows. */
  readonly reasons?: Reasons | undefined
}

/**
 * Registers `/ofrep/v1/*`, `/api/sdk/*` and the routes of client keys. `keys` is loaded, and the API does not listen
 * yet. When the API closes, streams end and what was counted is handed to `reports`; flush those after it.
 */
export function servingRoutes(api: Api<Who>, options: ServingOptions): void {
  const { live, keys, clock, segments, reports, authenticate, log } = options
  const hub = createHub()
  const limits = openLimits(options.rates ?? usualRates, clock.now)
  const all = new Map<string, Served>()

  function served(environment: string): Served {
    const known = all.get(environment)
    if (known) return known
    const made = openServed(live.environment(environment), {
      clock,
      hub,
      streamPath,
      reasons: options.reasons ?? 'schema',
      publicUrl: options.publicUrl,
      sign: keys.sign,
    })
    all.set(environment, made)
    return made
  }

  /** Environments come and go with belay.yaml: who listens to one that is gone must come back and hear so. */
  function dropGone(): void {
    for (const [name, it] of all) {
      if (isThere(name, it)) continue
      it.close()
      all.delete(name)
      for (const channel of [ofrepChannel(name), definitionsChannel(name)]) hub.endOn(channel)
    }
  }
  function isThere(name: string, it: Served): boolean {
    try {
      return live.environment(name) === it.live
    } catch {
      return false
    }
  }

  function tell(): void {
    for (const it of all.values()) it.tell((...evaluated) => reports.evaluated(...evaluated))
  }

  const timer = setInterval(() => {
    tell()
    dropGone()
  }, tellEveryMs).unref()
  const stopListening = keys.onEnded((ids) => {
    for (const id of ids) hub.endOf(id)
  })
  api.app.addHook('preClose', async () => hub.close())
  api.app.addHook('onClose', async () => {
    clearInterval(timer)
    stopListening()
    tell()
    for (const it of all.values()) it.close()
  })

  const common = { live, keys, authenticate, hub, limits, served, log }
  api.raw(ofrepPrefix, ofrepHandler({ ...common, exposed: (...it) => reports.exposed(...it), now: clock.now }))
  api.raw(sdkPrefix, sdkHandler({ ...common, segments, reports }))

  api.handle(routes.clientKeys.list, async () => ({ keys: await keys.list() }))
  api.handle(routes.clientKeys.create, ({ body, who }) => keys.create(body, who.actor))
  api.handle(routes.clientKeys.revoke, async ({ params, who }) => {
    await keys.revoke(params.id, who.actor)
    return {}
  })
}
