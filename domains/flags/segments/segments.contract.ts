/** What segments promise, run on each database. */
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { handClock, Problem } from '@belay/base'
import { type Ledger, ledgerMigrations, openLedger } from '@belay/ledger'
import { type Migrations, openStore, type Store } from '@belay/store'
import { eventually, type StorePlace } from '@belay/testkit'
import { sql } from 'kysely'
import { afterAll, expect, test } from 'vitest'
import { openSegments } from './segments.ts'
import { segmentMigrations } from './store.ts'
import type { Segments, SegmentsOptionsUse } from './types.ts'

export type SegmentsBench = {
  readonly store: Store
  readonly ledger: Ledger
  readonly clock: ReturnType<typeof handClock>
  readonly segments: Segments
  /** What flags and rings answer; tests write into it. */
  readonly uses: Map<string, string[]>
  readonly production: Set<string>
  /** What onChange told. */
  readonly news: { key: string; kind: 'rule' | 'list' }[][]
  /** Another server of the same database, loaded. */
  neighbour(): Promise<SegmentsBench>
}

/** Counts the changes that those who serve flags were told of, in their transactions. */
const servedMigrations: Migrations = {
  domain: 'served',
  steps: { '001-served': async (db) => void (await sql`create table served (number integer not null)`.execute(db)) },
}

export async function openBench(place: StorePlace, opened: Store[], clock = handClock()): Promise<SegmentsBench> {
  const store = await openStore(place)
  opened.push(store)
  await store.migrate([ledgerMigrations, segmentMigrations, servedMigrations])
  const ledger = openLedger({ store, clock })
  const uses = new Map<string, string[]>()
  const production = new Set<string>()
  const use: SegmentsOptionsUse = {
    usedBy: (segment) => uses.get(segment) ?? [],
    inProduction: (segment) => production.has(segment),
    changed: async (tx) => void (await sql`insert into served (number) values (1)`.execute(tx)),
    checkRule: (rule) => {
      if (JSON.stringify(rule).length > 200_000) throw new Problem('rule-too-large', 413, 'The rule is too large.')
    },
  }
  const segments = openSegments({ store, ledger, clock, use })
  await segments.load()
  const news: SegmentsBench['news'] = []
  segments.onChange((changed) => news.push([...changed]))
  return { store, ledger, clock, segments, uses, production, news, neighbour: () => openBench(place, opened, clock) }
}

const upload = (keys: Iterable<string>): Readable => Readable.from([Buffer.from([...keys].join('\n'))])
const users = (count: number, from = 0) => Array.from({ length: count }, (_, nth) => `user-${from + nth}`)
const list = (key: string, keys?: string[]) => ({ key, description: '', by: 'targetingKey', keys })
const rule = (key: string, it: unknown) => ({ key, description: '', by: 'targetingKey', rule: it as never })
const soon = (check: () => boolean) => eventually(check, { withinMs: 5_000 })
const downloaded = async (segments: Segments, key: string) => (await text(await segments.download(key))).split('\n').filter(Boolean).sort()

