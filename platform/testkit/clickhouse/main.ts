/**
 * ClickHouse's HTTP interface as its official client uses it, before a real engine (chDB) in this process: statements in
 * the body or in the URL, settings as parameters, inserts with their data in the body, gzip both ways, refusals with the
 * server's header and text. Arguments: folder, port of cluster or ''. Says its port to the process that forked it.
 *
 * With a cluster: chDB has no keeper, so `ON CLUSTER` is dropped and replicated tables become plain ones; distributed
 * tables, `cluster()` and the choice of a shard are the engine's own, over one shard that is this process.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createGunzip, gzipSync } from 'node:zlib'
import { Session } from 'chdb'

const [folder, cluster] = process.argv.slice(2) as [string, string]
const user = `Basic ${Buffer.from('belay:only for tests').toString('base64')}`
/** Parameters of the interface that are no settings of the engine. */
const notSettings = new Set(['query', 'query_id', 'database', 'session_id', 'role', 'default_format', 'wait_end_of_query'])
const inbox = join(folder, 'inbox')
let bodies = 0

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
mkdirSync(inbox, { recursive: true })
const args = cluster === '' ? [] : [`--config-file=${clusterConfig()}`]
const open = () => new Session(join(folder, 'data'), { connectionArgs: args })
// Holds the folder open between two requests.
const control = open()

const server = createServer({ keepAliveTimeout: 10_000 }, (request, response) => {
  answer(request, response).catch((error: unknown) => refuse(response, error))
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))

/** An engine that thinks it listens on this port takes the one replica for itself. */
function clusterConfig(): string {
  const file = join(folder, 'cluster.xml')
  writeFileSync(
    file,
    `<clickhouse><tcp_port>9000</tcp_port><remote_servers><${cluster}><shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>9000</port></replica></shard></${cluster}></remote_servers></clickhouse>`,
  )
  return file
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (url.pathname === '/ping') return void response.end('Ok.\n')
  if (request.headers.authorization !== user) throw new Error('Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)')
  const body = await read(request)
  const inUrl = url.searchParams.get('query')
  const id = url.searchParams.get('query_id') ?? ''
  const file = inUrl === null ? undefined : join(inbox, String(++bodies))
  if (file !== undefined) writeFileSync(file, body)
  const session = open()
  response.once('close', () => {
    if (!response.writableFinished) void control.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = '${id}' ASYNC`).catch(() => {})
  })
  try {
    const database = url.searchParams.get('database')
    if (database !== null) await session.queryAsync(`USE \`${database}\``)
    const settings = [...url.searchParams]
      .filter(([name]) => !notSettings.has(name))
      .map(([name, value]) => `${name} = '${value.replaceAll("'", "\\'")}'`)
    await session.queryAsync(`SET ${[...settings, `log_comment = '${id}'`].join(', ')}`)
    const sql = inUrl === null ? body.toString() : inUrl.replace(/\bFORMAT\s+(\w+)\s*$/, `FROM INFILE '${file}' FORMAT $1`)
    const result = await session.queryAsync(onOneServer(sql), { format: 'TabSeparated' })
    send(request, response, url, Buffer.from(result.bytes()))
  } finally {
    session.close()
    if (file !== undefined) await rm(file)
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  const plain = request.headers['content-encoding'] === 'gzip' ? request.pipe(createGunzip()) : request
  for await (const chunk of plain) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function onOneServer(sql: string): string {
  if (cluster === '') return sql
  return sql
    .replace(new RegExp(`\\bON CLUSTER '${cluster}'`, 'g'), '')
    .replace(/\bReplicated(\w*MergeTree)\('[^']*', '[^']*'\)/g, '$1')
    .replace(/\breplicated_deduplication_window_seconds = \d+,?/g, '')
    .replace(/\breplicated_deduplication_window\b/g, 'non_replicated_deduplication_window')
}

function send(request: IncomingMessage, response: ServerResponse, url: URL, bytes: Buffer): void {
  const zips = url.searchParams.get('enable_http_compression') === '1' && String(request.headers['accept-encoding']).includes('gzip')
  response.setHeader('X-ClickHouse-Summary', JSON.stringify({ read_rows: '0', read_bytes: '0', written_rows: '0', written_bytes: '0' }))
  response.setHeader('X-ClickHouse-Query-Id', url.searchParams.get('query_id') ?? '')
  if (zips) response.setHeader('Content-Encoding', 'gzip')
  response.end(zips ? gzipSync(bytes) : bytes)
}

/** Status, header and body of a real server's refusal. */
function refuse(response: ServerResponse, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error)
  const code = Number(/^Code: (\d+)/.exec(message)?.[1] ?? 1002)
  const status: Readonly<Record<number, number>> = { 60: 404, 62: 400, 81: 404, 159: 408, 241: 500, 516: 403 }
  response.writeHead(status[code] ?? 500, { 'X-ClickHouse-Exception-Code': String(code), 'Content-Type': 'text/plain; charset=UTF-8' })
  response.end(`${message} (version 26.7.2.1)\n`)
}
