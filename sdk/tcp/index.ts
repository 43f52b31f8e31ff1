/** How good each TCP session of a capture was, why it was not better, and which of two networks serves better. Pure. */
export type { Analyser, AnalyserOptions } from './analyser.ts'
export { type Kind, kinds, type Label, type Limit, labels, limits, seriesMax } from './types.ts'
export type * from './types.ts'
export { pack, TraceUnreadable, unpack } from './trace/pack.ts'
export { type Columns, Trace } from './trace/trace.ts'
