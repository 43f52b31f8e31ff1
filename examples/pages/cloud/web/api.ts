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
export type Member = { id: string; name: string; job: string; color: string; open: number }

/** What stands around every page. */
export type Frame = { lists: List[]; members: Member[] }

export const api = {
  frame: () => get<Frame>('Lists.getFrame'),
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
