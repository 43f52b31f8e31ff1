/** The API: `GET /api/Items.get?id=i1`, `POST /api/Items.save` with JSON. Errors are `{ error: { code, message } }`. */
import { bodyOf, type Handle, Refusal, replyJson, serve } from '#shared/server.ts'
import { query } from '#shared/sql.ts'
import { activityMethods } from './activities.ts'
import { itemMethods, listMethods } from './items.ts'
import { memberMethods } from './members.ts'
import type { Asked, Method } from './method.ts'
import { statsMethods } from './stats.ts'

const methods = new Map<string, Method>(
  Object.entries({ ...listMethods, ...itemMethods, ...activityMethods, ...memberMethods, ...statsMethods }),
)

const handle: Handle = async (request, response, url) => {
  const name = url.pathname.replace('/api/', '')
  const method = methods.get(name)
  if (method === undefined) throw new Refusal(404, 'unknown', `There is no method ${name}.`)
  if (method.writes && request.method !== 'POST') throw new Refusal(405, 'post', `${name} changes something: use POST.`)
  const asked = request.method === 'POST' ? parse(await bodyOf(request)) : Object.fromEntries(url.searchParams)
  replyJson(response, 200, await method.run(asked))
}

function parse(body: Buffer): Asked {
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch {
    throw new Refusal(400, 'json', 'The body is not JSON.')
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Refusal(400, 'json', 'The body is a JSON object.')
  return value as Asked
}

serve({
  handle,
  health: async () => {
    const [row] = await query('SELECT name AS schema FROM migrations ORDER BY name DESC LIMIT 1')
    return { methods: methods.size, ...row }
  },
})
