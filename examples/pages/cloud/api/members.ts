import { query } from '#shared/sql.ts'
import { read, textOf, unknown } from './method.ts'

export const allMembers = `SELECT members.id, name, job, color, sum(state = 'open') AS open
  FROM members LEFT JOIN items ON owner_id = members.id GROUP BY members.id ORDER BY name`

export const memberMethods = {
  'Members.get': read(async (asked) => {
    const id = textOf(asked, 'id')
    const [member] = await query('SELECT id, name, job, color FROM members WHERE id = ?', [id])
    if (member === undefined) throw unknown('member', id)
    const items = await query(
      `SELECT id, title, state, list_id AS listId, updated_at AS updatedAt FROM items WHERE owner_id = ? ORDER BY updated_at DESC LIMIT 50`,
      [id],
    )
    return { member, items }
  }),
  'Members.getList': read(async () => ({
    members: await query(allMembers),
  })),
}
