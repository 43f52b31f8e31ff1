/** The API as the web sees it: through the edge, which knows which of its instances serve. */
import { ask } from '#shared/ask.ts'
import { addressesOf } from '#shared/belay.ts'

export type List = { id: string; name: string; about: string; open: number; done: number }
export type Item = {
  id: string
  listId: string
  title: string
  body: string
  state: 'open' | 'done'
  ownerId: string
  ownerName: string
  createdAt: number
  updatedAt: number
}
export type Activity = { id: number; kind: string; says: string; at: number; memberId: string | null; memberName: string }
export type Member = {
  id: string
  name: string
  job: string
  color: string
  email: string
  role: 'tester' | 'staff' | 'customer'
  earlyAccess: 0 | 1
  /** In frames only. */
  open?: number
}

/** What stands around every page. `members` has all who work here and a few customers; `me` is null for a name that nobody has. */
export type Frame = { lists: List[]; members: Member[]; customers: { count: number; early: number }; me: Member | null }

export const api = {
  frame: (me: string) => get<Frame>('Lists.getFrame', { me }),
  items: async (list: string) => (await get<{ items: Item[] }>('Items.getList', { list })).items,
  item: async (id: string) => (await get<{ item: Item }>('Items.get', { id })).item,
  stream: async (item: string) => (await get<{ activities: Activity[] }>('Activities.getItemStream', { item })).activities,
  member: (id: string) => get<{ member: Member; items: Item[] }>('Members.get', { id }),
  saveItem: async (change: Record<string, unknown>) => (await post<{ item: Item }>('Items.save', change)).item,
}

function get<T>(method: string, query: Record<string, string> = {}): Promise<T> {
  return ask<T>(addressesOf('edge'), `/api/${method}?${new URLSearchParams(query)}`)
}

function post<T>(method: string, body: Record<string, unknown>): Promise<T> {
  return ask<T>(addressesOf('edge'), `/api/${method}`, { method: 'POST', body })
}
