/**
 * What simulated users do, one request after the other: pure, fed with each answer's text. They follow the links and
 * forms they are shown, so a release that adds comments gets comments.
 */
import type { Random } from '@belay/base'

export type Step = {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** A form of the web, or JSON for the API. */
  readonly body?: string
  readonly type?: 'application/x-www-form-urlencoded' | 'application/json'
  readonly status: 200 | 303
  /** Must stand in the answer: a half page is no page. */
  readonly contains: string
}
export type Journey = Generator<Step, void, string>

const page = (path: string): Step => ({ method: 'GET', path, status: 200, contains: '</html>' })
const method = (name: string, query: string, contains: string): Step => ({
  method: 'GET',
  path: `/api/${name}${query}`,
  status: 200,
  contains,
})
const form = (path: string, fields: Record<string, string>): Step => ({
  method: 'POST',
  path,
  status: 303,
  contains: '',
  type: 'application/x-www-form-urlencoded',
  body: new URLSearchParams(fields).toString(),
})
const save = (name: string, value: object): Step => ({
  method: 'POST',
  path: `/api/${name}`,
  status: 200,
  contains: '{',
  type: 'application/json',
  body: JSON.stringify(value),
})

/** Reads: start, a list, an item; the browser reports how long the page took. */
function* reader(random: Random): Journey {
  const list = one(links(yield page('/'), 'lists'), random)
  if (list === undefined) return
  const item = one(links(yield page(list), 'items'), random)
  if (item === undefined) return
  yield page(item)
  yield save('Stats.save', { page: item, ms: Math.round(20 + 200 * random()) })
}

/** Works: opens an item and ticks it off, or opens it again. */
function* worker(random: Random): Journey {
  const item = one(links(yield page(`/lists/${one(lists, random)}`), 'items'), random)
  if (item === undefined) return
  const shown = yield page(item)
  const state = /name="state" value="(\w+)"/.exec(shown)?.[1]
  if (state === undefined) return
  yield form(item, { state })
  yield page(item)
}

/** Talks: writes a comment where a page offers to, beside the text rather than below it. */
function* talker(random: Random): Journey {
  const item = one(links(yield page(`/lists/${one(lists, random)}`), 'items'), random)
  if (item === undefined) return
  const shown = yield page(item)
  const action = (/action="([^"]+\/inline)"/.exec(shown) ?? /action="([^"]+\/comments)"/.exec(shown))?.[1]
  if (action === undefined) return
  const sentence = one([...shown.matchAll(/name="sentence" value="(\d+)"/g)], random)?.[1] ?? '0'
  yield form(action, { sentence, text: one(remarks, random) ?? '' })
  yield page(item)
}

/** The app on a telephone: methods of the API, no pages. */
function* app(random: Random): Journey {
  const answer = yield method('Items.getList', `?list=${one(lists, random)}`, '"items"')
  const id = one([...answer.matchAll(/"id":"(\w+)"/g)], random)?.[1]
  if (id === undefined) return
  yield method('Items.get', `?id=${id}`, id)
  yield method('Activities.getItemStream', `?item=${id}`, '"activities"')
  yield method('Members.get', `?id=${one(members, random)}`, '"member"')
  yield save('Stats.save', { page: `/items/${id}`, ms: Math.round(10 + 50 * random()) })
}

/** Looks who is there. */
function* visitor(random: Random): Journey {
  const member = one(links(yield page('/members'), 'members'), random)
  if (member !== undefined) yield page(member)
}

const lists = ['launch', 'website', 'office', 'ideas']
const members = ['mira', 'tomas', 'ada', 'jun', 'lena', 'samir']
const remarks = ['Looks good to me.', 'Who takes this?', 'Done on my side.', 'Let us talk about it on Monday.', 'Thank you!']
/** Out of ten users four use the app, three read, one each works, talks and visits. */
const mix = [app, app, app, app, reader, reader, reader, worker, talker, visitor]

export function beginJourney(random: Random): Journey {
  return (one(mix, random) ?? reader)(random)
}

function links(text: string, room: string): string[] {
  return [...text.matchAll(new RegExp(`href="(/${room}/\\w+)"`, 'g'))].map((match) => match[1] as string)
}

function one<T>(choices: readonly T[], random: Random): T | undefined {
  return choices[Math.floor(random() * choices.length)]
}
