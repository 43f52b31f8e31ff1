export { CaptureError } from './error.ts'
export { createCaptureReader } from './reader.ts'
export type { ReadSummary } from './summary.ts'
