/** The web: pages from the server, forms that post, nothing that needs a script to be read. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOf, type Handle, Refusal, reply, serve } from '#shared/server.ts'
import { api, type Frame } from './api.ts'
import type { Html } from './html.ts'
import { page } from './layout.ts'
import { home, itemPage, listPage, memberPage, membersPage, sorry } from './pages.ts'

/** Who has not said who they are. */
const usually = 'mira'

const handle: Handle = async (request, response, url) => {
  const path = url.pathname
  const me = /(?:^|; )me=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? usually
  const show: Show = (frame, title, content, status = 200) =>
    reply(response, status, 'text/html; charset=utf-8', page({ title, path, frame }, content))
  try {
    if (request.method === 'POST') await take(request, response, path, me)
    else await look(path, me, show)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    show(await frameOrNone(me), 'Sorry', sorry(error.status, error.message), error.status)
  }
}

type Show = (frame: Frame, title: string, content: Html, status?: number) => void

/** A sorry page is shown even when the api is what is missing. */
function frameOrNone(me: string): Promise<Frame> {
  return api.frame(me).catch(() => ({ lists: [], members: [], customers: { count: 0, early: 0 }, me: null }))
}

async function look(path: string, me: string, show: Show): Promise<void> {
  const [, room, id] = path.split('/')
  if (path === '/' || path === '/members') {
    const frame = await api.frame(me)
    return path === '/' ? show(frame, 'Start', home(frame.lists)) : show(frame, 'Members', membersPage(frame))
  }
  if (room === 'lists' && id) {
    const [frame, items] = await Promise.all([api.frame(me), api.items(id)])
    const list = frame.lists.find((it) => it.id === id)
    if (list === undefined) throw new Refusal(404, 'unknown', `There is no list ${id}.`)
    return show(frame, list.name, listPage(list, items, frame.members))
  }
  if (room === 'items' && id) {
    const [frame, item, activities] = await Promise.all([api.frame(me), api.item(id), api.stream(id)])
    return show(frame, item.title, itemPage(item, frame, activities))
  }
  if (room === 'members' && id) {
    const [frame, { member, items }] = await Promise.all([api.frame(me), api.member(id)])
    return show(frame, member.name, memberPage(member, items))
  }
  throw new Refusal(404, 'unknown', `There is no page ${path}.`)
}

async function take(request: IncomingMessage, response: ServerResponse, path: string, me: string): Promise<void> {
  const form = Object.fromEntries(new URLSearchParams((await bodyOf(request)).toString()))
  const [, room, id] = path.split('/')
  if (path === '/me') return seeOther(response, safePath(form.back), `me=${encodeURIComponent(form.member ?? '')}; Path=/; SameSite=Lax`)
  if (room === 'items' && id) {
    await api.saveItem({ ...form, id, member: me })
    return seeOther(response, path)
  }
  if (room === 'lists' && id) {
    await api.saveItem({ title: form.title, list: id, member: me })
    return seeOther(response, path)
  }
  throw new Refusal(404, 'unknown', `Nothing takes a form at ${path}.`)
}

/** After a form the browser loads a page, so that going back does not send the form again. */
function seeOther(response: ServerResponse, location: string, cookie?: string): void {
  response.writeHead(303, { location, 'content-length': 0, ...(cookie === undefined ? {} : { 'set-cookie': cookie }) })
  response.end()
}

/** Only a path of ours: a form could otherwise send people elsewhere. */
function safePath(path: string | undefined): string {
  return path !== undefined && /^\/(?!\/)[\w/-]*$/.test(path) ? path : '/'
}

serve({
  handle,
  // Through the edge to an api and to the database: well means that a page can be shown.
  health: async () => ({ lists: (await api.frame(usually)).lists.length }),
})
