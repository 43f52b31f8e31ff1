import { Refusal } from '#shared/server.ts'
import { query, transact } from '#shared/sql.ts'
import { read, textOf, write } from './method.ts'

/** Nobody waits longer for a page; what says more is a clock that jumped. */
const viewMsMax = 600_000

export const statsMethods = {
  /** A browser tells how long a page took to show; the worker counts it. */
  'Stats.save': write(async (asked) => {
    const ms = Number(asked.ms)
    if (!(ms >= 0 && ms <= viewMsMax)) throw new Refusal(400, 'ms', `ms is a number from 0 to ${viewMsMax}.`)
    const sql = 'INSERT INTO views (page, ms, at) VALUES (?, ?, ?)'
    await transact([{ sql, params: [textOf(asked, 'page'), Math.round(ms), Date.now()] }])
    return { saved: true }
  }),
  'Stats.getList': read(async () => ({
    stats: await query('SELECT page, views, round(ms_sum * 1.0 / views, 1) AS msMean FROM stats ORDER BY views DESC LIMIT 50'),
  })),
}
