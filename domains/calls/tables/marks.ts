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
]

/** In the order of time. Changes of cost only of the method that is asked for. */
export async function marksOf(
  ground: Pick<Ground, 'ledger'>,
  it: Range & { readonly environment: string; readonly service?: string; readonly method?: string },
): Promise<MarkWire[]> {
  const [changes, ...found] = await Promise.all([
    foundChanges(ground, it),
    ...moments.map(async ({ kind, mark }) =>
      (await factsIn(ground.ledger, kind, it)).flatMap((fact) => {
        const made = mark(fact, it.environment)
        return made === undefined ? [] : [made]
      }),
    ),
  ])
  const ofMethod = changes.filter(({ service, method }) => service === it.service && method === it.method)
  return [...found.flat(), ...ofMethod.map(({ mark }) => mark)].sort((a, b) => a.at - b.at).slice(-marksMax)
}

/** When a method's measure moved, as it was found and told in the ledger, and not taken back since. */
export type Found = {
  readonly service: string
  readonly method: string
  readonly measure: string
  readonly at: number
  readonly mark: MarkWire
}

export async function foundChanges({ ledger }: Pick<Ground, 'ledger'>, it: Range & { readonly environment: string }): Promise<Found[]> {
  // A change is told after it was: trends are looked at once a night.
  const facts = await factsIn(ledger, 'calls.', { from: it.from, to: Number.MAX_SAFE_INTEGER })
  const told = new Set<unknown>()
  return facts.flatMap(({ kind, data, at: toldAt, says, subject }) => {
    if (kind !== 'calls.changed' && kind !== 'calls.change-withdrawn') return []
    // Newest first: what was said last of a change counts.
    if (data.id !== undefined && told.has(data.id)) return []
    told.add(data.id)
    const at = typeof data.at === 'number' ? data.at : toldAt
    if (kind !== 'calls.changed' || data.environment !== it.environment || at < it.from || at >= it.to) return []
    const measure = textOf(data.measure)
    return [
      {
        service: textOf(data.service),
        method: textOf(data.method),
        measure,
        at,
        mark: { at, kind: 'change', name: measure, says, subject },
      },
    ]
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

const textOf = (it: unknown): string => (typeof it === 'string' ? it : '')
