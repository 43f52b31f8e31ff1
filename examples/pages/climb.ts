/**
 * The last chapter: inline comments are in production since v2, and dark. Their flag climbs the rings of belay.yaml,
 * is killed and restored; at every rung everybody's own page is opened to see who has them.
 */
import { type Random, sayDuration } from '@belay/base'
import { type Client, type FlagChangeInput, routes } from '@belay/protocol'
import { apiShows, each, type Look, lookAs, type Person, type Ring, rings } from './people.ts'
import type { Tell } from './tell.ts'

export type Rung = {
  /** `50% of early-access`; `killed`. */
  readonly name: string
  /** By the lowest ring that people are in. */
  readonly sees: Readonly<Record<Ring, { readonly count: number; readonly of: number }>>
  /** Whose page was not as it should be in the end. */
  readonly wrong: readonly string[]
  /** Who saw it at the rung before and no longer does. */
  readonly lost: number
  /** From the answer to the change to the beginning of the last request that still got the page from before; null: none did. */
  readonly lastOldMs: number | null
  /** From the answer to the change until everybody's page had come as it should be; the time of opening them all is in it. */
  readonly rightMs: number
}

const flag = 'inline-comments'
const segment = 'early-access'
const environment = 'production'
/** What Belay promises from a change to every connected client. */
const oldMsMax = 1_000
/** Who still had the old page is asked again and again for so long; it then counts as wrong. */
const rightWithinMs = 3_000
/** A share of n people by a hash is as good as a throw of n coins: three standard deviations hold all but one of 370. */
const deviationsMax = 3
/** By the ring whose members they are, as a line has room for them. */
const names: Readonly<Record<Ring, string>> = { qa: 'testers', staff: 'staff', 'early-access': 'early access', all: 'customers' }

type Step = { readonly name: string; readonly change: FlagChangeInput; readonly ring: Ring | null; readonly percent: number }
const to = (ring: Ring, percent: number): Step => ({
  name: percent === 100 ? ring : `${percent}% of ${ring}`,
  change: { do: 'expose', environment, exposure: { serve: { on: 1 }, ring, percent } },
  ring,
  percent,
})
const climb = [to('qa', 100), to('staff', 100), to('early-access', 50), to('early-access', 100), to('all', 10), to('all', 100)]
const kill: Step = {
  name: 'killed',
  change: { do: 'kill', environment, reason: 'the demo shows that it is gone within a second' },
  ring: null,
  percent: 0,
}
const restore: Step = { name: 'restored', change: { do: 'restore', environment }, ring: 'all', percent: 100 }

type Scene = {
  readonly client: Client
  readonly tell: Tell
  readonly signal: AbortSignal
  readonly url: string
  readonly people: readonly Person[]
  readonly random: Random
  readonly check: (name: string, ok: boolean, because: string) => void
}

/** Tells it and adds its checks; fills `rungs`, one entry for each change in their order. */
export async function playClimb(scene: Scene, rungs: Rung[]): Promise<void> {
  const { client, tell, signal, people, url, random, check } = scene
  const early = people.filter(({ ring }) => ring === 'early-access').map(({ id }) => id)
  const description = 'Comments beside the sentences of an item'
  const dark = await lookAs(url, people, random)
  const found = dark.filter(({ sees }) => sees).length
  tell.say(
    'users',
    `${found === 0 ? 'none' : found} of ${people.length} see inline comments, which v2 brought`,
    found === 0 ? 'good' : 'bad',
  )
  check('inline comments were dark before their flag was made', found === 0, `${found} of ${people.length} saw them`)
  await client.call(
    routes.segments.create,
    { body: { key: segment, description: 'Customers who asked for new things', keys: early } },
    signal,
  )
  await client.call(routes.flags.create, { body: { key: flag, description, owner: 'Jun Watanabe', tags: ['comments'] } }, signal)
  tell.say('flags', `${flag} made, off for everybody; ${early.length} customers are in the segment ${segment}`)
  tell.say('flags', `watch it: ${client.url}/flags/${flag}; after each change all ${people.length} open their pages`)

  let before: ReadonlySet<string> = new Set()
  for (const step of [...climb, kill, restore]) {
    const { rung, seeing } = await take(scene, step, before)
    rungs.push(rung)
    before = seeing
    tell.say('flags', sayRung(rung), rung.wrong.length === 0 && isInTime(rung) ? 'good' : 'bad')
    // Where some see it and some do not, the API must agree with the pages.
    if (step.name === 'staff') await checkApi(scene, seeing)
  }
  checkRungs(rungs, check)
}

