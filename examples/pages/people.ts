/** The people of the cloud: who they are, in which ring, and whether their page shows inline comments. */
import { Agent, request as httpRequest } from 'node:http'
import { Problem, type Random } from '@belay/base'

/** As in the cloud's belay.yaml, lowest first. */
export const rings = ['qa', 'staff', 'early-access', 'all'] as const
export type Ring = (typeof rings)[number]
/** `ring`: the lowest that somebody is in, by what the cloud itself knows of them. */
export type Person = { readonly id: string; readonly name: string; readonly email: string; readonly role: string; readonly ring: Ring }
export type Look = { readonly person: Person; readonly sees: boolean; readonly begunMs: number }

/** As many pages at a time as keep both webs busy and leave the users room. */
const atOnce = 8
/** A page that takes longer is a failed request, for these users as for the others. */
const answerMsMax = 10_000
/** Any item of the first content: what stands beside it is the same for all. */
const page = '/items/i8'
const method = '/api/InlineComments.getList?item=i8&member='

/** @throws Problem `demo-cloud-silent` when the cloud does not tell. */
export async function peopleOf(url: string): Promise<Person[]> {
  const { status, text } = await get(new URL('/api/Members.getList', url), {})
  if (status !== 200) throw silent('/api/Members.getList', `status ${status}`)
  const { members } = JSON.parse(text) as { members: { id: string; name: string; email: string; role: string; earlyAccess: 0 | 1 }[] }
  return members.map(({ id, name, email, role, earlyAccess }) => ({ id, name, email, role, ring: ringOf({ email, role, earlyAccess }) }))
}

export function ringOf({ email, role, earlyAccess }: { email: string; role: string; earlyAccess: 0 | 1 }): Ring {
  if (role === 'tester') return 'qa'
  if (email.endsWith('@pages.example')) return 'staff'
  return earlyAccess === 1 ? 'early-access' : 'all'
}

/**
 * Opens the page of an item as each of them, in a random order. `begunMs` of a look is when its request began, on the
 * clock of `performance.now()`. @throws Problem `demo-cloud-silent` when a page does not come.
 */
export async function lookAs(url: string, people: readonly Person[], random: Random): Promise<Look[]> {
  const order = people
    .map((person) => ({ person, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ person }) => person)
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  try {
    return await each(order, async (person) => {
      const begunMs = performance.now()
      const { status, text } = await get(new URL(page, url), { agent, cookie: `me=${person.id}` })
      if (status !== 200 || !text.includes('</html>')) throw silent(page, `status ${status} for ${person.name}`)
      return { person, sees: text.includes('inline-comments'), begunMs }
    })
  } finally {
    agent.destroy()
  }
}

/** What the API says to this member: whether the methods of inline comments are there at all. */
export async function apiShows(url: string, { id }: Person): Promise<boolean> {
  return (await get(new URL(`${method}${id}`, url), {})).status === 200
}

/** Some at a time; the results in the order of what they are of. */
export async function each<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const workers = Array.from({ length: atOnce }, async () => {
    while (next < all.length) {
      const index = next++
      results[index] = await work(all[index] as T)
    }
  })
  await Promise.all(workers)
  return results
}

function get(address: URL, { agent, cookie }: { agent?: Agent; cookie?: string }): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(address, {
      ...(agent === undefined ? {} : { agent }),
      headers: cookie === undefined ? {} : { cookie },
      timeout: answerMsMax,
    })
    const failed = (error: Error) => reject(silent(address.pathname, error.message))
    request.on('timeout', () => request.destroy(new Error(`nothing for ${answerMsMax / 1_000} s`)))
    request.on('error', failed)
    request.on('response', (response) => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', failed)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }))
    })
    request.end()
  })
}

function silent(path: string, why: string): Problem {
  return new Problem('demo-cloud-silent', 500, `The cloud did not answer at ${path}: ${why}.`)
}
