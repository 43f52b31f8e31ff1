/** Writing flags: what a change would make of one, whether it may be so, and keeping it with its version and its fact. */
import { requires, type Who } from '@belay/access'
import { type Clock, sayCount } from '@belay/base'
import { nearest } from '@belay/cloudfile'
import type { Ledger } from '@belay/ledger'
import { type DiffLineWire, everyEnvironment } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import { type Book, channel } from './book.ts'
import { applyChange, type Change, contentOf, diffOf, sayChange, touched } from './model/change.ts'
import { checkFlag, type EnvironmentInfo, type Flag } from './model/flag.ts'
import { checkPrerequisites } from './model/prerequisites.ts'
import { flagProblem } from './problems.ts'
import * as rows from './store.ts'

/** Ten times what teams with the longest lists have; all of them are held in memory, at about 2 KB each. */
const flagsMax = 10_000
/** A fact takes 64 KB; a longer difference stands in the flag's own history. */
const diffInFactMaxChars = 20_000
/** The actor of what the program does by itself. */
export const self = 'belay'

export type Weighed = {
  readonly before: Flag
  readonly after: Flag
  readonly diff: DiffLineWire[]
  readonly says: string
  /** Where clients would be served something else. */
  readonly touches: readonly EnvironmentInfo[]
}
type Told = {
  readonly kind: string
  readonly says: string
  readonly reason: string | null
  readonly diff: DiffLineWire[]
  readonly data?: Record<string, unknown>
}

/** Flags by key: what is there, and in an import what will be. */
type Family = (key: string) => Flag | undefined
/** What else the same import brings. */
type Coming = { readonly also: Family; readonly segments: ReadonlySet<string> }
const nothing: Coming = { also: () => undefined, segments: new Set() }

/** All of it inside the transaction that is handed in. */
export type Writer = ReturnType<typeof openWriter>

export const isProduction = ({ kind }: EnvironmentInfo): boolean => kind === 'production'

export const unknownFlag = (key: string, book: Book) =>
  flagProblem('flag-unknown', { key, near: nearest(key, [...book.flags.keys()]) ?? null })

