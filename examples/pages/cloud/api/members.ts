import { query } from '#shared/sql.ts'
import { read, textOf, unknown } from './method.ts'

export type Member = {
  id: string
  name: string
  job: string
  color: string
  email: string
  role: 'tester' | 'staff' | 'customer'
  earlyAccess: 0 | 1
}

const columns = 'id, name, job, color, email, role, early_access AS earlyAccess'
/** Customers of each kind whom every page offers to act as; all of them would be longer than the page. */
const facesMax = 3

/** Who works on this cloud, with what they have to do, and some of those who use it. */
export const faces = `SELECT ${columns}, (SELECT count(*) FROM items WHERE owner_id = members.id AND state = 'open') AS open
  FROM (SELECT *, row_number() OVER (PARTITION BY role, early_access ORDER BY name) AS nth FROM members) AS members
  WHERE role <> 'customer' OR nth <= ${facesMax} ORDER BY name`

export const customers = `SELECT count(*) AS count, sum(early_access) AS early FROM members WHERE role = 'customer'`

export const memberOf = (id: string) => ({ sql: `SELECT ${columns} FROM members WHERE id = ?`, params: [id] })

export async function findMember(id: string): Promise<Member | undefined> {
  const { sql, params } = memberOf(id)
  const [member] = await query<Member>(sql, params)
  return member
}

export const memberMethods = {
  'Members.get': read(async (asked) => {
    const id = textOf(asked, 'id')
    const member = await findMember(id)
    if (member === undefined) throw unknown('member', id)
    const items = await query(
      `SELECT id, title, state, list_id AS listId, updated_at AS updatedAt FROM items WHERE owner_id = ? ORDER BY updated_at DESC LIMIT 50`,
      [id],
    )
    return { member, items }
  }),
  /** Everybody, customers too. */
  'Members.getList': read(async () => ({
    members: await query<Member>(`SELECT ${columns} FROM members ORDER BY name`),
  })),
}
