/** Follows a deployment through restarts of the server: reconnects, resumes after the last piece of output seen. */
import type { Client, DeploymentWire, OutputWire } from '@belay/protocol'
import { deploymentWire, outputWire, routes } from '@belay/protocol'
import { type Clock, Problem, systemClock } from '@belay/base'
import { fail } from './problems.ts'

export type Followed =
  | { readonly kind: 'deployment'; readonly deployment: DeploymentWire }
  | { readonly kind: 'output'; readonly output: OutputWire }

/** A server that was killed is back within seconds; a machine that restarts takes a minute or so. */
export const silenceMaxMs = 120_000
const pauseBetweenTriesMs = 500

export const endStates = ['passed', 'undone', 'failed', 'aborted'] as const
export const personStates = ['waiting-approval', 'waiting', 'held'] as const
export const hasEnded = ({ state }: { state: DeploymentWire['state'] }): boolean => (endStates as readonly string[]).includes(state)
export const needsPerson = ({ state }: { state: DeploymentWire['state'] }): boolean => (personStates as readonly string[]).includes(state)

/**
 * Everything that happens to a deployment until it ends or the caller stops listening.
 * @throws Problem `connection-lost` after two minutes of silence, and whatever the server refuses (unknown id, not signed in)
 */
export async function* followDeployment(
  connect: () => Promise<Client>,
  id: string,
  options: { signal: AbortSignal; clock?: Clock; onConnection?: (state: 'lost' | 'back') => void },
): AsyncGenerator<Followed> {
  const clock = options.clock ?? systemClock
  let after: number | undefined
  let silentSinceMs: number | undefined
  while (true) {
    try {
      const client = await connect()
      const events = client.events(
        routes.deployments.follow,
        { params: { id }, query: { after } },
        { signal: options.signal, ...(after === undefined ? {} : { lastEventId: String(after) }) },
      )
      for await (const { event, data } of events) {
        if (silentSinceMs !== undefined) options.onConnection?.('back')
        silentSinceMs = undefined
        if (event === 'deployment') {
          const deployment = deploymentWire.parse(data)
          yield { kind: 'deployment', deployment }
          if (hasEnded(deployment)) return
        } else if (event === 'output') {
          const output = outputWire.parse(data)
          after = output.seq
          yield { kind: 'output', output }
        }
      }
    } catch (error) {
      options.signal.throwIfAborted()
      if (!isAway(error)) throw error
    }
    options.signal.throwIfAborted()
    if (silentSinceMs === undefined) {
      silentSinceMs = clock.now()
      options.onConnection?.('lost')
    }
    if (clock.now() - silentSinceMs > silenceMaxMs) throw fail('connection-lost', { what: `deployment ${id}`, afterMs: silenceMaxMs })
    await clock.sleep(pauseBetweenTriesMs, options.signal)
  }
}

/** While a server starts anew its file may be missing. */
const comesAndGoes: ReadonlySet<string> = new Set(['no-server', 'unreachable', 'server-file-broken'])

/** A server that may come back, as opposed to a refusal, which stays one however often it is asked. */
function isAway(error: unknown): boolean {
  if (error instanceof Problem) return error.status >= 500 || comesAndGoes.has(error.code)
  // What fetch throws when the connection breaks within the answer.
  return error instanceof TypeError && (error.message === 'terminated' || error.message === 'fetch failed')
}

/** Asks again while the server is away, with the same bound. For what has no event stream of its own. */
export async function patiently<T>(ask: () => Promise<T>, what: string, signal: AbortSignal, clock: Clock = systemClock): Promise<T> {
  const fromMs = clock.now()
  while (true) {
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      if (!isAway(error)) throw error
      if (clock.now() - fromMs > silenceMaxMs) throw fail('connection-lost', { what, afterMs: silenceMaxMs })
      await clock.sleep(pauseBetweenTriesMs, signal)
    }
  }
}
