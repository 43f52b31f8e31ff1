/**
 * Belay for Node services: an OpenFeature provider that evaluates in process, and the recorder of calls, which starts
 * with `node --import @belay/node app.js`. See README.md.
 */
import { isPreloaded } from './preload.ts'
import { startRecorder } from './recorder/recorder.ts'

export type { Clock } from './clock.ts'
export type { BelayOptions } from './options.ts'
export { type BelayProvider, createBelayProvider } from './provider.ts'
export { describeCall } from './recorder/recorder.ts'
export type { CallDescription } from './recorder/types.ts'

if (isPreloaded(['@belay/node'], import.meta.url, process.execArgv, process.env.NODE_OPTIONS ?? '')) startRecorder()