export function openWriter(it: { store: Store; ledger: Ledger; clock: Clock; book: Book; hasSegment: (key: string) => boolean }) {
  const { store, ledger, clock, book } = it
  /** What a flag has been told of an environment that is gone since keeps it from nothing. */
  const known = (segments: ReadonlySet<string>, before: Flag | undefined) => ({
    ladder: book.ladder,
    environments: [...book.environments.map(({ name }) => name), ...Object.keys(before?.settings ?? {})],
    segments: (key: string) => segments.has(key) || it.hasSegment(key),
  })

  /** The flag's prerequisites and theirs, as this transaction sees them. */
  async function familyOf(tx: Db, flag: Flag, also: Family): Promise<Family> {
    const family = new Map<string, Flag>()
    let ahead = flag.prerequisites.map((need) => need.flag)
    while (ahead.length > 0) {
      const key = ahead.pop() as string
      if (family.has(key) || key === flag.key) continue
      const other = (await rows.readFlag(tx, key)) ?? also(key)
      if (!other) continue
      family.set(key, other)
      ahead = [...ahead, ...other.prerequisites.map((need) => need.flag)]
    }
    return (key) => family.get(key)
  }

  async function check(tx: Db, flag: Flag, before: Flag | undefined, { also, segments }: Coming = nothing): Promise<void> {
    checkFlag(flag, known(segments, before))
    checkPrerequisites(flag, await familyOf(tx, flag, also))
    const lost = before ? Object.keys(before.variants).filter((variant) => !Object.hasOwn(flag.variants, variant)) : []
    if (flag.archivedAt === null && lost.length === 0) return
    const needing = (await rows.flagsSince(tx, 0)).filter(({ flag: other }) =>
      other.prerequisites.some((need) => need.flag === flag.key && (flag.archivedAt !== null || lost.includes(need.variant))),
    )
    if (needing.length > 0) throw flagProblem('flag-needed', { key: flag.key, by: needing.map(({ flag: other }) => other.key) })
  }

  /** Writes the flag, its version and the fact, and voids what was proposed on the version before. */
  async function commit(tx: Db, flag: Flag, told: Told): Promise<void> {
    const { kind, says, reason, diff } = told
    await rows.putFlag(tx, flag, await rows.nextRevision(tx), { says, reason, diff })
    const isLong = JSON.stringify(diff).length > diffInFactMaxChars
    await ledger.append(tx, {
      actor: flag.changedBy,
      kind,
      subject: `flag:${flag.key}`,
      says: reason === null ? says : `${says} (${reason})`,
      data: {
        version: flag.version,
        ...(isLong ? { diff: 'in the history of the flag', paths: diff.slice(0, 50).map((line) => line.path) } : { diff }),
        ...told.data,
      },
    })
    for (const proposal of await rows.listProposals(tx, { flag: flag.key, state: 'open', limit: 500 }))
      if (proposal.version !== flag.version)
        await rows.putProposal(tx, { ...proposal, state: 'void', decidedAt: flag.changedAt, decidedBy: self })
    store.signal(channel)
  }

  /** @throws Problem `flag-environment-unknown`: nobody would notice a kill of an environment that is not there. */
  function checkPlace(flag: Flag, change: Change): void {
    if (!('environment' in change) || change.environment === everyEnvironment) return
    const { environment } = change
    const names = book.environments.map(({ name }) => name)
    if (names.includes(environment) || flag.settings[environment] || flag.killed[environment]) return
    throw flagProblem('flag-environment-unknown', { environment, known: names })
  }

  /** What a change would make of the flag as it is in this transaction. */
  async function weigh(tx: Db, key: string, change: Change, by: string): Promise<Weighed> {
    const before = await rows.readFlag(tx, key)
    if (!before) throw unknownFlag(key, book)
    const wanted = change.do === 'revert' ? await rows.readVersion(tx, key, change.to) : undefined
    checkPlace(before, change)
    const after = applyChange(before, change, { at: clock.now(), by, versions: () => wanted })
    // Whatever else may be wrong with a flag, nothing keeps it from being killed.
    if (change.do !== 'kill') await check(tx, after, before)
    const diff = diffOf(before, after)
    return {
      before,
      after,
      diff,
      says: sayChange(after, change, book.ladder, diff),
      touches: touched(before, after, book.environments, book.ladder),
    }
  }

  async function refuseIfChanged(tx: Db, flag: Flag, version: number | undefined): Promise<void> {
    if (version === undefined || version === flag.version) return
    const [newest] = await rows.listVersions(tx, flag.key, undefined, 1)
    const since = await rows.readVersion(tx, flag.key, version)
    throw flagProblem('flag-changed', {
      key: flag.key,
      version,
      newest: flag.version,
      by: flag.changedBy,
      says: newest?.says ?? 'changed it',
      diff: since ? diffOf(since, flag) : (newest?.diff ?? []),
    })
  }

  async function create(tx: Db, flag: Flag, coming: Coming = nothing): Promise<void> {
    const there = await rows.readFlag(tx, flag.key)
    if (there) throw flagProblem('flag-key-taken', { key: flag.key, archived: there.archivedAt !== null })
    if ((await rows.countFlags(tx)) >= flagsMax) throw flagProblem('flags-too-many', { max: flagsMax })
    await check(tx, flag, undefined, coming)
    const served = flag.settings['*']?.defaultVariant
    await commit(tx, flag, {
      kind: 'flag.created',
      says: `made the flag ${flag.key} (${sayCount(Object.keys(flag.variants).length, 'variant')}, ${served ?? "the code's default"} to everybody)`,
      reason: null,
      diff: [],
      data: { flag: JSON.stringify(flag).length > diffInFactMaxChars ? null : contentOf(flag) },
    })
  }

  /** One flag of an import, as it should be: made, or brought to it. */
  async function putOne(
    tx: Db,
    wanted: Flag,
    who: Who,
    { from, also, segments = nothing.segments }: { from: string; also: Family; segments?: ReadonlySet<string> },
  ): Promise<'created' | 'updated' | 'same'> {
    const before = await rows.readFlag(tx, wanted.key)
    const now = clock.now()
    const stamp = { changedAt: now, changedBy: who.actor }
    if (!before) {
      const flag = { ...wanted, ...stamp, version: 1, createdAt: now, createdBy: who.actor }
      if (touched(undefined, flag, book.environments, book.ladder).some(isProduction)) requires(who, 'flag.production')
      await create(tx, flag, { also, segments })
      return 'created'
    }
    const { createdAt, createdBy, salt, bucketing } = before
    const after = { ...wanted, ...stamp, version: before.version + 1, createdAt, createdBy, salt, bucketing }
    const diff = diffOf(before, after)
    if (diff.length === 0) return 'same'
    await check(tx, after, before, { also, segments })
    const touches = touched(before, after, book.environments, book.ladder)
    if (touches.some(isProduction)) requires(who, 'flag.production')
    const asks = touches.find(({ approval }) => approval)
    if (asks)
      throw flagProblem('flag-invalid', {
        key: wanted.key,
        field: 'settings',
        because: `${asks.name} asks for a second person; change this flag by itself`,
      })
    await commit(tx, after, { kind: 'flag.changed', says: `brought ${wanted.key} to what ${from} says`, reason: null, diff })
    return 'updated'
  }

  return { commit, weigh, create, putOne, refuseIfChanged }
}

/** What a change asks of whoever makes it. @throws Problem `not-allowed`. */
export function requireFor(change: Change, touches: readonly EnvironmentInfo[], who: Who): void {
  if (change.do === 'kill' || change.do === 'restore') return requires(who, 'flag.kill')
  requires(who, 'flag.change')
  if (touches.some(isProduction)) requires(who, 'flag.production')
}

const factKinds: Partial<Record<Change['do'], string>> = {
  kill: 'flag.killed',
  restore: 'flag.restored',
  revert: 'flag.reverted',
  archive: 'flag.archived',
  unarchive: 'flag.unarchived',
}
export const factKind = (change: Change): string => factKinds[change.do] ?? 'flag.changed'
