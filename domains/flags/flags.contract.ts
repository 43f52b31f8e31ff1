/** What flags promise, run on each database that there is. */
import { openStore, type Store } from '@belay/store'
import { eventually } from '@belay/testkit'
import { afterEach, describe, expect, test } from 'vitest'
import { ann, bob, dev, type FlagsBench, guarded, makeFlags, places, refusal } from './fixtures.ts'

const tester = { targetingKey: 't', role: 'tester' }
const employee = { targetingKey: 'e', email: 'e@example.com' }
const early = { targetingKey: 'x', early: true }
const visitor = { targetingKey: 'v' }
const onTo = (ring: string, percent = 100) => ({ serve: { on: 1 }, ring, percent })

export function flagsKeepTheirPromises(newStore: () => Promise<Store>, newDatabase: () => Promise<Parameters<typeof openStore>[0]>): void {
  const benches: FlagsBench[] = []
  afterEach(async () => {
    for (const { flags } of benches.splice(0)) await flags.close()
  })
  const benchOn = async (store: Store, it?: Parameters<typeof makeFlags>[1]): Promise<FlagsBench> => {
    const bench = await makeFlags(store, it)
    benches.push(bench)
    return bench
  }
  const bench = async (it?: Parameters<typeof makeFlags>[1]) => benchOn(await newStore(), it)

  describe('a flag', () => {
    test('begins enabled, with its default for everybody, and is served at once', async () => {
      const { make, gets, facts } = await bench()
      const flag = await make({ key: 'inline-comments', owner: 'docs' })
      expect(flag).toMatchObject({
        variants: { on: true, off: false },
        salt: 'inline-comments',
        bucketing: 2,
        version: 1,
        createdBy: 'ann',
      })
      expect(gets('inline-comments', visitor)).toBe('off')
      expect(await facts()).toMatchObject([
        { kind: 'ring.ladder-read' },
        {
          kind: 'flag.created',
          actor: 'ann',
          subject: 'flag:inline-comments',
          says: 'made the flag inline-comments (2 variants, off to everybody)',
        },
      ])
    })

    test('climbs the rings: whoever is in a lower ring keeps it', async () => {
      const { make, change, gets } = await bench()
      await make({ key: 'f' })
      const reached: string[] = []
      for (const ring of ['qa', 'staff', 'early-access', 'all']) {
        await change('f', { do: 'expose', exposure: onTo(ring) })
        reached.push([tester, employee, early, visitor].map((who) => (gets('f', who) === 'on' ? '1' : '0')).join(''))
      }
      expect(reached).toEqual(['1000', '1100', '1110', '1111'])
    })

    test('reaches a share of a ring, and grows without anybody leaving', async () => {
      const { make, change, gets } = await bench()
      await make({ key: 'f' })
      const people = Array.from({ length: 2_000 }, (_, n) => ({ targetingKey: `u${n}` }))
      const within = async (percent: number) => {
        await change('f', { do: 'expose', exposure: onTo('all', percent) })
        return people.filter((who) => gets('f', who) === 'on').map((who) => who.targetingKey)
      }
      const [few, more] = [await within(10), await within(50)]
      expect(few.length).toBeGreaterThan(150)
      expect(few.length).toBeLessThan(250)
      expect(more).toEqual(expect.arrayContaining(few))
      expect(gets('f', {})).toBe('TARGETING_KEY_MISSING')
    })

    test('has a setting of its own in an environment until it inherits again', async () => {
      const { make, change, gets, flags } = await bench()
      await make({ key: 'f' })
      await change('f', { do: 'expose', environment: 'qa', exposure: onTo('all') })
      expect([gets('f', visitor, 'qa'), gets('f', visitor)]).toEqual(['on', 'off'])
      expect((await flags.show('f')).standings).toMatchObject([
        { environment: 'private', own: false, state: 'resting' },
        { environment: 'qa', own: true, state: 'top', says: 'on to all' },
        { environment: 'production', own: false },
        { environment: '*' },
      ])
      await change('f', { do: 'inherit', environment: 'qa' })
      expect(gets('f', visitor, 'qa')).toBe('off')
    })

    test('is killed at once for everybody, whatever its rules, and restored as it was', async () => {
      const { make, change, gets, flags } = await bench()
      await make({ key: 'f' })
      await change('f', { do: 'expose', exposure: onTo('all') })
      await change('f', { do: 'kill', reason: 'it burns' }, {}, dev)
      expect(gets('f', visitor)).toBe('off')
      expect((await flags.show('f')).standings[2]).toMatchObject({ state: 'killed', says: 'killed by dev: it burns; off to everybody' })
      await change('f', { do: 'restore' })
      expect(gets('f', visitor)).toBe('on')
      expect((await refusal(change('f', { do: 'restore' }))).code).toBe('flag-not-killed')
    })

    test("is killed where it is, and not where nobody is; what it was told of a place that is gone is in nobody's way", async () => {
      const now = [...places, { name: 'trial', kind: 'sandbox' as const, approval: false }]
      const { make, change, gets, flags } = await bench({ environments: now })
      await make({ key: 'f' })
      expect((await refusal(change('f', { do: 'kill', environment: 'moon', reason: 'x' }))).message).toContain(
        'There is no environment moon',
      )
      await change('f', { do: 'off', environment: 'trial' })
      now.pop()
      await flags.refresh()
      expect((await change('f', { do: 'expose', exposure: onTo('all') })).outcome).toBe('done')
      expect((await change('f', { do: 'kill', reason: 'smoke' })).outcome).toBe('done')
      expect(gets('f', visitor)).toBe('off')
      expect((await change('f', { do: 'inherit', environment: 'trial' })).outcome).toBe('done')
      expect((await refusal(change('f', { do: 'off', environment: 'trial' }))).code).toBe('flag-environment-unknown')
    })

    test('gives the prerequisite its say, and lets nobody take it away or walk in a circle', async () => {
      const { make, change, gets } = await bench()
      await make({ key: 'base' })
      await make({ key: 'upper', prerequisites: [{ flag: 'base', variant: 'on' }] })
      await change('upper', { do: 'expose', exposure: onTo('all') })
      await change('base', { do: 'expose', exposure: onTo('staff') })
      expect([gets('upper', employee), gets('upper', visitor)]).toEqual(['on', 'off'])
      await change('base', { do: 'off' })
      expect(gets('upper', employee)).toBe('off')
      expect(await refusal(change('base', { do: 'archive' }))).toMatchObject({ code: 'flag-needed', facts: { by: ['upper'] } })
      const cycle = await refusal(change('base', { do: 'edit', set: { prerequisites: [{ flag: 'upper', variant: 'on' }] } }))
      expect(cycle.message).toBe('base would need itself: base -> upper -> base. Leave one of these prerequisites out.')
      expect((await refusal(change('base', { do: 'edit', set: { prerequisites: [{ flag: 'base', variant: 'on' }] } }))).code).toBe(
        'flag-cycle',
      )
    })

    test('that is archived is served to nobody, and comes back whole', async () => {
      const { make, change, gets, flags } = await bench()
      await make({ key: 'f' })
      await change('f', { do: 'archive' })
      expect(gets('f', visitor)).toBe('FLAG_NOT_FOUND')
      expect(flags.list({ archived: false, stale: false, limit: 10 }).total).toBe(0)
      expect((await refusal(change('f', { do: 'on' }))).code).toBe('flag-archived')
      expect((await refusal(make({ key: 'f' }))).message).toContain('belay flag unarchive f')
      await change('f', { do: 'unarchive' })
      expect(gets('f', visitor)).toBe('off')
    })

    test('that cannot be so is refused by field, and nothing is written', async () => {
      const { make, change, flags } = await bench()
      await make({ key: 'f' })
      const message = async (it: Parameters<typeof change>[1]) => (await refusal(change('f', it))).message
      expect(await message({ do: 'expose', exposure: { ...onTo('all'), serve: { blue: 1 } } })).toBe(
        'f cannot be so: settings.*.exposure.serve: there is no variant blue; there are on, off.',
      )
      expect(await message({ do: 'expose', exposure: onTo('moon') })).toContain('the ladder is qa, staff, early-access, all')
      expect(await message({ do: 'configure', setting: { targeting: { if: [{ nonsense: [1] }, 'on'] } } })).toContain(
        'settings.*.targeting',
      )
      expect(await message({ do: 'configure', setting: { targeting: { if: [{ $ref: 'segment:none' }, 'on'] } } })).toContain(
        'names nothing',
      )
      expect(await message({ do: 'configure', setting: { targeting: { in: [{ var: 'x' }, 'a'.repeat(300_000)] } } })).toContain(
        '262144 is the most',
      )
      expect(await message({ do: 'configure', environment: 'moon', setting: { state: 'DISABLED' } })).toContain(
        'There is no environment moon',
      )
      expect(await message({ do: 'edit', set: { variants: { on: true, off: 'no' } } })).toContain(
        'variants.off: all variants of a flag have one type',
      )
      expect(await message({ do: 'edit', set: { prerequisites: [{ flag: 'nobody', variant: 'on' }] } })).toContain(
        'there is no flag nobody',
      )
      expect((await flags.show('f')).flag.version).toBe(1)
    })
  })

  describe('two people', () => {
    test('who edit the same version: the second sees what the first did', async () => {
      const { make, change } = await bench()
      await make({ key: 'f' })
      await change('f', { do: 'expose', exposure: onTo('staff') }, { version: 1 })
      const refused = await refusal(change('f', { do: 'off' }, { version: 1 }, bob))
      expect(refused).toMatchObject({
        code: 'flag-changed',
        status: 409,
        facts: { by: 'ann', newest: 2, diff: [{ path: 'settings.*.exposure', before: null }] },
      })
      expect(refused.message).toContain('ann exposed f: on to qa and staff')
      // A kill never waits for anybody.
      expect((await change('f', { do: 'kill', reason: 'now' }, { version: 1 }, bob)).outcome).toBe('done')
    })

    test('who edit at once: both are kept, one after the other, and each version tells its own difference', async () => {
      const { make, change, flags } = await bench()
      await make({ key: 'f' })
      await Promise.all([
        change('f', { do: 'edit', set: { description: 'new' } }),
        change('f', { do: 'expose', exposure: onTo('qa') }, {}, bob),
        change('f', { do: 'edit', set: { tags: ['a'] } }),
      ])
      expect((await flags.show('f')).flag).toMatchObject({ version: 4, description: 'new', tags: ['a'] })
      const { versions } = await flags.history('f', undefined, 10)
      expect(versions.map(({ version }) => version)).toEqual([4, 3, 2, 1])
      expect(versions.flatMap(({ diff }) => diff.map(({ path }) => path)).sort()).toEqual(['description', 'settings.*.exposure', 'tags'])
    })

    test('of whom one lacks the right: nothing is done, and the sentence says who may', async () => {
      const { make, change } = await bench()
      await make({ key: 'f' })
      expect((await refusal(change('f', { do: 'off' }, {}, dev))).message).toContain('This needs the role operator; you are developer')
      expect((await change('f', { do: 'off', environment: 'qa' }, {}, dev)).outcome).toBe('done')
      expect((await refusal(change('f', { do: 'off', environment: 'qa' }, {}, { actor: 'v', role: 'viewer' }))).code).toBe('not-allowed')
    })
  })

  describe('history', () => {
    test('can be gone back to, any version, and the way back is a version itself', async () => {
      const { make, change, gets, flags } = await bench()
      await make({ key: 'f' })
      await change('f', { do: 'expose', exposure: onTo('all') })
      await change('f', { do: 'off' })
      expect((await change('f', { do: 'revert', to: 2 })).diff).toEqual([
        { path: 'settings.*.state', before: 'DISABLED', after: 'ENABLED' },
      ])
      expect(gets('f', visitor)).toBe('on')
      expect((await flags.show('f')).flag.version).toBe(4)
      expect((await refusal(change('f', { do: 'revert', to: 9 }))).message).toBe('f has no version 9; it has 1 to 4.')
      await change('f', { do: 'kill', reason: 'smoke' })
      await change('f', { do: 'revert', to: 2 })
      expect(gets('f', visitor), 'a kill is taken back by a restore alone').toBe('off')
    })

    test('a plan tells the difference and changes nothing; what is so already is no version', async () => {
      const { make, change, flags } = await bench()
      await make({ key: 'f' })
      const plan = await change('f', { do: 'expose', exposure: onTo('all', 10) }, { plan: true })
      expect(plan).toMatchObject({ outcome: 'planned', says: 'expose f: on to qa, staff and early-access, 10% of all' })
      expect((await change('f', { do: 'on' })).outcome).toBe('same')
      expect((await flags.show('f')).flag.version).toBe(1)
    })
  })

  describe('approval', () => {
    test('production that asks for a second person gets the change only from them, by its hash', async () => {
      const { make, change, gets, flags, facts } = await bench({ environments: guarded })
      await make({ key: 'f' })
      const { outcome, proposal } = await change('f', { do: 'expose', exposure: onTo('all') }, { reason: 'launch' })
      expect({ outcome, environments: proposal?.environments }).toEqual({ outcome: 'proposed', environments: ['production'] })
      expect(gets('f', visitor)).toBe('off')
      const { id = '', hash = '' } = proposal ?? {}
      expect((await change('f', { do: 'expose', exposure: onTo('all') })).proposal?.id).toBe(id)
      expect((await refusal(flags.proposals.approve(id, hash, ann))).code).toBe('proposal-own')
      expect((await refusal(flags.proposals.approve(id, 'other', bob))).code).toBe('proposal-hash-differs')
      expect((await flags.proposals.approve(id, hash, bob)).outcome).toBe('done')
      expect(gets('f', visitor)).toBe('on')
      expect((await refusal(flags.proposals.approve(id, hash, bob))).code).toBe('proposal-closed')
      expect((await facts()).slice(-3)).toMatchObject([
        { kind: 'flag-proposal.made', actor: 'ann' },
        { kind: 'flag-proposal.approved', actor: 'bob' },
        { kind: 'flag.changed', actor: 'ann', data: { approvedBy: 'bob' } },
      ])
    })

    test('is void when the flag is edited meanwhile, bypassed by a kill, and not asked where nothing there changes', async () => {
      const { make, change, gets, flags } = await bench({ environments: guarded })
      await make({ key: 'f' })
      const { proposal } = await change('f', { do: 'expose', exposure: onTo('all') })
      expect((await change('f', { do: 'expose', environment: 'qa', exposure: onTo('all') })).outcome).toBe('done')
      expect(await refusal(flags.proposals.approve(proposal?.id ?? '', proposal?.hash ?? '', bob))).toMatchObject({
        facts: { state: 'void' },
      })
      expect((await change('f', { do: 'kill', reason: 'smoke' })).outcome).toBe('done')
      expect(gets('f', visitor)).toBe('off')
      expect((await change('f', { do: 'edit', set: { description: 'words' } })).outcome).toBe('done')
    })

    test('may be refused, or taken back by who asked', async () => {
      const { make, change, flags, facts } = await bench({ environments: guarded })
      await make({ key: 'f' })
      const first = (await change('f', { do: 'expose', exposure: onTo('all') })).proposal?.id ?? ''
      expect(flags.list({ archived: false, stale: false, limit: 1 }).flags[0]?.proposals).toBe(1)
      expect(await flags.proposals.reject(first, undefined, ann)).toMatchObject({ state: 'rejected' })
      expect(flags.list({ archived: false, stale: false, limit: 1 }).flags[0]?.proposals).toBe(0)
      expect((await facts()).at(-1)?.says).toBe('took back p1: expose f: on to all')
    })
  })

  describe('a schedule', () => {
    test('does the change at its time, on what the flag is then', async () => {
      const { make, change, clock, flags, gets } = await bench()
      await make({ key: 'f' })
      const at = clock.now() + 3_600_000
      expect((await change('f', { do: 'expose', exposure: onTo('all') }, { at })).outcome).toBe('scheduled')
      await change('f', { do: 'edit', set: { description: 'meanwhile' } })
      await flags.tick()
      expect(gets('f', visitor)).toBe('off')
      clock.set(at)
      await Promise.all([flags.tick(), flags.tick()])
      expect(gets('f', visitor)).toBe('on')
      expect((await flags.show('f')).flag).toMatchObject({ version: 3, description: 'meanwhile', changedBy: 'ann' })
    })

    test('can be cancelled; a time that cannot be, and a kill that waits, are refused; a clock that jumps does it once', async () => {
      const { make, change, clock, flags, gets, facts } = await bench()
      await make({ key: 'f' })
      const at = clock.now() + 60_000
      const { scheduled } = await change('f', { do: 'off' }, { at })
      expect(await flags.cancel(scheduled?.id ?? '', bob)).toMatchObject({ state: 'cancelled', because: 'cancelled by bob' })
      expect((await refusal(change('f', { do: 'off' }, { at: clock.now() - 1 }))).code).toBe('change-needs-time')
      expect((await refusal(change('f', { do: 'kill', reason: 'x' }, { at }))).code).toBe('kill-cannot-wait')
      await change('f', { do: 'expose', exposure: onTo('all') }, { at })
      clock.set(at + 10 * 86_400_000)
      await flags.tick()
      clock.set(at - 30_000)
      await flags.tick()
      expect(gets('f', visitor)).toBe('on')
      expect((await facts()).filter(({ kind }) => kind === 'flag.changed')).toHaveLength(1)
    })

    test('that can no longer be done says so once and is not tried again', async () => {
      const { make, change, clock, flags, facts } = await bench()
      await make({ key: 'f' })
      const at = clock.now() + 60_000
      await change('f', { do: 'expose', exposure: onTo('all') }, { at })
      await change('f', { do: 'archive' })
      clock.set(at)
      await flags.tick()
      await flags.tick()
      expect((await facts()).filter(({ kind }) => kind === 'flag.schedule-failed')).toMatchObject([
        { says: expect.stringContaining('f is archived') },
      ])
    })
  })

  describe('the ladder', () => {
    test('follows belay.yaml, keeps the rings of the page, and drops no ring that a flag climbs', async () => {
      const { flags, make, change, gets } = await bench()
      await make({ key: 'f' })
      await change('f', { do: 'expose', exposure: onTo('staff') })
      await flags.rings.create({ name: 'friends', after: 'staff', where: { '==': [{ var: 'friend' }, true] } }, 'ann')
      await flags.rings.sync([{ name: 'qa', where: { '==': [1, 1] }, segment: null }], 'belay')
      expect(flags.rings.list().map(({ name, source }) => `${name} ${source}`)).toEqual([
        'qa file',
        'staff gone',
        'friends page',
        'all file',
      ])
      // The rule of qa changed, so everybody is a tester now; whoever was staff still is.
      expect([gets('f', employee), gets('f', visitor)]).toEqual(['on', 'on'])
      expect((await refusal(flags.rings.remove('qa', 'ann'))).code).toBe('ring-of-file')
      expect((await refusal(flags.rings.remove('staff', 'ann'))).message).toContain('f climbs or names the ring staff')
      await flags.rings.remove('friends', 'ann')
      await change('f', { do: 'expose', exposure: onTo('qa') })
      await flags.rings.remove('staff', 'ann')
      expect(flags.rings.list().map(({ name }) => name)).toEqual(['qa', 'all'])
      expect((await refusal(flags.rings.create({ name: 'late', after: 'all', where: {} }, 'ann'))).message).toContain(
        'all is the last ring',
      )
    })
  })

  describe('what is served', () => {
    test('tells of each change at once, only where something changed, as a patch from the revision before', async () => {
      const { flags, make, change } = await bench()
      await make({ key: 'f' })
      const [production, qa] = [flags.live.environment('production'), flags.live.environment('qa')]
      const heard: string[] = []
      production.onChange((news) => heard.push(`production ${Object.keys(news.patch.set).join()} ${news.from === news.revision}`))
      qa.onChange(() => heard.push('qa'))
      const before = production.etag()
      await change('f', { do: 'edit', set: { description: 'words are not served' } })
      expect(heard).toEqual([])
      expect(production.etag()).toBe(before)
      const seen = production.revision()
      await change('f', { do: 'expose', environment: 'production', exposure: onTo('all') })
      expect(heard).toEqual(['production f false'])
      expect(production.since(seen)?.patch.set).toHaveProperty('f')
      expect(production.since(production.revision())?.patch).toEqual({ set: {}, remove: [] })
      expect(production.since(10_000)).toBeUndefined()
    })

    test('is the same on every server of one database, within a moment', async () => {
      const place = await newDatabase()
      const [here, there] = [await openStore(place), await openStore(place)]
      const [mine, theirs] = [await benchOn(here), await benchOn(there)]
      theirs.flags.live.environment('production')
      await mine.make({ key: 'f' })
      await mine.change('f', { do: 'expose', exposure: onTo('all') })
      await eventually(() => theirs.gets('f', visitor) === 'on', { withinMs: 2_000, what: 'the other server serves it' })
      expect(theirs.flags.live.environment('production').etag()).toBe(mine.flags.live.environment('production').etag())
      await Promise.all([mine.flags.close(), theirs.flags.close()])
      await Promise.all([here.close(), there.close()])
    })

    test('begins for an environment when that appears, and ends with it', async () => {
      const now = [...guarded]
      const { flags, make } = await bench({ environments: now })
      await make({ key: 'f' })
      expect(() => flags.live.environment('trial')).toThrow('There is no environment trial. There are: private, qa, production.')
      now.push({ name: 'trial', kind: 'sandbox', approval: false })
      await flags.refresh()
      expect(flags.live.environment('trial').set().evaluate('f', {}, 0).variant).toBe('off')
      now.pop()
      await flags.refresh()
      expect(() => flags.live.environment('trial')).toThrow('There is no environment trial')
    })

    test('after a restart is what was acknowledged', async () => {
      const place = await newDatabase()
      const first = await openStore(place)
      const before = await benchOn(first)
      await before.make({ key: 'f' })
      await before.change('f', { do: 'expose', exposure: onTo('staff') })
      const etag = before.flags.live.environment('production').etag()
      const revision = before.flags.live.environment('production').revision()
      await before.flags.close()
      await first.close()
      const second = await openStore(place)
      const after = await benchOn(second)
      expect(after.gets('f', employee)).toBe('on')
      expect(after.flags.live.environment('production').etag()).toBe(etag)
      expect(after.flags.live.environment('production').since(revision)?.patch.set).toEqual({})
      await after.flags.close()
      await second.close()
    })
  })

  test('whole flags are put in: made, brought up to date, left as they are, or refused one by one', async () => {
    const { flags, make } = await bench()
    const model = await make({ key: 'model' })
    const put = (key: string, more: object = {}) => ({ ...model, key, salt: key, ...more })
    const wanted = [put('model'), put('a', { prerequisites: [{ flag: 'b', variant: 'on' }] }), put('b'), put('c', { variants: {} })]
    const outcomes = async (plan: boolean) =>
      (await flags.put(wanted, ann, { from: 'a file', plan })).map(({ key, outcome }) => `${key} ${outcome}`)
    const expected = ['model same', 'a created', 'b created', 'c refused']
    expect(await outcomes(true)).toEqual(expected)
    expect(flags.keys()).toEqual(['model'])
    expect(await outcomes(false)).toEqual(expected)
    expect(await outcomes(false)).toEqual(['model same', 'a same', 'b same', 'c refused'])
  })

  test('flags that have outlived their use are told apart', async () => {
    const evaluatedAt = new Map<string, number>()
    const { flags, make, change, clock } = await bench({ evaluatedAt })
    await make({ key: 'over', expiresAt: clock.now() + 86_400_000 })
    await make({ key: 'unused' })
    await make({ key: 'top' })
    await change('top', { do: 'expose', exposure: onTo('all') })
    clock.set(clock.now() + 40 * 86_400_000)
    for (const key of ['over', 'top']) evaluatedAt.set(key, clock.now())
    const stale = flags.list({ archived: false, stale: true, limit: 10 }).flags
    expect(stale.map((flag) => `${flag.key} ${flag.stale.map(({ why }) => why).join()}`)).toEqual([
      'over expired',
      'top everywhere',
      'unused never-evaluated',
    ])
  })
}
