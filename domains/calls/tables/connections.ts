/** Single calls, by the connections that carried them or by how slow they were: for whoever knows more of connections. */
import { type Columns, join, raw, type Sql, sql } from '@belay/columns'
import { marks } from '../row.ts'

/** One call; times of the service's clock. */
export type ConnectedCall = {
  /** Ms since the epoch, cut to a whole one. */
  readonly at: number
  readonly service: string
  readonly method: string
  readonly release: string
  readonly host: string
  readonly status: number
  readonly failed: boolean
  readonly realMs: number
  readonly dbMs: number
  readonly externalMs: number
  readonly trace: string
  readonly span: string
  /** Ends of its socket, `address:port`; '' unknown. */
  readonly peer: string
  readonly local: string
}
type Ask = {
  readonly environment: string
  readonly from: number
  readonly to: number
  readonly service?: string | undefined
  readonly method?: string | undefined
  readonly limit: number
}
/** @throws Problem of the column store. */
export type CallConnections = {
  /** The slowest of a range first. */
  slowest(ask: Ask & { readonly slowerMs: number }): Promise<ConnectedCall[]>
  /** Calls that came from one of these peers and began within its window, in the order of time; windows lie between `from` and `to`. */
  carried(
    ask: Ask & { readonly windows: readonly { readonly peer: string; readonly from: number; readonly to: number }[] },
  ): Promise<ConnectedCall[]>
}

type Row = {
  readonly at: number
  readonly service: string
  readonly method: string
  readonly release: string
  readonly host: string
  readonly status: number
  readonly failed: number
  readonly real_us: number
  readonly dbw_us: number
  readonly ext_us: number
  readonly trace: string
  readonly span: string
  readonly peer: string
  readonly local: string
}
const shown = raw(
  [
    'toFloat64(toUnixTimestamp64Milli(c.ts)) AS at',
    ...['service', 'method', 'release', 'host', 'local'].map((name) => `toString(c.${name}) AS ${name}`),
    ...['status', 'failed', 'real_us', 'dbw_us', 'ext_us', 'peer'].map((name) => `c.${name} AS ${name}`),
    'lower(hex(c.trace)) AS trace',
    "leftPad(lower(hex(c.span)), 16, '0') AS span",
  ].join(', '),
)
/** A list of moments is written into the question; a larger one is asked in several. */
const together = 500

export function openCallConnections(columns: Pick<Columns, 'query'>): CallConnections {
  return {
    async slowest(ask) {
      const conditions = [...conditionsOf(ask), sql`c.real_us >= ${Math.floor(ask.slowerMs * 1_000)}`]
      const rows = await columns.query<Row>(
        sql`SELECT ${shown} FROM calls AS c WHERE ${join(conditions, ' AND ')} ORDER BY c.real_us DESC, c.ts LIMIT ${ask.limit}`,
      )
      return rows.map(callOf)
    },
    async carried(ask) {
      const found: ConnectedCall[] = []
      for (let from = 0; from < ask.windows.length; from += together) {
        const some = ask.windows.slice(from, from + together)
        const moments = some.map((it) => sql`(c.peer = ${it.peer} AND c.ts >= ${new Date(it.from)} AND c.ts <= ${new Date(it.to)})`)
        // The set first: of all rows of the range it leaves few to be held against each window.
        const peers = [...new Set(some.map(({ peer }) => peer))]
        const rows = await columns.query<Row>(
          sql`SELECT ${shown} FROM calls AS c PREWHERE c.peer IN ${peers} AND c.ts >= ${new Date(ask.from)} AND c.ts < ${new Date(ask.to)}
            WHERE ${join(conditionsOf(ask), ' AND ')} AND (${join(moments, ' OR ')}) ORDER BY c.ts LIMIT ${ask.limit}`,
        )
        found.push(...rows.map(callOf))
      }
      return found.slice(0, ask.limit)
    },
  }
}

/** Rows that only add to earlier ones are no calls. */
function conditionsOf({ environment, from, to, service, method }: Ask): Sql[] {
  return [
    sql`c.environment = ${environment}`,
    sql`c.ts >= ${new Date(from)} AND c.ts < ${new Date(to)}`,
    sql`c.n = 1 AND bitAnd(c.marks, ${marks.late}) = 0`,
    ...(service === undefined ? [] : [sql`c.service = ${service}`]),
    ...(method === undefined ? [] : [sql`c.method = ${method}`]),
  ]
}

const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)
const callOf = (it: Row): ConnectedCall => ({
  at: it.at,
  service: it.service,
  method: it.method,
  release: it.release,
  host: it.host,
  status: it.status,
  failed: it.failed === 1,
  realMs: it.real_us / 1_000,
  dbMs: it.dbw_us / 1_000,
  externalMs: it.ext_us / 1_000,
  trace: it.trace === noTrace ? '' : it.trace,
  span: it.span === noSpan ? '' : it.span,
  peer: it.peer,
  local: it.local,
})
