import type { RingSpec } from '@belay/cloudfile'
import type { Ledger } from '@belay/ledger'
import type { newRingWire, RingWire } from '@belay/protocol'
import type { Db, Store } from '@belay/store'
import type { z } from 'zod'
import { type Book, channel } from './book.ts'
import { everybody, refsOf, type Ring, whyBadRule } from './model/flag.ts'
import { climbersOf, isNamed, mergeLadder } from './model/ladder.ts'
import { sayRule } from './model/say-rule.ts'
import { flagProblem } from './problems.ts'
import { flagsSince, nextRevision, readRings, replaceRings } from './store.ts'

/** With `all`; belay.yaml takes as many. */
const ringsMax = 13

export type Rings = {
  list(): RingWire[]
  /** Brings the ladder in step with belay.yaml. */
  sync(file: readonly RingSpec[], actor: string): Promise<void>
  /** @throws Problem `ring-taken`, `ring-unknown`, `ring-invalid`, `rings-too-many`. */
  create(ring: z.output<typeof newRingWire>, actor: string): Promise<RingWire>
  /** @throws Problem `ring-unknown`, `ring-of-file`, `ring-climbed`. */
  remove(name: string, actor: string): Promise<void>
}

export function openRings({ store, ledger, book }: { store: Store; ledger: Ledger; book: Book }): Rings {
  const view = (ring: Ring): RingWire => ({
    ...ring,
    where: ring.where as RingWire['where'],
    says: sayRing(ring),
    flags: climbersOf(ring.name, book.flags.values()),
  })
  const allFlags = async (tx: Db) => (await flagsSince(tx, 0)).map(({ flag }) => flag)
  const names = () => book.ladder.map((ring) => ring.name)

  async function put(tx: Db, rings: readonly Ring[]): Promise<void> {
    await replaceRings(tx, rings)
    await nextRevision(tx)
    store.signal(channel)
  }

  async function create(tx: Db, it: z.output<typeof newRingWire>, actor: string): Promise<void> {
    const rings = await readRings(tx)
    const refuse = (because: string) => flagProblem('ring-invalid', { name: it.name, because })
    if (it.name === everybody || rings.some((ring) => ring.name === it.name)) throw flagProblem('ring-taken', { name: it.name })
    if (rings.length + 1 >= ringsMax) throw flagProblem('rings-too-many', { max: ringsMax })
    if ((it.where === undefined) === (it.segment === undefined)) throw refuse('it needs a rule (where) or a segment, and not both')
    if (it.after === everybody) throw refuse(`${everybody} is the last ring; nobody would be left for one after it`)
    const at = it.after === null ? 0 : rings.findIndex((ring) => ring.name === it.after) + 1
    if (it.after !== null && at === 0) throw flagProblem('ring-unknown', { name: it.after, known: names() })
    const bad = it.where === undefined ? undefined : whyBadRule(it.where, 'where')
    if (bad) throw refuse(`${bad.field}: ${bad.because}`)
    if ([...refsOf(it.where ?? null)].some((ref) => !ref.startsWith('segment:')))
      throw refuse('its rule may refer to segments only (segment:KEY)')
    rings.splice(at, 0, { name: it.name, where: it.where ?? null, segment: it.segment ?? null, source: 'page' })
    await put(tx, rings)
    await ledger.append(tx, {
      actor,
      kind: 'ring.created',
      subject: `ring:${it.name}`,
      says: `put the ring ${it.name} on the ladder, ${it.after === null ? 'lowest' : `after ${it.after}`}`,
      data: { where: it.where ?? null, segment: it.segment ?? null, after: it.after },
    })
  }

  async function remove(tx: Db, name: string, actor: string): Promise<void> {
    const rings = await readRings(tx)
    const ring = rings.find((one) => one.name === name)
    if (name === everybody || ring?.source === 'file') throw flagProblem('ring-of-file', { name })
    if (!ring) throw flagProblem('ring-unknown', { name, known: names() })
    const flags = await allFlags(tx)
    if (isNamed(name, flags))
      throw flagProblem('ring-climbed', { name, by: flags.filter((flag) => isNamed(name, [flag])).map(({ key }) => key) })
    await put(
      tx,
      rings.filter((one) => one.name !== name),
    )
    await ledger.append(tx, { actor, kind: 'ring.removed', subject: `ring:${name}`, says: `took the ring ${name} off the ladder` })
  }

  async function sync(tx: Db, file: readonly RingSpec[], actor: string): Promise<void> {
    const before = await readRings(tx)
    const flags = await allFlags(tx)
    const after = mergeLadder(before, file, (ring) => isNamed(ring, flags))
    if (JSON.stringify(before) === JSON.stringify(after)) return
    await put(tx, after)
    const gone = after.filter((ring) => ring.source === 'gone').map(({ name }) => name)
    await ledger.append(tx, {
      actor,
      kind: 'ring.ladder-read',
      subject: 'ring:ladder',
      says: `read the ladder from belay.yaml: ${[...after.map(({ name }) => name), everybody].join(', ')}${gone.length === 0 ? '' : `; ${gone.join(', ')} left the file and ${gone.length === 1 ? 'stays' : 'stay'} while flags climb ${gone.length === 1 ? 'it' : 'them'}`}`,
      data: { rings: after.map(({ name, source }) => ({ name, source })) },
    })
  }

  return {
    list: () => book.ladder.map(view),
    async sync(file, actor) {
      await store.write((tx) => sync(tx, file, actor))
      await book.refresh()
    },
    async create(ring, actor) {
      await store.write((tx) => create(tx, ring, actor))
      await book.refresh()
      return view(book.ladder.find(({ name }) => name === ring.name) as Ring)
    },
    async remove(name, actor) {
      await store.write((tx) => remove(tx, name, actor))
      await book.refresh()
    },
  }
}

/** Who is in a ring, as people say it where the rule is of a usual form. */
export function sayRing({ name, where, segment }: Pick<Ring, 'name' | 'where' | 'segment'>): string {
  if (name === everybody) return 'everybody'
  if (segment !== null) return `who is in the segment ${segment}`
  return sayRule(where)
}
