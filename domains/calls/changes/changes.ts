/**
 * Changes of cost that nobody asked for: at each release, between a flag's variants, and every night in the trends. What
 * is found is kept, told to the ledger once, and followed while calls come in.
 */
import type { Clock } from '@belay/base'
import { type Columns, sql } from '@belay/columns'
import type { Ledger } from '@belay/ledger'
import { type CallChangeWire, callMeasures, type FlagCostWire } from '@belay/protocol'
import type { Store } from '@belay/store'
import { arrivedFirst, deployedOf, type Deployed, hourMs, newArrivals } from './arrivals.ts'
import { comparePair, type Pair, pairsSeen } from './flags.ts'
import {
  causeOf,
  flagChange,
  flagCost,
  flagSource,
  type Move,
  moveOf,
  releaseChange,
  releaseSource,
  trendChange,
  trendSource,
} from './found.ts'
import { watchedMs } from './matching.ts'
import { repeatSince, repeatWith } from './repeats.ts'
import { firstCalls, hourTime, judgeRelease, releasesSeen, seenMs } from './releases.ts'
import {
  addArrivals,
  type Arrival,
  type ChangeKind,
  type ChangeQuery,
  type Found,
  keepChanges,
  noteLook,
  readArrivals,
  readChanges,
  readLooks,
  sweepChanges,
} from './store.ts'
import { findTrends, trendDays } from './trends.ts'
import { judge, type Judged } from './verdict.ts'
import { withPairedWeather } from './weather.ts'
import { sayDigest } from './words.ts'

const dayMs = 24 * hourMs
/** Flags are compared over a day: long enough for every hour of it, short enough that a fix is seen. */
const flagWindowMs = dayMs
/** Repeated statements are looked up one by one, for the surest of what changed. */
const namedMax = 20
/** Looking costs at most this share of the time: what takes long is done less often. */
const shareOfTime = 1 / 10
const restMs = { release: 10_000, flag: 15_000, seen: 10_000 }
/** After midnight (UTC) calls of the day before are still under way. */
const nightlyAfterMs = 20 * 60_000
/** When a look was made is kept for people; they look less often. */
const noteEveryMs = 60_000

export type Changes = {
  /** Does what is due, and nothing while the column store sleeps. Cheap when nothing is; called every ten seconds. */
  look(): Promise<void>
  /** Change points in the trends of all environments; `look` does it once a day. */
  nightly(): Promise<void>
  list(query: ChangeQuery): Promise<{
    changes: CallChangeWire[]
    more: boolean
    digest: string
    lookedAt: Record<ChangeKind, number | null>
  }>
  /** By default of the last seven days. */
  flagCosts(query: {
    environment?: string | undefined
    from?: number | undefined
    to?: number | undefined
    flag?: string | undefined
  }): Promise<{ flags: FlagCostWire[]; notes: string[] }>
}

