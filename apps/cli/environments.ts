/** Which environment is meant when none is named. */
import { type Client, type EnvironmentWire, routes } from '@belay/protocol'
import { fail } from './problems.ts'

/** The one named, else the first private one: that is where whoever develops lives. */
export async function pickEnvironment(client: Client, named: string | undefined, signal: AbortSignal): Promise<EnvironmentWire> {
  if (named !== undefined) return client.call(routes.environments.show, { params: { name: named } }, signal)
  const { environments } = await client.call(routes.environments.list, {}, signal)
  const first = environments.find(({ kind }) => kind === 'private')
  if (first === undefined) throw fail('no-environment', { kind: 'private' })
  return first
}
