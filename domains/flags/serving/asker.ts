/** Who asks for flags, and for which environment: a client key, or a person or token that may look. */
import type { IncomingMessage } from 'node:http'
import type { Who } from '@belay/access'
import { Problem } from '@belay/base'
import { type Credentials, credentialsOf } from '@belay/http'
import { type Action, may, whyNot } from '@belay/protocol'
import type { LiveFlags } from '../live-types.ts'
import { queryOf } from './answers.ts'
import { type ClientKeys, type KeyHolder, keyPrefix } from './keys.ts'
import { servingProblem } from './problems.ts'

export type Asker = {
  readonly environment: string
  /** For limits, and for ending streams: unique among keys and people. */
  readonly id: string
  readonly key: KeyHolder | undefined
  readonly who: Who | undefined
}

export type AskerOptions = {
  readonly live: LiveFlags
  readonly keys: ClientKeys
  /** As the HTTP ground has it: who sends this cookie or token. */
  authenticate(credentials: Credentials): Promise<Who | undefined>
}

/** The secret as the two headers of OFREP carry it. */
function secretOf(request: IncomingMessage): string | undefined {
  const { authorization } = request.headers
  if (authorization !== undefined) {
    const space = authorization.indexOf(' ')
    if (space === 6 && authorization.slice(0, 6).toLowerCase() === 'bearer') return authorization.slice(7).trim()
  }
  const key = request.headers['x-api-key']
  return typeof key === 'string' ? key.trim() : undefined
}

const isKey = (secret: string): boolean => secret.startsWith(keyPrefix.client) || secret.startsWith(keyPrefix.server)

/**
 * A key is known at once; a person must be looked up.
 * @throws Problem `client-key-needed`, `serving-not-allowed`, `serving-environment-unclear`, and what `authenticate` throws.
 */
export function askerOf(request: IncomingMessage, query: URLSearchParams | undefined, options: AskerOptions): Asker | Promise<Asker> {
  const secret = secretOf(request)
  if (secret === undefined || !isKey(secret)) return personOf(request, secret, query, options)
  const key = options.keys.who(secret)
  if (key === undefined) throw servingProblem('client-key-needed', undefined)
  return { environment: key.environment, id: key.id, key, who: undefined }
}

async function personOf(
  request: IncomingMessage,
  secret: string | undefined,
  query: URLSearchParams | undefined,
  { live, authenticate }: AskerOptions,
): Promise<Asker> {
  const who = await authenticate({ ...credentialsOf(request), bearer: secret })
  if (who === undefined) throw servingProblem('client-key-needed', undefined)
  requireAction(who, 'look')
  const environment = query?.get('environment') ?? live.usual()?.name
  if (environment === undefined) throw servingProblem('serving-environment-unclear', { known: live.environments().map(({ name }) => name) })
  return { environment, id: `who ${who.actor}`, key: undefined, who }
}

/**
 * For what services send besides reports of flags: which environment the sender's key is for. A person or token that
 * may import calls may send as well and says `?environment=`.
 * @throws Problem as `askerOf`, `client-key-evaluates-only`, `serving-not-allowed`.
 */
export async function senderEnvironment(request: IncomingMessage, options: AskerOptions): Promise<string> {
  const asker = await askerOf(request, queryOf(request.url ?? ''), options)
  requireServerKey(asker)
  requireAction(asker.who, 'calls.import')
  return asker.environment
}

/** @throws Problem `client-key-evaluates-only`. */
export function requireServerKey({ key }: Asker): void {
  if (key?.kind === 'client') throw servingProblem('client-key-evaluates-only', { name: key.name })
}

/** @throws Problem `serving-not-allowed`. */
export function requireAction(who: Who | undefined, action: Action): void {
  if (who !== undefined && !may(who, action)) throw servingProblem('serving-not-allowed', { because: whyNot(who, action) })
}

export const isProblem = (error: unknown): error is Problem => error instanceof Problem
