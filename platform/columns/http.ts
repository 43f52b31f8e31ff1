import { open } from 'node:fs/promises'
import type { ClickHouseClient, ClickHouseSettings, ResultSet } from '@clickhouse/client'
import { Problem, sentenceOf } from '@belay/base'
import { type Ask, answerBytesMax, answerRowsMax, type Engine, insertMsMax, statementBytesMax } from './engine.ts'
import { explain } from './explain.ts'
import { openLane } from './lane.ts'
import { columnsProblem, sayAnswerBound } from './problems.ts'
import { openShards } from './shards.ts'
import { quoted } from './sql.ts'
import { columnList, columnsOf, insertSettings, named, valuesOf } from './statements.ts'
import type { ColumnState } from './types.ts'

/** A cluster does more at once than one machine; a server of Belay's need not fill it alone (ClickHouse's own bound is 100 to 1,000). */
const questionsAtOnce = 8
const insertsAtOnce = 2
const waitingMax = 64
/** The server looks at its clock between blocks; after this the connection is given up. */
const graceMs = 2_000
/** Longer than any statement of ours; each has a time of its own. */
const requestMsMax = 3_700_000

/** Settings of every request, as the embedded engine is started with them. */
const settings: ClickHouseSettings = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_denormals: 0,
  date_time_input_format: 'best_effort',
  session_timezone: 'UTC',
  max_result_rows: String(answerRowsMax),
  max_result_bytes: String(answerBytesMax),
  max_query_size: String(statementBytesMax),
  result_overflow_mode: 'throw',
  timeout_overflow_mode: 'throw',
  // An error after the first rows would else come in the middle of an answer that began with 200.
  wait_end_of_query: 1,
  cancel_http_readonly_queries_on_client_close: 1,
  // Acknowledged means stored, also where the server's profile says otherwise.
  async_insert: 0,
  distributed_foreground_insert: 1,
}

