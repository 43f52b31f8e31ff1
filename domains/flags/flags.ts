import { requires, type Who } from '@belay/access'
import { type Clock, Problem } from '@belay/base'
import type { Metadata } from '@belay/flag-evaluator'
import type { Ledger } from '@belay/ledger'
import type {
  ChangeAnswerWire,
  changeAskWire,
  ExplanationWire,
  FlagPageWire,
  FlagVersionWire,
  ProposalWire,
  ScheduledWire,
} from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import type { z } from 'zod'
import { openApprovals } from './approvals.ts'
import { channel, openBook } from './book.ts'
import { type Live, openLive } from './live.ts'
import { asPlan } from './model/change.ts'
import { explain } from './model/explain.ts'
import { beginFlag, type EnvironmentInfo, type Flag, type NewFlag, refsOfFlag, whyBadRule } from './model/flag.ts'
import type { FlagQuery } from './model/query.ts'
import { flagProblem } from './problems.ts'
import type { Reports } from './reports/types.ts'
import { openRings, type Rings } from './rings.ts'
import { openSchedule, timeOf } from './schedule.ts'
import type { SegmentsOptionsUse, SegmentsView } from './segments/types.ts'
import * as rows from './store.ts'
import { type FlagList, openView } from './view.ts'
import { factKind, isProduction, openWriter, requireFor } from './writer.ts'

/** So many flags of an import are written in one transaction, which may last 5 s; this takes a tenth of it. */
const putAtOnce = 100

export type ChangeAsk = z.output<typeof changeAskWire>

export type Flags = {
  readonly live: Live
  readonly rings: Rings
  /** Reads everything into memory; before anything else. */
  load(): Promise<void>
  /** Looks again at what may have changed elsewhere: environments, another server's writes. */
  refresh(): Promise<void>
  list(query: FlagQuery): FlagList
  /** Of those that are not archived. */
  keys(): string[]
  all(): Flag[]
  /** Names of those that there are now. */
  environments(): string[]
  show(key: string): Promise<FlagPageWire>
  create(flag: NewFlag, who: Who): Promise<Flag>
  /**
   * Does, plans, proposes or schedules a change.
   * @throws Problem `flag-unknown`, `flag-changed` (409), `flag-invalid`, `flag-cycle`, `flag-needed`, `not-allowed`.
   */
  change(key: string, ask: ChangeAsk, who: Who): Promise<ChangeAnswerWire>
  history(key: string, before: number | undefined, limit: number): Promise<{ versions: FlagVersionWire[]; more: boolean }>
  explain(key: string, environment: string, context: Record<string, unknown>): ExplanationWire
  readonly proposals: {
    list(asking: { flag?: string | undefined; state?: string | undefined; limit: number }): Promise<ProposalWire[]>
    /** @throws Problem `proposal-unknown`, `proposal-closed`, `proposal-hash-differs`, `proposal-own`. */
    approve(id: string, hash: string, who: Who): Promise<ChangeAnswerWire>
    reject(id: string, reason: string | undefined, who: Who): Promise<ProposalWire>
  }
  cancel(id: string, who: Who): Promise<ScheduledWire>
  /** Does the scheduled changes whose time has come. */
  tick(): Promise<void>
  /**
   * Makes or replaces whole flags, each in one piece and in the order given: for imports. One that is
   * refused keeps no other from being done.
   */
  put(flags: readonly Flag[], who: Who, it: PutHow): Promise<PutOutcome[]>
  /** Of the flag set, as it was imported and will be exported. */
  metadata(): Promise<Metadata>
  putMetadata(metadata: Metadata): Promise<void>
  /** What the segments of this house ask of its flags. */
  readonly use: SegmentsOptionsUse
  /** Looks no more; resolves when the last look has ended. */
  close(): Promise<void>
}
export type PutHow = {
  /** Whose word it is: `a flagd document`. */
  readonly from: string
  readonly plan: boolean
  /** Segments that the same import makes, which a plan does not. */
  readonly segments?: ReadonlySet<string>
}
export type PutOutcome = { readonly key: string; readonly outcome: 'created' | 'updated' | 'same' | 'refused'; readonly because?: string }

