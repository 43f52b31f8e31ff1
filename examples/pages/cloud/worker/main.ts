/** The worker: counts page views, keeps activity streams short, and tells when an item is much read. */
import { here } from '#shared/belay.ts'
import { Refusal, serve } from '#shared/server.ts'
import { query, transact } from '#shared/sql.ts'

const everyMs = 1_000
/** Of each item; older ones nobody scrolls to. */
const activitiesKept = 200
/** Views counted in one transaction: a pass stays short however much has piled up. */
const viewsPerPass = 2_000
/** An item becomes news when it passes one of these. */
const milestones = [50, 100, 250, 500, 1_000]

let lastPassAt = Date.now()
let passes = 0

async function pass(): Promise<void> {
  const [{ last } = { last: null }] = await query<{ last: number | null }>(
    `SELECT max(id) AS last FROM (SELECT id FROM views ORDER BY id LIMIT ${viewsPerPass})`,
  )
  if (last !== null) await count(last)
  if (passes++ % 30 === 0) await prune()
  lastPassAt = Date.now()
}

async function count(last: number): Promise<void> {
  const before = await query<{ page: string; views: number }>(`SELECT page, views FROM stats WHERE page LIKE '/items/%'`)
  const viewsBefore = new Map(before.map((row) => [row.page, row.views]))
  await transact([
    {
      sql: `INSERT INTO stats (page, views, ms_sum, updated_at)
            SELECT page, count(*), sum(ms), ? FROM views WHERE id <= ? GROUP BY page
            ON CONFLICT (page) DO UPDATE SET views = views + excluded.views, ms_sum = ms_sum + excluded.ms_sum, updated_at = excluded.updated_at`,
      params: [Date.now(), last],
    },
    { sql: 'DELETE FROM views WHERE id <= ?', params: [last] },
  ])
  const after = await query<{ page: string; views: number }>(`SELECT page, views FROM stats WHERE page LIKE '/items/%'`)
  for (const { page, views } of after) {
    const passed = milestones.findLast((mark) => views >= mark && (viewsBefore.get(page) ?? 0) < mark)
    if (passed !== undefined) await tell(page.replace('/items/', ''), passed)
  }
}

async function tell(itemId: string, views: number): Promise<void> {
  const sql = `INSERT INTO activities (item_id, member_id, kind, says, at) SELECT id, NULL, 'read', ?, ? FROM items WHERE id = ?`
  await transact([{ sql, params: [`counted ${views} views`, Date.now(), itemId] }])
}

async function prune(): Promise<void> {
  const sql = `DELETE FROM activities WHERE id IN (
    SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY item_id ORDER BY id DESC) AS nth FROM activities) WHERE nth > ?)`
  await transact([{ sql, params: [activitiesKept] }])
}

serve({
  handle: async () => {
    throw new Refusal(404, 'unknown', 'The worker answers /healthz only.')
  },
  health: async () => {
    await query('SELECT 1')
    const sinceMs = Date.now() - lastPassAt
    if (sinceMs > 20 * everyMs) throw new Refusal(500, 'stuck', `The last pass ended ${sinceMs} ms ago.`)
    return { passes, sinceMs }
  },
})
console.log(`${here.service} counts every ${everyMs} ms`)
while (true) {
  await pass().catch((error: unknown) => console.error(String(error)))
  await new Promise((resolve) => setTimeout(resolve, everyMs))
}