export function segmentsKeepTheirPromises(newDatabase: () => Promise<StorePlace>): void {
  const opened: Store[] = []
  afterAll(async () => {
    await Promise.all(opened.map((store) => store.close()))
  })
  const open = async () => openBench(await newDatabase(), opened)
  const lastFact = async ({ ledger }: SegmentsBench) => (await ledger.list({ kind: 'segment.', limit: 1 })).facts[0]
  const chunkCount = async (store: Store) =>
    (await sql<{ count: number }>`select count(*) as count from segment_chunk`.execute(store.read)).rows[0]?.count

  test('a list answers for its keys at once, and the ledger tells who made it', async () => {
    const it = await open()
    const made = await it.segments.create({ ...list('beta', ['ann', 'bob', 'ann']), description: 'who asked for it' }, 'ada')
    expect(made).toEqual({
      key: 'beta',
      description: 'who asked for it',
      kind: 'list',
      rule: null,
      by: 'targetingKey',
      size: 2,
      version: 1,
      changedAt: it.clock.now(),
      changedBy: 'ada',
      usedBy: [],
    })
    expect(['ann', 'bob', 'carl', '', '__proto__'].map((key) => it.segments.inSegment('beta', key))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    expect(it.segments.inSegment('gamma', 'ann')).toBeUndefined()
    expect(it.segments.evaluators()).toEqual({ 'segment:beta': { in_segment: ['beta', { var: 'targetingKey' }] } })
    expect(it.news).toEqual([[{ key: 'beta', kind: 'list' }]])
    expect(await lastFact(it)).toMatchObject({
      actor: 'ada',
      kind: 'segment.created',
      subject: 'segment:beta',
      says: 'made the segment beta, a list of 2 keys',
      data: { version: 1, added: { count: 2, keys: ['ann', 'bob'] } },
    })
  })

  test('keys come and go, and a change that changes nothing is none', async () => {
    const it = await open()
    await it.segments.create(list('beta', ['ann', 'bob']), 'ada')
    const changed = await it.segments.change('beta', { add: ['carl', 'ann'], remove: ['bob', 'nobody'], reason: 'asked for' }, 'ben')
    expect(changed).toMatchObject({ size: 2, version: 2, changedBy: 'ben' })
    expect(['ann', 'bob', 'carl'].map((key) => it.segments.inSegment('beta', key))).toEqual([true, false, true])
    const fact = await lastFact(it)
    expect(fact).toMatchObject({
      kind: 'segment.changed',
      says: 'changed segment beta: 1 key added and 1 key removed, 2 now',
      data: { version: 2, added: { count: 1, keys: ['carl'] }, removed: { count: 1, keys: ['bob'] }, reason: 'asked for' },
    })
    expect(fact?.data.diff).toEqual([{ path: 'content', before: expect.any(String), after: expect.any(String) }])
    expect(await it.segments.change('beta', { add: ['ann'], remove: ['bob'], description: '' }, 'ben')).toEqual(changed)
    expect((await it.ledger.list({ kind: 'segment.' })).facts).toHaveLength(2)
    expect((await sql`select * from served`.execute(it.store.read)).rows).toHaveLength(2)
  })

  test('equal lists have equal content hashes, by whatever way they came about', async () => {
    const it = await open()
    const hashOf = async () => {
      const diff = (await lastFact(it))?.data.diff as { path: string; after: unknown }[]
      return diff.find(({ path }) => path === 'content')?.after
    }
    await it.segments.create(list('one', users(1_000)), 'ada')
    await it.segments.change('one', { remove: users(500) }, 'ada')
    const one = await hashOf()
    await it.segments.create(list('two'), 'ada')
    await it.segments.replace('two', upload(users(500, 500).reverse()), undefined, 'ada')
    expect(await hashOf()).toBe(one)
  })

  test('whoever changes an older version is told what the other did', async () => {
    const it = await open()
    await it.segments.create(list('beta', ['ann']), 'ada')
    await it.segments.change('beta', { version: 1, add: ['bob'] }, 'ben')
    const refused = {
      code: 'segment-changed',
      status: 409,
      message: expect.stringContaining('ben changed segment beta: 1 key added, 2 now (version 2).'),
      facts: { yours: 1, now: 2, changes: [{ version: 2, actor: 'ben', data: { added: { keys: ['bob'] } } }] },
    }
    await expect(it.segments.change('beta', { version: 1, add: ['carl'] }, 'ada')).rejects.toMatchObject(refused)
    await expect(it.segments.replace('beta', upload(['carl']), 1, 'ada')).rejects.toMatchObject(refused)
    expect(await downloaded(it.segments, 'beta')).toEqual(['ann', 'bob'])
    expect(await it.segments.change('beta', { version: 2, add: ['carl'] }, 'ada')).toMatchObject({ version: 3 })
  })

  test('of many who add keys at once nobody overwrites another', async () => {
    const it = await open()
    await it.segments.create(list('beta', users(2_000)), 'ada')
    const other = await it.neighbour()
    const adding = Array.from({ length: 20 }, (_, nth) =>
      (nth % 2 === 0 ? it : other).segments.change('beta', { add: [`new-${nth}`], remove: [`user-${nth}`] }, `person-${nth}`),
    )
    await Promise.all(adding)
    const expected = [...users(1_980, 20), ...Array.from({ length: 20 }, (_, nth) => `new-${nth}`)].sort()
    expect(await downloaded(it.segments, 'beta')).toEqual(expected)
    for (const { segments } of [it, other]) {
      await soon(
        () => expected.every((key) => segments.inSegment('beta', key)) && users(20).every((key) => !segments.inSegment('beta', key)),
      )
    }
  })

  test('a rule stands under its name, and may lean on other segments but not on itself', async () => {
    const it = await open()
    const staff = { ends_with: [{ var: 'email' }, '@example.test'] }
    await it.segments.create(rule('staff', staff), 'ada')
    await it.segments.create(rule('a', { or: [{ $ref: 'segment:staff' }, true] }), 'ada')
    await it.segments.create(rule('b', { $ref: 'segment:a' }), 'ada')
    expect(it.segments.evaluators()).toEqual({
      'segment:a': { or: [{ $ref: 'segment:staff' }, true] },
      'segment:b': { $ref: 'segment:a' },
      'segment:staff': staff,
    })
    await expect(it.segments.change('staff', { rule: { and: [{ $ref: 'segment:b' }] } }, 'ada')).rejects.toMatchObject({
      code: 'segment-cycle',
      status: 422,
      message: expect.stringContaining('staff -> b -> a -> staff'),
    })
    await expect(it.segments.create(rule('c', { $ref: 'segment:staf' }), 'ada')).rejects.toMatchObject({
      code: 'segment-ref-unknown',
      message: expect.stringContaining('Did you mean staff?'),
    })
    await expect(it.segments.create(rule('c', { $ref: 'ring:qa' }), 'ada')).rejects.toMatchObject({ code: 'segment-ref-unknown' })
    await expect(it.segments.create(rule('c', 'x'.repeat(200_001)), 'ada')).rejects.toMatchObject({ code: 'rule-too-large' })
    await it.segments.change('staff', { rule: { $ref: 'segment:staff2' } }, 'ada').catch(() => {})
    expect((await it.segments.show('staff')).segment).toMatchObject({ version: 1, kind: 'rule', rule: staff, usedBy: ['segment:a'] })
    await it.segments.change('staff', { rule: true, description: 'everybody' }, 'ada')
    expect(await lastFact(it)).toMatchObject({
      says: 'changed segment staff: its rule; its description',
      data: { diff: [{ path: 'description' }, { path: 'rule', before: staff, after: true }] },
    })
  })

  test('a rule that is too long for a fact stands there as its hash', async () => {
    const it = await open()
    const keys = users(9_000)
    await it.segments.create(rule('many', { in: [{ var: 'plan' }, keys] }), 'ada')
    expect(await lastFact(it)).toMatchObject({
      data: { diff: expect.arrayContaining([{ path: 'rule', after: { sha256: expect.any(String), bytes: expect.any(Number) } }]) },
    })
    const long = users(10_000).map((key) => key.padEnd(490, 'x'))
    await it.segments.create(list('long', long), 'ada')
    expect((await lastFact(it))?.data.added).toMatchObject({
      count: 10_000,
      keys: expect.toSatisfy((told: string[]) => told.length === 25),
    })
    expect(await it.segments.change('long', { remove: long.slice(1) }, 'ada')).toMatchObject({ size: 1 })
    expect(await downloaded(it.segments, 'long')).toEqual(long.slice(0, 1))
  })

  test('a segment that something uses stays; one that nothing uses goes, with all its keys', async () => {
    const it = await open()
    await it.segments.create(list('beta', users(3_000)), 'ada')
    await it.segments.create(rule('wider', { or: [{ in_segment: ['beta', { var: 'account' }] }] }), 'ada')
    it.uses.set('beta', ['flag:checkout'])
    await expect(it.segments.remove('beta', 'ada')).rejects.toMatchObject({
      code: 'segment-in-use',
      status: 409,
      facts: { usedBy: ['flag:checkout', 'segment:wider'] },
    })
    it.uses.clear()
    await it.segments.remove('wider', 'ada')
    await it.segments.remove('beta', 'ada')
    expect(it.segments.inSegment('beta', 'user-1')).toBeUndefined()
    expect(it.segments.evaluators()).toEqual({})
    expect(it.news.at(-1)).toEqual([{ key: 'beta', kind: 'list' }])
    expect(await chunkCount(it.store)).toBe(0)
    expect(await lastFact(it)).toMatchObject({ kind: 'segment.removed', says: 'removed the segment beta', subject: 'segment:beta' })
    await expect(it.segments.remove('beta', 'ada')).rejects.toMatchObject({ code: 'unknown-segment', status: 404 })
    await it.segments.create(list('beta'), 'ada')
    expect(it.segments.inSegment('beta', 'user-1')).toBe(false)
  })

  test('production leans on a segment through others, too', async () => {
    const it = await open()
    await it.segments.create(list('beta'), 'ada')
    await it.segments.create(rule('wider', { in_segment: ['beta', { var: 'account' }] }), 'ada')
    await it.segments.create(rule('widest', { $ref: 'segment:wider' }), 'ada')
    expect(it.segments.inProduction('beta')).toBe(false)
    it.production.add('widest')
    expect(['beta', 'wider', 'widest', 'other'].map(it.segments.inProduction)).toEqual([true, true, true, false])
  })

  test('an uploaded list takes the place of the old one at once, and nothing of the old one is left', async () => {
    const it = await open()
    await it.segments.create(list('beta', users(5_000)), 'ada')
    const before = await chunkCount(it.store)
    const replaced = await it.segments.replace('beta', upload(users(5_000, 100)), 1, 'ben')
    expect(replaced).toMatchObject({ size: 5_000, version: 2, changedBy: 'ben' })
    expect(['user-99', 'user-100', 'user-5099'].map((key) => it.segments.inSegment('beta', key))).toEqual([false, true, true])
    expect(await chunkCount(it.store)).toBe(before)
    const fact = await lastFact(it)
    expect(fact?.says).toBe('replaced the list beta: 100 keys added and 100 removed, 5,000 now')
    for (const [kind, from] of [
      ['added', 5_000],
      ['removed', 0],
    ] as const) {
      const told = fact?.data[kind] as { count: number; keys: string[] }
      expect(told.count).toBe(100)
      expect(told.keys.sort()).toEqual(users(100, from).sort())
    }
    expect(await it.segments.replace('beta', upload(users(5_000, 100).reverse()), undefined, 'ben')).toEqual(replaced)
    expect(await downloaded(it.segments, 'beta')).toEqual(users(5_000, 100).sort())
  })

  test('an upload that is refused changes nothing', async () => {
    const it = await open()
    await it.segments.create(list('beta', ['ann']), 'ada')
    await it.segments.create(rule('staff', true), 'ada')
    await expect(it.segments.replace('beta', upload(['bob', 'x'.repeat(501)]), undefined, 'ada')).rejects.toMatchObject({
      code: 'segment-bad-line',
      facts: { line: 2 },
    })
    await expect(it.segments.replace('staff', upload(['bob']), undefined, 'ada')).rejects.toMatchObject({ code: 'segment-not-a-list' })
    await expect(it.segments.replace('nobody', upload(['bob']), undefined, 'ada')).rejects.toMatchObject({ code: 'unknown-segment' })
    const broken = Readable.from(
      (async function* () {
        yield 'bob\n'
        throw new Error('the client went away')
      })(),
    )
    await expect(it.segments.replace('beta', broken, undefined, 'ada')).rejects.toThrow('the client went away')
    expect(await downloaded(it.segments, 'beta')).toEqual(['ann'])
    expect((await it.segments.show('beta')).segment.version).toBe(1)
  })

  test('keys that are added while an upload is written are replaced with the rest, or refuse the upload that named its version', async () => {
    const it = await open()
    await it.segments.create(list('beta', users(1_000)), 'ada')
    const racing = async (version: number | undefined) => {
      const replacing = it.segments.replace('beta', upload(users(30_000, version ?? 0)), version, 'ben')
      const adding = it.segments.change('beta', { add: [`late-${version}`] }, 'ada')
      return await Promise.allSettled([replacing, adding])
    }
    expect(await racing(undefined)).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
    const { segment } = await it.segments.show('beta')
    expect(segment.size).toBe(await downloaded(it.segments, 'beta').then((keys) => keys.length))
    const [replaced] = await racing(segment.version)
    if (replaced.status === 'rejected') expect(replaced.reason).toMatchObject({ code: 'segment-changed' })
    expect((await it.ledger.verify()).whole).toBe(true)
  })

  test('what an interrupted upload left is cleared away at the next start, and the list is as it was', async () => {
    const it = await open()
    await it.segments.create(list('beta', ['ann']), 'ada')
    // What stands there after a kill in the middle: a list that no segment points to, with its first chunks.
    await it.store.write(async (tx) => {
      await sql`insert into segment_leftover (list, touched_at) values (900, ${it.clock.now()})`.execute(tx)
      for (let chunk = 0; chunk < 300; chunk++)
        await sql`insert into segment_chunk (list, chunk, revision, hash, keys) values (900, ${chunk}, 900, 'x', ${`key-${chunk}`})`.execute(
          tx,
        )
    })
    const early = await it.neighbour()
    expect(await chunkCount(it.store)).toBe(301)
    expect(early.segments.inSegment('beta', 'ann')).toBe(true)
    it.clock.set(it.clock.now() + 61_000)
    const late = await it.neighbour()
    expect(await chunkCount(it.store)).toBe(1)
    expect([late.segments.inSegment('beta', 'ann'), late.segments.inSegment('beta', 'key-1')]).toEqual([true, false])
  })

  test('other servers answer alike a moment later, and read only what changed', async () => {
    const it = await open()
    await it.segments.create(list('beta', users(10_000)), 'ada')
    await it.segments.create(rule('staff', true), 'ada')
    const other = await it.neighbour()
    expect(other.segments.inSegment('beta', 'user-9999')).toBe(true)
    await it.segments.change('beta', { add: ['newcomer'], remove: ['user-7'] }, 'ada')
    const answers = (keys: string[], expected: boolean[]) =>
      soon(() => keys.every((key, nth) => other.segments.inSegment('beta', key) === expected[nth]))
    await answers(['newcomer', 'user-7', 'user-8'], [true, false, true])
    expect(other.news).toEqual([[{ key: 'beta', kind: 'list' }]])
    await it.segments.replace('beta', upload(['only']), undefined, 'ada')
    await answers(['only', 'newcomer'], [true, false])
    await it.segments.remove('staff', 'ada')
    await soon(() => other.segments.evaluators()['segment:staff'] === undefined)
    expect(await other.segments.list({ limit: 10 })).toMatchObject({ total: 1, segments: [{ key: 'beta', size: 1 }] })
  })

  test('which lists each key is in is answered for many at once', async () => {
    const it = await open()
    await it.segments.create(list('beta', ['ann', '__proto__']), 'ada')
    await it.segments.create(list('alpha', ['ann', 'bob']), 'ada')
    await it.segments.create(rule('staff', true), 'ada')
    const members = it.segments.memberships(['ann', 'bob', 'carl', '__proto__', 'constructor'])
    expect(Object.entries(members)).toEqual([
      ['ann', ['alpha', 'beta']],
      ['bob', ['alpha']],
      ['carl', []],
      ['__proto__', ['beta']],
      ['constructor', []],
    ])
  })

  test('segments are listed by key, page by page, and found by words', async () => {
    const it = await open()
    for (const key of ['b', 'a', 'c'])
      await it.segments.create({ ...list(key), description: `for ${key === 'c' ? 'Accounts' : key}` }, 'ada')
    const first = await it.segments.list({ limit: 2 })
    expect([first.segments.map(({ key }) => key), first.total, first.more]).toEqual([['a', 'b'], 3, true])
    expect(await it.segments.list({ limit: 2, after: 'b' })).toMatchObject({ segments: [{ key: 'c' }], total: 3, more: false })
    expect((await it.segments.list({ limit: 9, text: 'account' })).segments.map(({ key }) => key)).toEqual(['c'])
    await expect(it.segments.show('d')).rejects.toMatchObject({ code: 'unknown-segment' })
  })

  test('of a list some keys are shown, those that contain the words asked for', async () => {
    const it = await open()
    await it.segments.create(list('beta', users(3_000)), 'ada')
    const all = await it.segments.show('beta')
    expect([all.keys.length, all.more]).toEqual([100, true])
    expect(await it.segments.show('beta', 'USER-299')).toMatchObject({ keys: ['user-299', ...users(10, 2990)], more: false })
    await it.segments.create(rule('staff', true), 'ada')
    expect(await it.segments.show('staff')).toMatchObject({ keys: [], more: false })
    await expect(it.segments.download('staff')).rejects.toMatchObject({ code: 'segment-not-a-list' })
  })

  test.each<[story: string, ask: (segments: Segments) => Promise<unknown>, code: string]>([
    ['a key that names nothing', (it) => it.create(list('no spaces'), 'ada'), 'segment-key-invalid'],
    ['a name of JavaScript', (it) => it.create(list('__proto__'), 'ada'), 'segment-key-invalid'],
    ['a key that is taken', (it) => it.create(list('beta'), 'ada'), 'segment-key-taken'],
    ['a rule and keys', (it) => it.create({ ...list('x', []), rule: true }, 'ada'), 'segment-rule-or-keys'],
    ['a key of two lines', (it) => it.create(list('x', ['a\nb']), 'ada'), 'segment-bad-key'],
    ['a zero in a key', (it) => it.change('beta', { add: ['a\0'] }, 'ada'), 'segment-bad-key'],
    ['half a character', (it) => it.change('beta', { add: ['\ud83e'] }, 'ada'), 'segment-bad-key'],
    ['a blank key', (it) => it.change('beta', { remove: [' '] }, 'ada'), 'segment-bad-key'],
    ['a long key', (it) => it.change('beta', { add: ['ä'.repeat(251)] }, 'ada'), 'segment-bad-key'],
    ['too many keys', (it) => it.change('beta', { add: users(10_001) }, 'ada'), 'segment-too-many-at-once'],
    ['keys for a rule', (it) => it.change('staff', { add: ['ann'] }, 'ada'), 'segment-not-a-list'],
    ['a rule for a list', (it) => it.change('beta', { rule: true }, 'ada'), 'segment-not-a-rule'],
    ['a change of nothing', (it) => it.change('nobody', { add: [] }, 'ada'), 'unknown-segment'],
  ])('%s is refused', async (_story, ask, code) => {
    refusing ??= (async () => {
      const it = await open()
      await it.segments.create(list('beta', ['ann']), 'ada')
      await it.segments.create(rule('staff', true), 'ada')
      return it.segments
    })()
    await expect(ask(await refusing)).rejects.toMatchObject({ name: 'Problem', code })
  })
  let refusing: Promise<Segments> | undefined
}