/** The environments that there are, and news of them. */
export type Places = { list(): Promise<readonly EnvironmentInfo[]>; onChange(listener: () => void): () => void }

export function openFlags(it: {
  store: Store
  ledger: Ledger
  clock: Clock
  cloud: string
  environments: Places
  segments: SegmentsView
  reports: Pick<Reports, 'lastEvaluatedAt'>
  log: (line: string, error?: unknown) => void
}): Flags {
  const { store, ledger, clock, segments, log } = it
  const book = openBook({ ...it, environments: it.environments.list, changed: (flags) => live.update({ flags, lists: [] }) })
  const live: Live = openLive({ world: () => book, segments })
  const rings = openRings({ store, ledger, book })
  const writer = openWriter({ store, ledger, clock, book, hasSegment: (key) => Object.hasOwn(segments.evaluators(), `segment:${key}`) })
  const schedule = openSchedule({ store, ledger, clock, writer })
  const approvals = openApprovals({ ledger, clock, writer, schedule })
  const view = openView({ book, clock, reports: it.reports })

  async function change(tx: Db, key: string, ask: ChangeAsk, who: Who): Promise<ChangeAnswerWire> {
    const { change: what, plan } = ask
    // A kill has its reason in it, and its fact says that one.
    const reason = what.do === 'kill' ? null : (ask.reason ?? null)
    const at = timeOf(ask, clock.now())
    const { before, after, diff, says, touches } = await writer.weigh(tx, key, what, who.actor)
    await writer.refuseIfChanged(tx, before, what.do === 'kill' ? undefined : ask.version)
    requireFor(what, touches, who)
    const answer = { says, diff, flag: before, proposal: null, scheduled: null }
    if (diff.length === 0) return { ...answer, outcome: 'same', says: `${key} is so already` }
    const needsApproval = what.do !== 'kill' && touches.some(({ approval }) => approval)
    if (plan) return { ...answer, outcome: 'planned', says: `${asPlan(says)}${needsApproval ? '; a second person must approve it' : ''}` }
    if (needsApproval) {
      const proposal = await approvals.propose(tx, { before, after, change: what, diff, says, reason, at, by: who.actor, touches })
      return { ...answer, outcome: 'proposed', says: proposal.says, proposal }
    }
    if (at !== null) {
      const scheduled = await schedule.add(tx, { flag: before, change: what, says, reason, at, by: who.actor })
      return { ...answer, outcome: 'scheduled', says: scheduled.says, scheduled }
    }
    await writer.commit(tx, after, { kind: factKind(what), says, reason, diff })
    return { ...answer, outcome: 'done', flag: after }
  }

  async function putSome(flags: readonly Flag[], who: Who, how: PutHow, all: ReadonlyMap<string, Flag>): Promise<PutOutcome[]> {
    let outcomes: PutOutcome[] = []
    const planned = new Error('only planned')
    const work = async (tx: Db) => {
      outcomes = []
      for (const flag of flags) {
        try {
          outcomes.push({ key: flag.key, outcome: await writer.putOne(tx, flag, who, { ...how, also: (key) => all.get(key) }) })
        } catch (error) {
          // Refusals come before the first write, so the transaction is as it was.
          if (!(error instanceof Problem) || error.status >= 500) throw error
          outcomes.push({ key: flag.key, outcome: 'refused', because: error.message })
        }
      }
      if (how.plan) throw planned
    }
    await written(work).catch((error: unknown) => {
      if (error !== planned) throw error
    })
    return outcomes
  }

  /** What was written is seen by everybody when this resolves. */
  async function written<T>(work: (tx: Db) => Promise<T>): Promise<T> {
    const answer = await store.write(work)
    await refresh()
    return answer
  }
  async function refresh(): Promise<void> {
    view.note(await rows.listProposals(store.read, { state: 'open', limit: 1_000 }))
    await book.refresh()
  }
  /** Flags by what their rules name; made anew when something changed. */
  let named = { revision: -1, flags: new Map<string, string[]>() }
  function namedBy(ref: string): readonly string[] {
    if (named.revision !== book.revision) {
      named = { revision: book.revision, flags: new Map() }
      for (const flag of book.flags.values())
        for (const it of refsOfFlag(flag)) {
          const keys = named.flags.get(it)
          if (keys) keys.push(flag.key)
          else named.flags.set(it, [flag.key])
        }
    }
    return named.flags.get(ref) ?? []
  }

  /** Looks again after news from elsewhere, until it is closed. */
  let isClosed = false
  function lookAgain(then?: () => void): void {
    if (isClosed) return
    refresh().then(then, (error) => {
      if (!isClosed) log('flags could not be read again; the next change tries it', error)
    })
  }
  const stops: (() => void)[] = []

  return {
    live,
    rings,
    async load() {
      await refresh()
      stops.push(store.onSignal(channel, () => lookAgain()))
      stops.push(it.environments.onChange(() => lookAgain()))
      stops.push(
        segments.onChange((changed) => {
          const lists = changed.filter(({ kind }) => kind === 'list').map(({ key }) => key)
          lookAgain(() => live.update({ flags: [], lists }))
        }),
      )
    },
    refresh,
    list: view.list,
    keys: () => [...book.flags.values()].filter(({ archivedAt }) => archivedAt === null).map(({ key }) => key),
    all: () => [...book.flags.values()],
    environments: () => book.environments.map(({ name }) => name),
    async show(key) {
      return {
        ...view.show(key),
        proposals: await rows.listProposals(store.read, { flag: key, state: 'open', limit: 50 }),
        scheduled: await rows.waitingScheduled(store.read, { flag: key }),
      }
    },
    async create(spec, who) {
      const flag = beginFlag(spec, clock.now(), who.actor)
      await written((tx) => writer.create(tx, flag))
      return flag
    },
    change: (key, ask, who) => (ask.plan ? store.write((tx) => change(tx, key, ask, who)) : written((tx) => change(tx, key, ask, who))),
    async history(key, before, limit) {
      view.find(key)
      const versions = await rows.listVersions(store.read, key, before, limit + 1)
      return { versions: versions.slice(0, limit), more: versions.length > limit }
    },
    explain: (key, environment, context) =>
      explain({
        flag: view.find(key),
        environment,
        context,
        live: live.environment(environment),
        ladder: book.ladder,
        segments,
        nowMs: clock.now(),
      }),
    proposals: {
      list: (asking) => rows.listProposals(store.read, asking),
      approve: (id, hash, who) => written((tx) => approvals.approve(tx, id, hash, who)),
      reject: (id, reason, who) => written((tx) => approvals.reject(tx, id, reason, who)),
    },
    cancel: (id, who) => store.write((tx) => schedule.cancel(tx, id, who)),
    async tick() {
      if (await schedule.tick()) await refresh()
    },
    async put(flags, who, how) {
      requires(who, 'flag.change')
      const all = new Map(flags.map((flag) => [flag.key, flag]))
      const outcomes: PutOutcome[] = []
      for (let start = 0; start < flags.length; start += putAtOnce)
        outcomes.push(...(await putSome(flags.slice(start, start + putAtOnce), who, how, all)))
      return outcomes
    },
    metadata: async () => (await rows.readSetting(store.read, 'metadata')) ?? {},
    putMetadata: (metadata) => store.write((tx) => rows.putSetting(tx, 'metadata', metadata)),
    use: {
      usedBy: (segment) => [
        ...namedBy(`segment:${segment}`).map((key) => `flag:${key}`),
        ...book.ladder.filter((ring) => ring.segment === segment).map((ring) => `ring:${ring.name}`),
      ],
      inProduction: (segment) =>
        book.environments.some(isProduction) &&
        (namedBy(`segment:${segment}`).length > 0 ||
          book.ladder.some((ring) => ring.segment === segment && namedBy(`ring:${ring.name}`).length > 0)),
      checkRule(rule) {
        const bad = whyBadRule(rule, 'rule')
        if (bad) throw flagProblem('flag-invalid', { key: 'The segment', ...bad })
      },
      changed: async (tx) => {
        await rows.nextRevision(tx)
        store.signal(channel)
      },
    },
    async close() {
      isClosed = true
      for (const stop of stops.splice(0)) stop()
      await book.refresh().catch(() => {})
    },
  }
}
