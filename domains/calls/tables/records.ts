/** Exemplars and figures of processes as rows of their tables; few enough to go in as JSON. */
import type { ExemplarRow, ProcessRow } from '../intake/types.ts'

/** As ClickHouse reads a DateTime64(3) of UTC. */
const timeOf = (at: number): string => new Date(at).toISOString().replace('T', ' ').replace('Z', '')

/** A row of `call_exemplars`. */
export function exemplarRecord(row: ExemplarRow): Record<string, unknown> {
  return {
    ts: timeOf(row.at),
    service: row.service,
    environment: row.environment,
    release: row.release,
    lane: row.lane,
    host: row.host,
    method: row.method,
    audience: row.audience,
    account: row.account,
    variants: row.variants,
    status: row.status,
    failed: row.failed ? 1 : 0,
    why: row.why,
    real_us: row.realUs,
    cpu_us: row.cpuUs,
    dbt_us: row.dbUs,
    ext_us: row.externalUs,
    cpu_n: row.cpuN,
    stc: row.statements,
    txc: row.transactions,
    trace: row.trace,
    span: row.span,
    events: JSON.stringify(row.events),
    cut: row.cut,
  }
}

/** A row of `call_processes`. */
export function processRecord(row: ProcessRow): Record<string, unknown> {
  return {
    ts: timeOf(row.at),
    service: row.service,
    environment: row.environment,
    release: row.release,
    host: row.host,
    mode: row.mode,
    interval_ms: Math.round(row.intervalMs),
    cpu_ms: row.cpuMs,
    attributed_ms: row.attributedMs,
    dropped: row.dropped,
    overflowed: row.overflowed,
  }
}
