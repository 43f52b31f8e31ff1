/** What services, and this server itself, tell of evaluations: taken once, kept for a while, added up. */
import { randomUUID } from 'node:crypto'
import { type Clock, sayCount } from '@belay/base'
import type { FlagCountsWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import { codeDefault, type Folded, foldReport, minuteOf, stepOf } from './fold.ts'
import { openGathering } from './gathering.ts'
import { dayMs, eventNamesMax, flagsMax, minuteMs, unitsMax, variantsMax } from './limits.ts'
import { type Bounds, sweepReports } from './retention.ts'
import {
  addCounts,
  addEvents,
  addExposures,
  countsOf,
  crossingsOf,
  eventNumbers,
  flagNumbers,
  lastEvaluations,
  putBatch,
  variantRows,
  variantsOf,
} from './store.ts'
import type { Crossing, Reports } from './types.ts'

export type ReportsOptions = {
  readonly store: Store
  readonly clock: Clock
  /** For tests, which do not store millions. */
  readonly bounds?: Bounds
}
type Batch = { readonly environment: string; readonly source: string; readonly batch: number; readonly takenAt: number }

/** Other servers' evaluations are looked up this often: stale flags are a matter of days. */
const lookEveryMs = minuteMs

export function openReports({ store, clock, bounds }: ReportsOptions): Reports {
  const gathering = openGathering()
  const lastAt = new Map<string, number>()
  /** What this server sends itself, like any service: a write whose outcome is unknown is repeated and counts once. */
  const source = `belay-${randomUUID()}`
  let batchCount = 0
  let outbox: { batch: Batch; folded: Folded }[] = []
  let flushing: Promise<void> = Promise.resolve()
  let lookedAt = 0
  let forgotAt = clock.now()

  const note = (flag: string, at: number) => {
    if (at > (lastAt.get(flag) ?? 0)) lastAt.set(flag, at)
  }
  async function load(): Promise<void> {
    lookedAt = clock.now()
    for (const { flag, at } of await lastEvaluations(store.read)) note(flag, at)
  }

  async function write(batch: Batch, folded: Folded): Promise<{ counted: boolean; dropped: number }> {
    const result = await store.write((tx) => putReport(tx, batch, folded))
    if (result.counted) for (const { flag, at } of folded.counts) note(flag, at)
    return result
  }

  function fillOutbox(): void {
    const takenAt = clock.now()
    outbox = gathering.drain().map(({ environment, report }) => ({
      batch: { environment, source, batch: ++batchCount, takenAt },
      folded: foldReport({ ...report, events: [] }, takenAt),
    }))
    const lost = gathering.takeLost()
    if (lost > 0) process.emitWarning(`${sayCount(lost, 'evaluation')} of flags found no room in memory and were not counted`)
  }
  async function writeOutbox(): Promise<void> {
    for (let next = outbox[0]; next; next = outbox[0]) {
      await write(next.batch, next.folded)
      outbox.shift()
    }
  }
  async function flushNow(): Promise<void> {
    // First what an earlier flush could not write, as the same batches.
    await writeOutbox()
    fillOutbox()
    await writeOutbox()
    if (clock.now() - lookedAt >= lookEveryMs) await load()
  }

  async function counts({ flag, environment, forMs }: Parameters<Reports['counts']>[0]): Promise<FlagCountsWire> {
    const stepMs = stepOf(forMs)
    const since = clock.now() - forMs
    const sinceAt = since - (since % stepMs)
    const variants = await variantsOf(store.read, environment, flag)
    const found =
      variants.length === 0
        ? []
        : await countsOf(
            store.read,
            variants.map(({ id }) => id),
            sinceAt,
            stepMs,
          )
    const nameOf = new Map(variants.map(({ id, variant }) => [id, wireVariant(variant)]))
    const sums = new Map<number, number>()
    for (const { variant_id, count } of found) sums.set(variant_id, (sums.get(variant_id) ?? 0) + count)
    return {
      environment,
      sinceAt,
      stepMs,
      points: found
        .map(({ variant_id, at, count }) => ({ at, variant: nameOf.get(variant_id) ?? null, count }))
        .sort((a, b) => a.at - b.at || ((a.variant ?? '') < (b.variant ?? '') ? -1 : 1)),
      totals: variants
        .map(({ id, variant, units }) => ({ variant: wireVariant(variant), count: sums.get(id) ?? 0, units }))
        .filter(({ count, units }) => count > 0 || units > 0),
    }
  }

  return {
    load,
    take(environment, report) {
      const takenAt = clock.now()
      return write({ environment, source: report.source, batch: report.batch, takenAt }, foldReport(report, takenAt))
    },
    evaluated(environment, flag, variant, count) {
      const nowMs = clock.now()
      gathering.evaluated(environment, flag, variant, count, nowMs)
      note(flag, minuteOf(nowMs))
    },
    exposed: (environment, flag, variant, unit) => gathering.exposed(environment, flag, variant, unit, clock.now()),
    flush() {
      const work = flushing.then(flushNow)
      flushing = work.catch(() => {})
      return work
    },
    counts,
    async crossings({ flag, environment, limit }) {
      const variants = await variantsOf(store.read, environment, flag)
      const reported = variants[0]?.reported
      if (reported === undefined) return { units: 0, some: [] }
      const { units, rows } = await crossingsOf(store.read, reported, limit)
      const nameOf = new Map(variants.map(({ id, variant }) => [id, variant]))
      const some = new Map<string, Crossing['variants'][number][]>()
      for (const { unit, variant_id, first_at } of rows) {
        some.set(unit, [...(some.get(unit) ?? []), { variant: nameOf.get(variant_id) ?? '', at: first_at }])
      }
      return { units, some: [...some].map(([unit, met]) => ({ unit, variants: met })) }
    },
    lastEvaluatedAt: (flag) => lastAt.get(flag) ?? null,
    async sweep() {
      await sweepReports(store, clock.now(), bounds)
      if (clock.now() - forgotAt < dayMs) return
      forgotAt = clock.now()
      gathering.forgetExposed()
    },
  }
}

const wireVariant = (stored: string): string | null => (stored === codeDefault ? null : stored)

/** Stores a report, once, in the transaction. */
async function putReport(tx: Db, batch: Batch, folded: Folded): Promise<{ counted: boolean; dropped: number }> {
  if (!(await putBatch(tx, batch))) return { counted: false, dropped: 0 }
  let { dropped } = folded
  const flagAt = new Map<string, number>()
  for (const { flag, at } of [...folded.counts, ...folded.exposures]) flagAt.set(flag, Math.max(minuteOf(at), flagAt.get(flag) ?? 0))
  const flags = await flagNumbers(tx, batch.environment, named(flagAt), flagsMax)

  const wanted = new Map<string, { reported: number; variant: string }>()
  for (const { flag, variant } of [...folded.counts, ...folded.exposures]) {
    const reported = flags.get(flag)
    if (reported !== undefined) wanted.set(keyOf(reported, variant), { reported, variant })
  }
  const variants = new Map((await variantRows(tx, [...wanted.values()], variantsMax)).map((row) => [keyOf(row.reported, row.variant), row]))
  const variantOf = (it: { flag: string; variant: string }) => variants.get(keyOf(flags.get(it.flag) ?? -1, it.variant))

  const counts = folded.counts.flatMap((it) => {
    const row = variantOf(it)
    return row ? [{ variant_id: row.id, at: it.at, count: it.count }] : []
  })
  const exposures = folded.exposures.flatMap((it) => {
    const row = variantOf(it)
    return row && row.units < unitsMax ? [{ reported: row.reported, unit: it.unit, variant_id: row.id, at: it.at }] : []
  })
  await addCounts(tx, counts)
  await addExposures(tx, exposures)

  const eventAt = new Map<string, number>()
  for (const { name, at } of folded.events) eventAt.set(name, Math.max(at, eventAt.get(name) ?? 0))
  const names = await eventNumbers(tx, batch.environment, named(eventAt), eventNamesMax)
  const events = folded.events.flatMap(({ name, ...it }) => {
    const name_id = names.get(name)
    return name_id === undefined ? [] : [{ name_id, ...it }]
  })
  await addEvents(tx, events)
  dropped += folded.counts.length - counts.length + folded.exposures.length - exposures.length + folded.events.length - events.length
  return { counted: true, dropped }
}

const keyOf = (reported: number, variant: string): string => `${reported}\0${variant}`
const named = (at: ReadonlyMap<string, number>) => [...at].map(([name, time]) => ({ name, at: time }))
