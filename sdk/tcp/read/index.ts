export { CaptureError } from './error.ts'
export { type CaptureReader, createCaptureReader } from './reader.ts'
export type { CaptureInterface, FrameSink, ReadSummary } from './summary.ts'
