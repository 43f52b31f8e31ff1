import type { FlagCountsWire, ReportWire } from '@belay/protocol'

/** What services report of their evaluations: counts by minute, exposures once per unit and flag, tracked events. */
export type Reports = {
  /** Reads when flags were last evaluated; before `lastEvaluatedAt`. */
  load(): Promise<void>
  /**
   * Durable when it resolves. The same source and batch again changes nothing: `counted` false. `dropped`: how many
   * entries were not taken, because they are too old (7 days) or too far ahead (a day), or past a bound of limits.ts.
   */
  take(environment: string, report: ReportWire): Promise<{ counted: boolean; dropped?: number }>
  /** Evaluations that this server did itself (OFREP); gathered in memory and written once in a while. */
  evaluated(environment: string, flag: string, variant: string | null, count: number): void
  exposed(environment: string, flag: string, variant: string, unit: string): void
  /** Writes what `evaluated` and `exposed` gathered. Also at the end. When it fails, the next one writes it, once. */
  flush(): Promise<void>
  /** `units`: how many distinct ones ever met the variant, in the 90 days that exposures are kept. */
  counts(asking: { flag: string; environment: string; forMs: number }): Promise<FlagCountsWire>
  /** Units that met more than one variant of the flag: how many, and some of them. */
  crossings(asking: { flag: string; environment: string; limit: number }): Promise<{ units: number; some: Crossing[] }>
  /** When each flag was last evaluated anywhere, to the minute; from memory, other servers' a minute later. */
  lastEvaluatedAt(flag: string): number | null
  /** Deletes what is older than it is kept for. Once an hour is enough. */
  sweep(): Promise<void>
}

/** A unit that met several variants of one flag, and when it met each first. */
export type Crossing = { readonly unit: string; readonly variants: readonly { readonly variant: string; readonly at: number }[] }
