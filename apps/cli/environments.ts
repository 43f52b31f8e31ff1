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

/** The name given, else that of the only production: there most people meet a flag. */
export async function nameOrProduction(client: Client, named: string | undefined, signal: AbortSignal): Promise<string> {
  if (named !== undefined) return named
  const { environments } = await client.call(routes.environments.list, {}, signal)
  const [first, ...others] = environments.filter(({ kind }) => kind === 'production').map(({ name }) => name)
  if (first === undefined) throw fail('no-environment', { kind: 'production' })
  if (others.length > 0) throw fail('which-environment', { names: [first, ...others] })
  return first
}