export function openChanges(it: {
  store: Store
  ledger: Pick<Ledger, 'append' | 'list'>
  columns: Pick<Columns, 'query' | 'state'>
  clock: Clock
  log: (line: string, error?: unknown) => void
}): Changes {
  const { store, ledger, columns, clock, log } = it
  let deployed: Deployed[] = []
  let readUpTo = 0
  let looking: Promise<void> | undefined
  const due = new Map<string, number>()
  const noted = new Map<ChangeKind, number>()
  /** Releases that began with their service: there is nothing to compare them with. */
  const firstOfAll = new Set<string>()

  /** Runs `work` when it is due, and rests in proportion to what it took. */
  async function whenDue(name: string, rest: (now: number) => number, work: () => Promise<void>): Promise<void> {
    const began = clock.now()
    if (began < (due.get(name) ?? 0)) return
    due.set(name, began + restMs.seen)
    try {
      await work()
    } finally {
      const now = clock.now()
      due.set(name, now + Math.max(rest(now), (now - began) / shareOfTime))
    }
  }

  async function note(kind: ChangeKind, now: number): Promise<void> {
    if (now - (noted.get(kind) ?? 0) < noteEveryMs) return
    noted.set(kind, now)
    await noteLook(store, kind, now)
  }

  /** Facts are read once; those of the past as far back as trends reach. */
  async function readDeployments(now: number): Promise<void> {
    if (readUpTo === 0) {
      deployed = (await factsSince(now - trendDays * dayMs, 'deployment.started')).flatMap((fact) => deployedOf(fact) ?? [])
      readUpTo = lastSeq
      return
    }
    while (true) {
      const { facts, more } = await ledger.list({ kind: 'deployment.started', after: readUpTo, order: 'oldest', limit: factsAtOnce })
      deployed.push(...facts.flatMap((fact) => deployedOf(fact) ?? []))
      readUpTo = facts.at(-1)?.seq ?? readUpTo
      if (!more) break
    }
    deployed = deployed.filter(({ at }) => at >= now - trendDays * dayMs)
  }
  let lastSeq = 0
  async function factsSince(since: number, kind: string) {
    const all: Awaited<ReturnType<typeof ledger.list>>['facts'] = []
    let before: number | undefined
    while (all.length < factsMax) {
      const { facts, more } = await ledger.list({ kind, order: 'newest', limit: factsAtOnce, ...(before === undefined ? {} : { before }) })
      if (before === undefined) lastSeq = facts[0]?.seq ?? 0
      all.push(...facts.filter(({ at }) => at >= since))
      before = facts.at(-1)?.seq
      if (!more || (facts.at(-1)?.at ?? 0) < since) break
    }
    return all
  }

  // ── releases ──────────────────────────────────────────────────────────────────────────────────────────────
  async function findArrivals(now: number): Promise<void> {
    const since = now - watchedMs
    const [seen, known] = [await releasesSeen(columns, now - seenMs), await readArrivals(store.read, now - seenMs)]
    const found: Arrival[] = []
    for (const candidate of newArrivals({ seen, deployed, known, since })) {
      const { environment, service, release, at, before, unsure } = candidate
      if (!unsure) {
        found.push({ environment, service, release, at, before })
        continue
      }
      const name = `${environment}\0${service}\0${release}`
      if (firstOfAll.has(name)) continue
      const arrival = arrivedFirst(candidate, await firstCalls(columns, { environment, service, since: at }))
      if (arrival === undefined) firstOfAll.add(name)
      else found.push(arrival)
    }
    await addArrivals(store, found)
  }

  async function followRelease(arrival: Arrival): Promise<void> {
    const judged = await judgeRelease(columns, arrival, clock.now())
    const { environment, service, release, before, at } = arrival
    const statementOf = await statements(judged, (method) =>
      repeatSince(columns, {
        environment,
        service,
        method,
        where: sql`release IN ${[release, before]} AND t >= ${hourTime(at - 7 * dayMs)} AND t < ${hourTime(at + watchedMs + hourMs)} AND (release = ${before} OR t >= ${hourTime(at)})`,
        isAfter: sql`release = ${release}`,
      }),
    )
    await keep(
      releaseSource(arrival),
      judged,
      judged.filter(({ shown }) => shown).map((one) => releaseChange(arrival, one, statementOf(one))),
    )
  }

  /** The statement that is repeated since, for measures that grow with it. */
  async function statements(judged: readonly Judged[], ask: (method: string) => Promise<string | undefined>) {
    const grown = judged.filter(({ shown, measure, it: { difference } }) => shown && measure === 'statements' && difference > 0)
    const names = new Map<string, string>()
    for (const { method } of grown.toSorted((a, b) => Math.abs(b.it.t) - Math.abs(a.it.t)).slice(0, namedMax)) {
      const statement = await ask(method)
      if (statement !== undefined) names.set(method, statement)
    }
    return ({ method, it: { difference } }: Judged): string | null => (difference > 0 ? (names.get(method) ?? null) : null)
  }

  async function keep(source: string, judged: readonly Judged[], found: readonly Found[]): Promise<void> {
    const standing = (change: CallChangeWire) => {
      const one = judged.find(
        (other) => other.service === change.service && other.method === change.method && other.measure === change.measure,
      )
      return one === undefined || one.few || (one.stands && one.it.difference > 0 === change.dearer)
    }
    await keepChanges({ store, ledger }, { source, found, now: clock.now(), stands: standing })
  }

  async function lookAtReleases(): Promise<void> {
    const now = clock.now()
    await whenDue(
      'seen',
      () => restMs.seen,
      () => findArrivals(now),
    )
    for (const arrival of await readArrivals(store.read, now - watchedMs)) {
      // The longer a release is there, the less one more minute of it tells.
      const rest = (later: number) => Math.max(restMs.release, (later - arrival.at) / 20)
      await whenDue(releaseSource(arrival), rest, () => followRelease(arrival))
    }
    await note('release', now)
  }

  // ── flags ─────────────────────────────────────────────────────────────────────────────────────────────────
  /** All pairs of an environment are judged together. */
  async function judgePairs(pairs: readonly Pair[], range: { from: number; to: number }) {
    const compared = []
    for (const pair of pairs) compared.push({ pair, methods: await comparePair(columns, pair, range) })
    const judged = judge(compared.flatMap(({ methods }) => methods))
    let from = 0
    const tests = judged.filter(({ few }) => !few).length
    const all = []
    for (const { pair, methods } of compared) {
      const to = from + methods.length * callMeasures.length
      all.push({ pair, judged: await withPairedWeather(columns, pair, judged.slice(from, to), range), tests })
      from = to
    }
    return all
  }

  async function lookAtFlags(): Promise<void> {
    const now = clock.now()
    const range = { from: now - flagWindowMs, to: now }
    const byEnvironment = Map.groupBy(await pairsSeen(columns, range), ({ environment }) => environment)
    for (const pairs of byEnvironment.values())
      for (const { pair, judged } of await judgePairs(pairs, range)) {
        const { environment, flag, variant, against } = pair
        const shown = judged.filter((one) => one.shown)
        const found: Found[] = []
        for (const [service, some] of Map.groupBy(shown, (one) => one.service)) {
          const statementOf = await statements(some, (method) =>
            repeatWith(columns, { environment, service, method, ...range, variant: `${flag}=${variant}`, against: `${flag}=${against}` }),
          )
          found.push(...some.map((one) => flagChange(pair, one, statementOf(one))))
        }
        // Hours come and go: what a flag cost yesterday stays said when nobody meets it today.
        await keepChanges({ store, ledger }, { source: flagSource(pair), found, now: clock.now(), stands: () => true })
      }
    await note('flag', now)
  }

  // ── trends ────────────────────────────────────────────────────────────────────────────────────────────────
  async function nightly(): Promise<void> {
    const now = clock.now()
    await readDeployments(now)
    const since = now - (trendDays + 1) * dayMs
    const flagMoves = (await factsSince(since, 'flag.')).map(({ at, subject }): Move => ({ at, cause: subject, environment: null }))
    const moves = [...deployed.map(moveOf), ...(await readArrivals(store.read, since)).map(moveOf), ...flagMoves]
    const environments = new Set((await releasesSeen(columns, since)).map(({ environment }) => environment))
    for (const environment of environments) {
      const { changes: known } = await readChanges(store.read, { environment, from: since, limit: 10_000 })
      const trends = await findTrends(columns, environment, now)
      const found = trends.flatMap((trend) => trendChange(trend, environment, causeOf(moves, environment, trend.at), known) ?? [])
      // A level that is merged with its neighbours on a later night was told, and stays in the record.
      await keepChanges({ store, ledger }, { source: trendSource(environment), found, now, stands: () => true })
    }
    await sweepChanges(store, now)
    await noteLook(store, 'trend', now)
  }

  async function lookAtTrends(): Promise<void> {
    const now = clock.now()
    if (now % dayMs < nightlyAfterMs) return
    const last = (await readLooks(store.read)).trend
    if (last !== null && Math.floor(last / dayMs) === Math.floor(now / dayMs)) return
    await nightly()
  }

  async function lookOnce(): Promise<void> {
    // Nobody is woken for it: calls that come in wake the store.
    if (columns.state().state !== 'ready') return
    await readDeployments(clock.now())
    for (const [what, work] of [
      ['releases', lookAtReleases],
      ['flags', () => whenDue('flags', () => restMs.flag, lookAtFlags)],
      ['trends', () => whenDue('trends', () => noteEveryMs, lookAtTrends)],
    ] as const)
      await work().catch((error) => log(`looking for changes of cost in ${what} failed; it is tried again`, error))
  }

  return {
    look: () => (looking ??= lookOnce().finally(() => (looking = undefined))),
    nightly,
    async list(query) {
      const now = clock.now()
      const week = await readChanges(store.read, { ...query, from: now - 7 * dayMs, to: undefined, limit: weekMax })
      return {
        ...(await readChanges(store.read, query)),
        digest: sayDigest(week.changes.filter(({ foundAt }) => foundAt >= now - 7 * dayMs)),
        lookedAt: await readLooks(store.read),
      }
    },
    async flagCosts({ environment, from, to, flag }) {
      const now = clock.now()
      const end = Math.max(to ?? now, from ?? 0)
      const range = { from: Math.max(from ?? end - 7 * dayMs, end - costsMaxMs), to: end }
      const pairs = await pairsSeen(columns, { ...range, environment, flag })
      const costs: FlagCostWire[] = []
      for (const some of Map.groupBy(pairs, (pair) => pair.environment).values())
        for (const { pair, judged, tests } of await judgePairs(some, range)) costs.push(flagCost(pair, judged, tests, range))
      return { flags: costs, notes: pairs.length === 0 ? [] : [...flagNotes] }
    },
  }
}

/** A page of facts; and a quarter of a team that deploys a hundred times a day. */
const factsAtOnce = 500
const factsMax = 10_000
/** More changes than a sentence can weigh. */
const weekMax = 1_000
const costsMaxMs = 31 * dayMs

const flagNotes: readonly string[] = [
  'Calls are compared within the same hour, release and audience.',
  'Where a ring or a segment decides who meets a variant, a difference may still be one between these people.',
]
