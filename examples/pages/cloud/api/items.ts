import { randomUUID } from 'node:crypto'
import { Refusal } from '#shared/server.ts'
import { queries, query, type Statement, transact } from '#shared/sql.ts'
import { activityOf } from './activities.ts'
import { customers, faces, memberOf } from './members.ts'
import { type Asked, read, textOf, unknown, write } from './method.ts'

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
/** A screen shows some twenty items; a list that is longer wants splitting, not scrolling. */
const listMax = 100

const columns = `items.id, list_id AS listId, title, body, state, owner_id AS ownerId, members.name AS ownerName,
  created_at AS createdAt, updated_at AS updatedAt`

const lists = `SELECT lists.id, lists.name, about, sum(state = 'open') AS open, sum(state = 'done') AS done
  FROM lists LEFT JOIN items ON list_id = lists.id GROUP BY lists.id ORDER BY position`

export const listMethods = {
  'Lists.getList': read(async () => ({ lists: await query(lists) })),
  /** What stands around every page of the member `me`, in one answer. */
  'Lists.getFrame': read(async (asked) => {
    const [found, members, [counted] = [], [me = null] = []] = await queries(lists, faces, customers, memberOf(textOf(asked, 'me')))
    return { lists: found, members, customers: counted, me }
  }),
}

export const itemMethods = {
  'Items.get': read(async (asked) => ({ item: await itemOf(textOf(asked, 'id')) })),

  'Items.getList': read(async (asked) => {
    const listId = textOf(asked, 'list')
    const items = await query<Item>(
      `SELECT ${columns} FROM items JOIN members ON members.id = owner_id WHERE list_id = ?
       ORDER BY state = 'done', updated_at DESC LIMIT ${listMax}`,
      [listId],
    )
    return { items }
  }),

  /** Makes an item (no id), or changes title, body or state of one. */
  'Items.save': write(async (asked) => {
    const member = textOf(asked, 'member')
    const id = asked.id === undefined ? await make(asked, member) : await change(asked, member)
    return { item: await itemOf(id) }
  }),
}

async function itemOf(id: string): Promise<Item> {
  const [item] = await query<Item>(`SELECT ${columns} FROM items JOIN members ON members.id = owner_id WHERE items.id = ?`, [id])
  if (item === undefined) throw unknown('item', id)
  return item
}

async function make(asked: Asked, member: string): Promise<string> {
  const id = randomUUID().slice(0, 8)
  const now = Date.now()
  const body = typeof asked.body === 'string' && asked.body !== '' ? textOf(asked, 'body', 4_000) : ''
  await transact([
    {
      sql: `INSERT INTO items (id, list_id, title, body, owner_id, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      params: [id, textOf(asked, 'list'), textOf(asked, 'title'), body, member, now, now],
    },
    activityOf(id, member, 'made', 'wrote this down'),
  ])
  return id
}

async function change(asked: Asked, member: string): Promise<string> {
  const item = await itemOf(textOf(asked, 'id'))
  const next = {
    title: asked.title === undefined ? item.title : textOf(asked, 'title'),
    body: asked.body === undefined ? item.body : textOf(asked, 'body', 4_000),
    state: asked.state === undefined ? item.state : stateOf(asked),
  }
  const told: Statement[] = []
  if (next.title !== item.title) told.push(activityOf(item.id, member, 'renamed', `renamed it from “${item.title}”`))
  if (next.body !== item.body) told.push(activityOf(item.id, member, 'edited', 'edited the text'))
  if (next.state !== item.state) {
    told.push(
      next.state === 'done' ? activityOf(item.id, member, 'done', 'ticked it off') : activityOf(item.id, member, 'open', 'opened it again'),
    )
  }
  if (told.length > 0) {
    const sql = 'UPDATE items SET title = ?, body = ?, state = ?, updated_at = ? WHERE id = ?'
    await transact([{ sql, params: [next.title, next.body, next.state, Date.now(), item.id] }, ...told])
  }
  return item.id
}

function stateOf(asked: Asked): Item['state'] {
  if (asked.state === 'open' || asked.state === 'done') return asked.state
  throw new Refusal(400, 'state', `state is open or done; got ${JSON.stringify(asked.state)}.`)
}
