/** What happened meanwhile, read from the ledger: deployments, moves of flags and rings, changes of cost that were found. */
import { everyEnvironment, type MarkWire } from '@belay/protocol'
import type { Fact } from '@belay/ledger'
import type { Ground } from './ground.ts'
import type { Range } from './selection.ts'

/** A page of a trend shows hundreds at the most; what is older than so many facts of a kind is left out. */
const pagesMax = 6
const pageSize = 500
const marksMax = 500

const moments: readonly { readonly kind: string; readonly mark: (fact: Fact, environment: string) => MarkWire | undefined }[] = [
  { kind: 'deployment.started', mark: deploymentMark },
  { kind: 'deployment.undoing', mark: deploymentMark },
  { kind: 'flag.', mark: flagMark },
  { kind: 'calls.changed', mark: changeMark },
]

/** In the order of time. Changes of cost only of the method that is asked for. */
export async function marksOf(
  { ledger }: Pick<Ground, 'ledger'>,
  it: Range & { readonly environment: string; readonly service?: string; readonly method?: string },
): Promise<MarkWire[]> {
  const found = await Promise.all(
    moments.map(async ({ kind, mark }) =>
      // A change of cost is told after it was: trends are looked at once a night.
      (await factsIn(ledger, kind, kind === 'calls.changed' ? { from: it.from, to: Number.MAX_SAFE_INTEGER } : it)).flatMap((fact) => {
        if (kind === 'calls.changed' && !isOf(fact, it)) return []
        const made = mark(fact, it.environment)
        return made === undefined || made.at < it.from || made.at >= it.to ? [] : [made]
      }),
    ),
  )
  return found
    .flat()
    .sort((a, b) => a.at - b.at)
    .slice(-marksMax)
}

/** When a method's measure moved, as it was found and told in the ledger. */
export type Found = { readonly service: string; readonly method: string; readonly measure: string; readonly at: number }
export async function foundChanges({ ledger }: Pick<Ground, 'ledger'>, it: Range & { readonly environment: string }): Promise<Found[]> {
  const facts = await factsIn(ledger, 'calls.changed', { from: it.from, to: Number.MAX_SAFE_INTEGER })
  return facts.flatMap(({ data, at: told }) => {
    const at = typeof data.at === 'number' ? data.at : told
    if (data.environment !== it.environment || at < it.from || at >= it.to) return []
    return [{ service: textOf(data.service), method: textOf(data.method), measure: textOf(data.measure), at }]
  })
}

/** Newest first, as the ledger has no index by time. */
async function factsIn(ledger: Ground['ledger'], kind: string, { from, to }: Range): Promise<Fact[]> {
  const found: Fact[] = []
  let before: number | undefined
  for (let page = 0; page < pagesMax; page++) {
    const { facts, more } = await ledger.list({ kind, before, limit: pageSize })
    found.push(...facts.filter(({ at }) => at >= from && at < to))
    const last = facts.at(-1)
    if (!more || last === undefined || last.at < from) break
    before = last.seq
  }
  return found
}

const isOf = ({ data }: Fact, it: { service?: string; method?: string; environment: string }): boolean =>
  data.environment === it.environment && data.service === it.service && data.method === it.method

function deploymentMark({ at, says, subject, data }: Fact, environment: string): MarkWire | undefined {
  if (data.environment !== environment) return undefined
  return { at, kind: 'deployment', name: textOf(data.release), says, subject }
}

/** Of a flag, what serves nobody anything else. */
const wordsAlone = new Set(['description', 'kind', 'owner', 'expiresAt', 'tags', 'metadata'])

/** What a flag serves here may have moved when its settings here or everywhere did, or what stands above them. */
function flagMark({ at, kind, says, subject, data }: Fact, environment: string): MarkWire | undefined {
  const paths = Array.isArray(data.diff)
    ? data.diff.map((line) => textOf((line as { path?: unknown }).path))
    : Array.isArray(data.paths)
      ? data.paths.map(textOf)
      : []
  const here = paths.filter((path) => {
    const [field, place] = path.split('.')
    if (field === 'settings' || field === 'killed') return place === undefined || place === environment || place === everyEnvironment
    return !wordsAlone.has(field ?? '')
  })
  if (here.length === 0) return undefined
  const isRing = kind === 'flag.changed' && here.some((path) => path.includes('exposure'))
  return { at, kind: isRing ? 'ring' : 'flag', name: subject.replace(/^flag:/, ''), says, subject }
}

function changeMark({ at, says, subject, data }: Fact): MarkWire {
  return { at: typeof data.at === 'number' ? data.at : at, kind: 'change', name: textOf(data.measure), says, subject }
}

const textOf = (it: unknown): string => (typeof it === 'string' ? it : '')
