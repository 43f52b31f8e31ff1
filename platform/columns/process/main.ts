/**
 * The embedded engine in a process of its own, so that its memory, its threads and its end are not the server's.
 * Started by child.ts with its settings as the one argument; says `ready`, then answers statements until the channel
 * closes. When the server is gone it ends at once: what it holds is on the disk, or was never acknowledged.
 */
import type { Session } from 'chdb'
import type { EngineSettings, FromEngine, ToEngine } from './messages.ts'
import { readers } from './messages.ts'

const settings = JSON.parse(process.argv[2] as string) as EngineSettings
const mebibyte = 1024 * 1024

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Ctrl-C in a terminal reaches the whole group; when to end is the server's decision.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

const say = (message: FromEngine): void => void process.send?.(message)

try {
  const { Session } = await import('chdb').catch((error: unknown) => {
    throw Object.assign(new Error(error instanceof Error ? error.message : String(error)), { missing: true })
  })
  const open = () => new Session(settings.folder, { connectionArgs: engineArguments() })
  serve(
    [open(), ...readers.map(open)],
    open(), // For KILL QUERY: all others may be busy with what is to be ended.
  )
  say({ kind: 'ready' })
} catch (error) {
  say({
    kind: 'failed',
    because: error instanceof Error ? error.message : String(error),
    missing: error instanceof Error && 'missing' in error,
  })
  setTimeout(() => process.exit(1), 100) // The message has left by then.
}

/** Settings of every statement. They are given here and not as SET, because a connection keeps what it was once told. */
function engineArguments(): string[] {
  const memory = settings.memoryBytes
  const all: Record<string, string | number> = {
    output_format_json_quote_64bit_integers: 1, // Else they come as numbers and lose digits.
    output_format_json_array_of_rows: 1,
    output_format_json_quote_denormals: 0, // NaN is null, which JSON can say.
    date_time_input_format: 'best_effort',
    max_server_memory_usage: memory,
    max_memory_usage: Math.floor(memory / 2),
    // A question that needs more goes on over the disk instead of failing.
    max_bytes_before_external_group_by: Math.floor(memory / 4),
    max_bytes_before_external_sort: Math.floor(memory / 4),
    max_result_rows: settings.answerRowsMax,
    max_result_bytes: settings.answerBytesMax,
    max_query_size: settings.statementBytesMax,
    result_overflow_mode: 'throw',
    timeout_overflow_mode: 'throw',
    // Made for servers with hundreds of gigabytes: 5 GiB each.
    mark_cache_size: 128 * mebibyte,
    primary_index_cache_size: 128 * mebibyte,
    index_mark_cache_size: 32 * mebibyte,
    query_condition_cache_size: 16 * mebibyte,
  }
  return Object.entries(all).map(([name, value]) => `--${name}=${value}`)
}

function serve(connections: readonly Session[], control: Session): void {
  let running = 0
  let closing = false

  process.on('message', (message: ToEngine) => {
    switch (message.kind) {
      case 'run':
        return void run(message)
      case 'stop':
        return void control.queryAsync(`KILL QUERY WHERE Settings['log_comment'] = '${message.id}' ASYNC`).catch(() => {})
      case 'close':
        closing = true
        return endWhenIdle()
    }
  })

  async function run({ id, connection, sql, timeoutMs }: Extract<ToEngine, { kind: 'run' }>): Promise<void> {
    running++
    try {
      const session = connections[connection]
      if (session === undefined) throw new Error(`there is no connection ${connection}`)
      // SET stays until the next one; every statement of ours brings both, so nothing leaks from one to another.
      await session.queryAsync(`SET max_execution_time = ${timeoutMs / 1_000}, log_comment = '${id}'`)
      const answer = await session.queryAsync(sql, { format: 'JSONEachRow' })
      const json = answer.bytes()
      if (json.byteLength <= settings.answerBytesMax) say({ kind: 'answer', id, json })
      else say({ kind: 'refused', id, refusal: { code: 396, message: settings.tooLong } })
    } catch (error) {
      const code = error instanceof Error && 'clickhouseCode' in error ? Number(error.clickhouseCode) : undefined
      say({ kind: 'refused', id, refusal: { code, message: error instanceof Error ? error.message : String(error) } })
      // A connection keeps what it was refused, and its memory, until its next statement.
      await connections[connection]?.queryAsync('SELECT 1').catch(() => {})
    } finally {
      running--
      endWhenIdle()
    }
  }

  function endWhenIdle(): void {
    if (!closing || running > 0) return
    for (const session of [...connections, control]) session.close()
    process.exit(0)
  }
}
