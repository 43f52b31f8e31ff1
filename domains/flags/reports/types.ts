import type { FlagCountsWire, ReportWire } from '@belay/protocol'

/** What services report of their evaluations: counts by minute, exposures once per unit and flag, tracked events. */
export type Reports = {
  /** Durable when it resolves. The same source and batch again changes nothing: `counted` false. */
  take(environment: string, report: ReportWire): Promise<{ counted: boolean }>
  /** Evaluations that this server did itself (OFREP); gathered in memory and written once in a while. */
  evaluated(environment: string, flag: string, variant: string | null, count: number): void
  exposed(environment: string, flag: string, variant: string, unit: string): void
  /** Writes what `evaluated` and `exposed` gathered. Also at the end. */
  flush(): Promise<void>
  counts(asking: { flag: string; environment: string; forMs: number }): Promise<FlagCountsWire>
  /** When each flag was last evaluated anywhere, to the minute; from memory. */
  lastEvaluatedAt(flag: string): number | null
  /** Deletes what is older than it is kept for. */
  sweep(): Promise<void>
}