async function take(scene: Scene, step: Step, before: ReadonlySet<string>): Promise<{ rung: Rung; seeing: Set<string> }> {
  const { client, people, url, random, signal } = scene
  await client.call(routes.flags.change, { params: { key: flag }, body: { change: step.change } }, signal)
  const answeredMs = performance.now()
  const looks = await lookAs(url, people, random)
  let rightMs = performance.now() - answeredMs
  const should = await whoShould(scene, step)
  const isWrong = ({ person, sees }: Look) => sees !== should.has(person.id)
  const last = new Map(looks.map((look) => [look.person.id, look]))
  let wrong = looks.filter(isWrong)
  let lastOldMs = wrong.length === 0 ? null : latest(wrong) - answeredMs
  while (wrong.length > 0 && performance.now() - answeredMs < rightWithinMs) {
    const again = await lookAs(
      url,
      wrong.map(({ person }) => person),
      random,
    )
    rightMs = performance.now() - answeredMs
    for (const look of again) last.set(look.person.id, look)
    wrong = again.filter(isWrong)
    if (wrong.length > 0) lastOldMs = latest(wrong) - answeredMs
  }
  const seeing = new Set([...last.values()].filter(({ sees }) => sees).map(({ person }) => person.id))
  const rung: Rung = {
    name: step.name,
    sees: Object.fromEntries(rings.map((ring) => [ring, countOf(people, ring, seeing)])) as Rung['sees'],
    wrong: wrong.map(({ person }) => person.id),
    lost: [...before].filter((id) => !seeing.has(id)).length,
    lastOldMs: lastOldMs === null ? null : Math.round(lastOldMs),
    rightMs: Math.round(rightMs),
  }
  return { rung, seeing }
}

/**
 * Whole rings follow from what the cloud knows of its people. Who is in a share is the flag's own decision, which Belay
 * explains: the pages must agree with it, each of them.
 */
async function whoShould({ client, people, signal }: Scene, { ring, percent }: Step): Promise<Set<string>> {
  if (ring === null) return new Set()
  const height = rings.indexOf(ring)
  const should = new Set(people.filter((it) => rings.indexOf(it.ring) < height).map(({ id }) => id))
  await each(
    people.filter((it) => it.ring === ring),
    async ({ id, name, email, role }) => {
      if (percent === 100) return should.add(id)
      const body = { environment, context: { targetingKey: id, name, email, role } }
      const { evaluation } = await client.call(routes.flags.explain, { params: { key: flag }, body }, signal)
      return evaluation.value === true && should.add(id)
    },
  )
  return should
}

async function checkApi({ url, people, check }: Scene, seeing: ReadonlySet<string>): Promise<void> {
  const oneOfEach = rings.flatMap((ring) => people.find((it) => it.ring === ring) ?? [])
  const answers = await each(oneOfEach, async (person) => ({ person, shown: await apiShows(url, person) }))
  check(
    'the api hides inline comments from those whose page has none',
    answers.every(({ person, shown }) => shown === seeing.has(person.id)),
    answers.map(({ person, shown }) => `${person.name} ${shown ? 'has them' : 'has no such method'}`).join(', '),
  )
}

