/**
 * The tables of TCP sessions in the column store. They are filed by the day on which they were sent, not by the day of the packets:
 * somebody who sends a capture of last year wants to see it for as long as one of today, and a damaged one may claim any year.
 */
import type { ColumnMigrations } from '@belay/columns'

/** A quarter: what a network was like before it was changed. A session takes one to two kilobytes. */
export const sessionDays = 90
/** As long as raw calls, which turns are laid beside. */
const turnDays = 30
/** Dozens of bytes for each segment of a session. */
const traceDays = 30

/** Whole parts are dropped when all of their rows are too old; nothing is rewritten for it. */
const dropWholeParts = { ttl_only_drop_parts: 1 }
const lowText = (name: string) => `${name} LowCardinality(String)`
const text = (name: string) => `${name} String CODEC(ZSTD(1))`
const time = (name: string) => `${name} DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))`
const numbers = (type: string, ...names: string[]) => names.map((name) => `${name} ${type} CODEC(ZSTD(1))`)
const sent = (days: number) => ({
  family: 'MergeTree',
  partitionBy: 'toDate(sent)',
  ttl: `toDateTime(sent) + INTERVAL ${days} DAY`,
  settings: dropWholeParts,
})

export const networkColumns: ColumnMigrations = {
  room: 'network',
  steps: [
    {
      name: '001-sessions',
      up: (it) => [
        // Columns for what is filtered, sorted and shown in lists; the whole record beside them, read one at a time.
        ...it.table({
          name: 'tcp_sessions',
          columns: [
            ...[time('sent'), lowText('environment'), lowText('capture'), 'number UInt32'],
            ...['name', 'host', 'label', 'grade', 'limited', 'point', 'close'].map(lowText),
            ...[time('ts'), time('ended'), text('client'), text('server')],
            ...numbers('UInt16', 'client_port', 'server_port'),
            ...numbers('Float64', 'started_ms', 'duration', 'score', 'limited_share', 'out_bps', 'in_bps', 'out_bytes', 'in_bytes'),
            ...numbers('Nullable(Float64)', 'handshake_ms', 'rtt_ms', 'rtt95_ms', 'server_ms'),
            ...numbers('Float64', 'resent_share', 'application_ms', 'receiver_ms', 'network_ms', 'initial_bytes'),
            ...numbers('UInt32', 'packets', 'resent', 'turns'),
            'because String CODEC(ZSTD(3))',
            'spark Array(Float64) CODEC(ZSTD(3))',
            'spark_rtt Array(Nullable(Float64)) CODEC(ZSTD(3))',
            'record String CODEC(ZSTD(3))',
            'series String CODEC(ZSTD(3))',
          ].join(', '),
          orderBy: 'environment, capture, number',
          ...sent(sessionDays),
        }),
        // By the client's end: that is how a call finds the turn that carried it.
        ...it.table({
          name: 'tcp_turns',
          columns: [
            ...[time('sent'), lowText('environment'), lowText('capture'), 'number UInt32'],
            ...[text('peer'), text('local'), time('ts'), time('answered'), time('ended')],
            ...numbers('Float64', 'at_ms', 'started_ms', 'request_ms', 'server_ms', 'response_ms', 'ack_ms', 'whole_ms'),
            ...numbers('Float64', 'request_bytes', 'response_bytes'),
            ...numbers('UInt32', 'lost'),
          ].join(', '),
          orderBy: 'environment, peer, ts',
          ...sent(turnDays),
        }),
        ...it.table({
          name: 'tcp_traces',
          columns: [
            ...[time('sent'), lowText('environment'), lowText('capture'), 'number UInt32', 'chunk UInt16', 'chunks UInt16'],
            // Base64, which compresses back to what it stands for.
            'data String CODEC(ZSTD(1))',
          ].join(', '),
          orderBy: 'environment, capture, number, chunk',
          ...sent(traceDays),
        }),
      ],
    },
  ],
}
