import { query, type Statement } from '#shared/sql.ts'
import { read, textOf } from './method.ts'

/** What fits below an item without a second page. */
const streamMax = 20

/** The statement that tells what a member did to an item, for the transaction in which they did it. */
export function activityOf(itemId: string, memberId: string, kind: string, says: string): Statement {
  return {
    sql: 'INSERT INTO activities (item_id, member_id, kind, says, at) VALUES (?, ?, ?, ?, ?)',
    params: [itemId, memberId, kind, says, Date.now()],
  }
}

export const activityMethods = {
  'Activities.getItemStream': read(async (asked) => ({
    activities: await query(
      `SELECT activities.id, kind, says, at, member_id AS memberId, coalesce(members.name, 'Pages') AS memberName
       FROM activities LEFT JOIN members ON members.id = member_id WHERE item_id = ? ORDER BY activities.id DESC LIMIT ${streamMax}`,
      [textOf(asked, 'item')],
    ),
  })),
}
