/** A flags domain on a store, with a clock that tests move, and people of each role. */
import type { Who } from '@belay/access'
import { handClock, Problem } from '@belay/base'
import type { RingSpec } from '@belay/cloudfile'
import { ledgerMigrations, openLedger } from '@belay/ledger'
import { flagChangeWire, type FlagChangeInput, newFlagWire, type NewFlagWire } from '@belay/protocol'
import type { Store } from '@belay/store'
import { type ChangeAsk, openFlags } from './flags.ts'
import type { EnvironmentInfo } from './model/flag.ts'
import type { SegmentsView } from './segments/types.ts'
import { flagMigrations } from './store.ts'

export const places: readonly EnvironmentInfo[] = [
  { name: 'private', kind: 'private', approval: false },
  { name: 'qa', kind: 'qa', approval: false },
  { name: 'production', kind: 'production', approval: false },
]
export const guarded: readonly EnvironmentInfo[] = places.map((it) => (it.name === 'production' ? { ...it, approval: true } : it))
export const ladder: readonly RingSpec[] = [
  { name: 'qa', where: { in: [{ var: 'role' }, ['tester']] }, segment: null },
  { name: 'staff', where: { ends_with: [{ var: 'email' }, '@example.com'] }, segment: null },
  { name: 'early-access', where: { '==': [{ var: 'early' }, true] }, segment: null },
  { name: 'all', where: null, segment: null },
]

export const ann: Who = { actor: 'ann', role: 'operator' }
export const bob: Who = { actor: 'bob', role: 'operator' }
export const dev: Who = { actor: 'dev', role: 'developer' }

export const noSegments: SegmentsView = {
  inSegment: () => undefined,
  memberships: () => ({}),
  evaluators: () => ({}),
  onChange: () => () => {},
}

export async function makeFlags(
  store: Store,
  it: { environments?: readonly EnvironmentInfo[]; segments?: SegmentsView; evaluatedAt?: Map<string, number> } = {},
) {
  const clock = handClock(Date.UTC(2026, 0, 1))
  await store.migrate([ledgerMigrations, flagMigrations])
  const ledger = openLedger({ store, clock })
  const flags = openFlags({
    store,
    ledger,
    clock,
    cloud: 'shop',
    environments: { list: async () => it.environments ?? places, onChange: () => () => {} },
    segments: it.segments ?? noSegments,
    reports: { lastEvaluatedAt: (flag) => it.evaluatedAt?.get(flag) ?? null },
    log: (line, error) => {
      throw error instanceof Error ? error : new Error(line)
    },
  })
  await flags.load()
  await flags.rings.sync(ladder, 'belay')
  return {
    flags,
    ledger,
    clock,
    store,
    make: (flag: NewFlagWire, who: Who = ann) => flags.create(newFlagWire.parse(flag), who),
    change: (key: string, change: FlagChangeInput, ask: Partial<ChangeAsk> = {}, who: Who = ann) =>
      flags.change(key, { plan: false, ...ask, change: flagChangeWire.parse(change) }, who),
    /** The variant that this context gets; the error code when it gets none. */
    gets: (key: string, context: Record<string, unknown>, environment = 'production') => {
      const evaluation = flags.live.environment(environment).set().evaluate(key, context, clock.now())
      return evaluation.variant ?? evaluation.errorCode ?? evaluation.reason
    },
    facts: async () => (await ledger.list({ order: 'oldest', limit: 500 })).facts.filter(({ kind }) => /^(flag|ring)/.test(kind)),
  }
}
export type FlagsBench = Awaited<ReturnType<typeof makeFlags>>

export async function refusal(work: Promise<unknown>): Promise<Problem> {
  const thrown = await work.then(
    () => 'nothing was refused',
    (error: unknown) => error,
  )
  if (!(thrown instanceof Problem)) throw new Error(`Expected a Problem, got: ${String(thrown)}`, { cause: thrown })
  return thrown
}
