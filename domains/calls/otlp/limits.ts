/** Every bound of what OpenTelemetry may send, with its reason. */

export const limits = {
  /** What OTLP recommends; a collector's batch of 8,192 rich spans has 16 MB. Counted after decompression. */
  bodyBytesMax: 64 * 1_024 * 1_024,
  /** Read JSON takes up to 20 times its size in memory (`{},` becomes an object); exporters that mean business send protobuf. */
  jsonBytesMax: 16 * 1_024 * 1_024,
  /** Bodies that are being read, decompressed or decoded, together, at the size that they will have. */
  workingBytesMax: 192 * 1_024 * 1_024,
  /** As many senders wait for an answer at once; each holds a body. More are told to come again. */
  workingMax: 256,
  /** A batch takes a fraction of a second; overload lasts longer than a second. */
  busyAfterS: 2,
  /** A sender that pauses in the middle of its body holds room that others want. */
  bodyMs: 30_000,

  /** How long spans that came are remembered, for those that come late, and for duplicates; twice as long at the most. */
  rememberMs: 60_000,
  /** 48 MiB for each of two generations; a generation of a million spans ends early. */
  rememberMax: 2 ** 21,
  /**
   * A span of a database comes when it ended, the call's own when the call ended: calls that take longer than this lose
   * what they did at first.
   */
  pendingMs: 15 * 60_000,
  /** Spans whose call is still under way: 2 for each of 50,000 calls at once. */
  pendingMax: 100_000,
  pendingBytesMax: 64 * 1_024 * 1_024,

  /** A part of the journal lives for two generations of what is remembered. */
  journalPartMs: 60_000,
  journalPartBytesMax: 32 * 1_024 * 1_024,
  /** Bodies of two minutes as they came or compressed: 8 MB a second for two minutes. */
  journalBytesMax: 1_024 * 1_024 * 1_024,

  /** Names are kept in memory and in columns made for few values; a day has its own. */
  servicesMax: 300,
  releasesMax: 2_000,
  hostsMax: 5_000,
  lanesMax: 100,
  /** A clock may be ahead by a little; beyond, a call is counted when it came. */
  aheadMs: 60_000,
  /** A collector that was cut off sends what it kept; older calls would make partitions of their own. */
  pastMs: 7 * 86_400_000,
} as const
