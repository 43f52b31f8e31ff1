import { requires, type Who } from '@belay/access'
import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { Environments } from './environments.ts'
import type { Host } from './host.ts'
import type { Environment } from './model.ts'

/** `heldIn`: why the environment's deployment waits for a person, when it does; that is known a floor above. */
export function environmentRoutes(
  api: Api<Who>,
  environments: Environments,
  heldIn: (environment: string) => Promise<string | null>,
): void {
  const view = async (environment: Environment) => environments.view(environment, await heldIn(environment.name))
  const { list, show, down, logs, logsFollow } = routes.environments

  api.handle(list, async () => ({ environments: await Promise.all((await environments.list()).map(view)) }))
  api.handle(show, async ({ params }) => view(await environments.byName(params.name)))
  api.handle(down, async ({ params, who }) => {
    const environment = await environments.byName(params.name)
    if (environment.kind === 'production') requires(who, 'deploy.production')
    await environments.halt(environment, who.actor)
    return view(environment)
  })
  api.handle(logs, async ({ params, query }) => ({
    lines: await environments.logLines(await environments.byName(params.name), {
      service: query.service,
      host: query.host,
      lines: query.lines,
    }),
  }))
  api.events(logsFollow, async function* ({ params, query, signal }) {
    const targets = environments.logTargets(await environments.byName(params.name), { service: query.service, host: query.host })
    for await (const line of together(targets, query.lines, signal)) yield { data: line }
  })
  api.handle(routes.sandboxes.extend, async ({ params, body, who }) =>
    view(await environments.extendSandbox(params.name, Date.now() + body.ttlMs, who.actor)),
  )
  api.handle(routes.sandboxes.remove, async ({ params, who }) => {
    await environments.removeSandbox(params.name, who.actor, 'asked')
    return { removed: params.name }
  })
}

/** Several logs as one stream, in the order in which their lines come. */
async function* together(targets: readonly { host: Host; service: string }[], lines: number, signal: AbortSignal) {
  const ready: { host: string; service: string; text: string }[] = []
  let wake = () => {}
  let open = targets.length
  for (const { host, service } of targets) {
    void (async () => {
      try {
        for await (const text of host.logs(service, { lines, follow: true, signal })) {
          ready.push({ host: host.name, service, text })
          wake()
        }
      } catch (error) {
        if (!signal.aborted)
          ready.push({ host: host.name, service, text: `the log ended: ${error instanceof Error ? error.message : String(error)}` })
      } finally {
        open--
        wake()
      }
    })()
  }
  while (!signal.aborted && (open > 0 || ready.length > 0)) {
    yield* ready.splice(0)
    await new Promise<void>((resolve) => {
      wake = resolve
      signal.addEventListener('abort', () => resolve(), { once: true })
      if (ready.length > 0 || open === 0) resolve()
    })
  }
}
