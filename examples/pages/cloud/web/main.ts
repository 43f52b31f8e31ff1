/** The web: pages from the server, forms that post, nothing that needs a script to be read. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bodyOf, type Handle, Refusal, reply, serve } from '#shared/server.ts'
import { api } from './api.ts'
import type { Html } from './html.ts'
import { page } from './layout.ts'
import { home, itemPage, listPage, memberPage, membersPage, sorry } from './pages.ts'

const handle: Handle = async (request, response, url) => {
  const path = url.pathname
  const me = /(?:^|; )me=([a-z]+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'mira'
  const show = async (status: number, title: string, content: Html) => {
    const [lists, members] = await Promise.all([api.lists(), api.members()])
    reply(response, status, 'text/html; charset=utf-8', page({ title, path, lists, me, members }, content))
  }
  try {
    if (request.method === 'POST') await take(request, response, path, me)
    else await look(path, show)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await show(error.status, 'Sorry', sorry(error.status, error.message))
  }
}

async function look(path: string, show: (status: number, title: string, content: Html) => Promise<void>): Promise<void> {
  const [, room, id] = path.split('/')
  if (path === '/') return show(200, 'Start', home(await api.lists()))
  if (path === '/members') return show(200, 'Members', membersPage(await api.members()))
  if (room === 'lists' && id) {
    const [lists, items, members] = await Promise.all([api.lists(), api.items(id), api.members()])
    const list = lists.find((it) => it.id === id)
    if (list === undefined) throw new Refusal(404, 'unknown', `There is no list ${id}.`)
    return show(200, list.name, listPage(list, items, members))
  }
  if (room === 'items' && id) {
    const [item, activities, lists, members] = await Promise.all([api.item(id), api.stream(id), api.lists(), api.members()])
    const list = lists.find((it) => it.id === item.listId)
    return show(200, item.title, itemPage(item, list, activities, members))
  }
  if (room === 'members' && id) {
    const { member, items } = await api.member(id)
    return show(200, member.name, memberPage(member, items))
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
  health: async () => ({ lists: (await api.lists()).length }),
})