function checkRungs(rungs: readonly Rung[], check: Scene['check']): void {
  const wrong = rungs.filter((rung) => rung.wrong.length > 0)
  check(
    'at every rung exactly those saw inline comments who should',
    wrong.length === 0,
    (wrong.length === 0 ? rungs : wrong).map((rung) => `${rung.name}: ${seersOf(rung)}${sayWrong(rung)}`).join('; '),
  )
  const shares = climb.flatMap(({ name, ring, percent }) => {
    const people = ring === null ? undefined : rungs.find((rung) => rung.name === name)?.sees[ring]
    return percent === 100 || people === undefined ? [] : [{ name, percent, ...people }]
  })
  check(
    'the shares are near their percentage',
    shares.length === 2 && shares.every(isNear),
    shares.map(({ name, count, of }) => `${name}: ${count} of ${of}, ${Math.round((100 * count) / of)}%`).join('; '),
  )
  const ups = rungs.slice(0, climb.length)
  const lost = ups.reduce((sum, rung) => sum + rung.lost, 0)
  check('nobody lost inline comments while they climbed', lost === 0, `${lost} people lost them`)
  const pages = ups.reduce((sum, rung) => sum + peopleOf(rung), 0).toLocaleString('en')
  const slowest = sayDuration(Math.max(...ups.map(({ rightMs }) => rightMs)))
  const old = ups.filter(({ lastOldMs }) => lastOldMs !== null).map((rung) => `at ${rung.name} the ${sayOld(rung)}`)
  check(
    'every user saw each change within a second',
    ups.every(isInTime),
    `of ${pages} pages asked for after a change ${old.length === 0 ? 'none was old' : old.join('; ')}; to open all of one change took ${slowest} at most`,
  )
  for (const [name, rung, all] of [
    ['the kill took them from everybody within a second', rungs[climb.length], false],
    ['restoring gave them back to everybody within a second', rungs[climb.length + 1], true],
  ] as const) {
    const ok = rung !== undefined && rung.wrong.length === 0 && isInTime(rung) && seersOf(rung) === (all ? peopleOf(rung) : 0)
    check(
      name,
      ok,
      rung === undefined
        ? 'it was not told'
        : `${seersOf(rung)} of ${peopleOf(rung)} see them; of the pages asked for after it ${sayOld(rung)}, opened in ${sayDuration(rung.rightMs)}`,
    )
  }
}

function isNear({ percent, count, of }: { percent: number; count: number; of: number }): boolean {
  const share = percent / 100
  return Math.abs(count - of * share) <= deviationsMax * Math.sqrt(of * share * (1 - share))
}

const isInTime = ({ lastOldMs }: Rung): boolean => lastOldMs === null || lastOldMs <= oldMsMax
const latest = (looks: readonly Look[]): number => Math.max(...looks.map(({ begunMs }) => begunMs))
const seersOf = ({ sees }: Rung): number => rings.reduce((sum, ring) => sum + sees[ring].count, 0)
const peopleOf = ({ sees }: Rung): number => rings.reduce((sum, ring) => sum + sees[ring].of, 0)
const sayWrong = ({ wrong }: Rung): string => (wrong.length === 0 ? '' : ` (wrong for ${wrong.slice(0, 5).join(', ')})`)
const sayOld = ({ lastOldMs }: Rung): string =>
  lastOldMs === null ? 'none was old' : `last old one was asked for ${sayDuration(lastOldMs)} after the change`

function countOf(people: readonly Person[], ring: Ring, seeing: ReadonlySet<string>): { count: number; of: number } {
  const members = people.filter((it) => it.ring === ring)
  return { count: members.filter(({ id }) => seeing.has(id)).length, of: members.length }
}

/** The longest is `50% of early-access`. */
const nameWidth = 19

function sayRung(rung: Rung): string {
  const seen = rings.map((ring) => `${names[ring]} ${rung.sees[ring].count}/${rung.sees[ring].of}`).join(', ')
  return `${rung.name.padEnd(nameWidth)}  ${seen}; ${peopleOf(rung)} pages opened in ${sayDuration(rung.rightMs)}, ${sayOld(rung)}${sayWrong(rung)}`
}