/** A ClickHouse server or cluster, through its official client. */
export function openHttp(it: { readonly url: string; readonly cluster?: string; readonly database?: string }): Engine {
  const where = hostOf(it.url)
  const read = openLane({ slots: slots(questionsAtOnce), waitingMax })
  const write = openLane({ slots: slots(insertsAtOnce), waitingMax })
  const shards = openShards(it.cluster, (sql) => engine.rows(sql, { timeoutMs: 10_000 }))
  let opened: Promise<ClickHouseClient> | undefined
  let present: Pick<ColumnState, 'state' | 'because'> = { state: 'starting', because: null }

  const client = () => (opened ??= connect(it))

  /** Runs one request within its time, and makes a Problem of what goes wrong. */
  async function ask<T>(
    { timeoutMs, signal }: Ask,
    work: (client: ClickHouseClient, settings: ClickHouseSettings, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const time = AbortSignal.timeout(timeoutMs + graceMs)
    const both = signal === undefined ? time : AbortSignal.any([time, signal])
    try {
      const result = await work(await client(), { ...settings, max_execution_time: timeoutMs / 1_000 }, both)
      present = { state: 'ready', because: null }
      return result
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      const problem = time.aborted ? columnsProblem('columns-too-slow', { afterMs: timeoutMs }) : problemOf(error, where, timeoutMs)
      present =
        problem.code === 'columns-down' ? { state: 'down', because: String(problem.facts['because']) } : { state: 'ready', because: null }
      throw problem
    }
  }

  const engine: Engine = {
    async makeDatabase() {
      const { database, cluster } = it
      if (database === undefined) return
      // Whoever names a database that is not there is refused whatever they ask, so this one is asked without.
      const without = await connect({ url: it.url })
      const on = cluster === undefined ? '' : ` ON CLUSTER ${quoted(cluster)}`
      try {
        await without.command({ query: `CREATE DATABASE IF NOT EXISTS ${named(database)}${on}` })
      } catch (error) {
        throw problemOf(error, where, requestMsMax)
      } finally {
        await without.close()
      }
    },
    rows: (sql, asked) =>
      read.run(
        () =>
          ask(asked, async (it, settings, abort_signal) => {
            const answer = await it.query({ query: sql, format: 'JSONEachRow', clickhouse_settings: settings, abort_signal })
            return await parsed(answer)
          }),
        asked,
      ),
    command: (sql, asked) =>
      write.run(
        () =>
          ask(asked, async (it, settings, abort_signal) => {
            await it.command({ query: sql, clickhouse_settings: settings, abort_signal })
          }),
        asked,
      ),
    async insertFile({ table, columns, path, token }) {
      const own = { ...insertSettings(token), ...(await shards.settingsFor(token)) }
      const asked = { timeoutMs: insertMsMax }
      await write.run(
        () =>
          ask(asked, async (it, settings, abort_signal) => {
            // Opened before it is promised: a stream that cannot open its file fails where nobody catches it.
            const file = await open(path)
            const { stream } = await it.exec({
              query: `INSERT INTO ${named(table)} (${columnList(columns.map(([name]) => name))}) FORMAT RowBinary`,
              values: file.createReadStream(),
              clickhouse_settings: { ...settings, ...own } as ClickHouseSettings,
              abort_signal,
            })
            for await (const _ of stream); // Nothing comes; the socket is free again when it has been read.
          }),
        asked,
      )
    },
    async insertRows({ table, rows, token }) {
      if (rows.length === 0) return
      const own = { ...insertSettings(token), ...(await shards.settingsFor(token)) }
      const columns = columnsOf(rows)
      const asked = { timeoutMs: insertMsMax }
      await write.run(
        () =>
          ask(asked, async (it, settings, abort_signal) => {
            await it.insert({
              table: named(table),
              columns: columns.map(named) as [string, ...string[]],
              values: valuesOf(rows, columns),
              format: 'JSONCompactEachRow',
              clickhouse_settings: { ...settings, ...own } as ClickHouseSettings,
              abort_signal,
            })
          }),
        asked,
      )
    },
    state: () => ({ ...present, where: 'cluster', restarts: 0 }),
    async close() {
      await (await opened)?.close()
    },
  }
  return engine
}

/** The server bounds an answer block by block, and the first may be any size. */
async function parsed(answer: ResultSet<'JSONEachRow'>): Promise<unknown[]> {
  const rows: unknown[] = []
  let bytes = 0
  for await (const chunk of answer.stream<unknown>()) {
    for (const row of chunk) {
      bytes += row.text.length
      if (bytes > answerBytesMax) throw columnsProblem('columns-too-large', { because: sayAnswerBound(answerBytesMax) })
      rows.push(row.json())
    }
  }
  return rows
}

const slots = (count: number): number[] => Array.from({ length: count }, (_, nth) => nth)

/** Loaded only where there is a cluster. */
async function connect(it: { readonly url: string; readonly database?: string }): Promise<ClickHouseClient> {
  const { createClient, ClickHouseLogLevel } = await import('@clickhouse/client')
  return createClient({
    url: it.url,
    database: it.database,
    application: 'belay',
    request_timeout: requestMsMax,
    max_open_connections: questionsAtOnce + insertsAtOnce,
    compression: { request: { codec: 'gzip', level: 1 }, response: true },
    // What goes wrong is thrown, and told by whoever asked.
    log: { level: ClickHouseLogLevel.OFF },
  })
}

/** Without user and password. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'CLICKHOUSE_URL'
}

function problemOf(error: unknown, where: string, timeoutMs: number): Problem {
  if (error instanceof Problem) return error
  // ClickHouseError has the server's own number as a text; anything else never reached the server, or lost it on the way.
  const code = error instanceof Error && 'type' in error && 'code' in error ? Number(error.code) : undefined
  const message = sentenceOf(error)
  if (message.startsWith('ENOENT')) return columnsProblem('columns-refused', { because: message }, error)
  return code === undefined || Number.isNaN(code)
    ? columnsProblem('columns-down', { where, because: message === '' ? 'it does not answer' : message }, error)
    : explain({ code, message }, where, timeoutMs)
}
