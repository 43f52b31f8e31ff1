/** What commands about calls ask the server besides their own question: which method is meant, and why nothing is there. */
import { nearest } from '@belay/cloudfile'
import { type CallFacetsWire, type CallFilter, type Client, routes } from '@belay/protocol'
import { sayRange } from '../../calls/top-view.ts'
import { fail } from '../../problems.ts'
import { type Eye, sayWhen, wrap } from '../../terminal.ts'

type Range = Pick<CallFilter, 'day' | 'from' | 'to'>
export type MethodName = { readonly service: string; readonly method: string }

/** A sentence with more names than this is no longer read. */
const candidatesMax = 12

/**
 * The method that has this name, or else the only one that has it as a part, either case.
 * @throws Problem `no-method`, `which-method`.
 */
export async function pickMethod(
  client: Client,
  asked: string,
  { environment, service, range }: { environment: string; service: string | undefined; range: Range },
  signal: AbortSignal,
): Promise<MethodName> {
  const query = { ...range, environment, service, rank: 'name' as const }
  const { rows } = await client.call(routes.calls.table, { query: { ...query, text: asked.slice(0, 200) } }, signal)
  const found = bestOf(rows, asked)
  if (found.length === 1 && found[0] !== undefined) return found[0]
  if (found.length === 0) {
    const all = await client.call(routes.calls.table, { query }, signal)
    const near = nearest(
      asked,
      all.rows.map(({ method }) => method),
    )
    throw fail('no-method', { method: asked, environment, near: near ?? null })
  }
  const methods = new Set(found.map(({ method }) => method))
  const names = methods.size === 1 ? found.map((it) => it.service) : [...methods]
  throw methods.size === 1
    ? fail('method-of-several', { method: asked, services: names })
    : fail('which-method', { method: asked, candidates: names.slice(0, candidatesMax), more: Math.max(0, names.length - candidatesMax) })
}

/** The same name before the same name in another case before a part of a name. */
function bestOf(rows: readonly MethodName[], asked: string): readonly MethodName[] {
  const lower = asked.toLowerCase()
  const ways: readonly ((name: string) => boolean)[] = [
    (name) => name === asked,
    (name) => name.toLowerCase() === lower,
    (name) => name.toLowerCase().includes(lower),
  ]
  for (const fits of ways) {
    const found = rows.filter(({ method }) => fits(method))
    if (found.length > 0) return found.map(({ service, method }) => ({ service, method }))
  }
  return []
}

/** Why a table is empty, and what to do. */
export function emptySentence(
  facets: CallFacetsWire,
  { environment, from, to }: { environment: string; from: number; to: number },
  { look }: Eye,
): string {
  const { store, firstAt, lastAt } = facets
  const sentence =
    store.state === 'down'
      ? `The store of calls does not answer${store.because === null ? '' : `: ${store.because.replace(/\.$/, '')}`}. What services record meanwhile is kept on disk and counted when it is back.`
      : firstAt === null
        ? `No call was recorded in ${environment} yet. Add record: true to a Node service in belay.yaml and deploy it, send OpenTelemetry to /v1/traces of this server, or read an access log: belay calls import FILE --service NAME --environment ${environment}`
        : `No call of ${environment} is like that from ${sayRange(from, to)}; the newest one was recorded ${sayWhen(lastAt, look)}. Ask for a longer range with --last, or leave out a filter.`
  return wrap(sentence, look.width)
}

/** Asks only when nothing was found. */
export async function whyEmpty(
  client: Client,
  table: { environment: string; from: number; to: number },
  eye: Eye,
  signal: AbortSignal,
): Promise<string> {
  const facets = await client.call(routes.calls.facets, { query: { environment: table.environment } }, signal)
  return emptySentence(facets, table, eye)
}
