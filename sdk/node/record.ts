/** Records what each call of this process costs: `node --import @belay/node/record app.js`, or `startRecorder()`. See README.md. */
import { isPreloaded } from './preload.ts'
import { startRecorder } from './recorder/recorder.ts'

export type { Log } from './log.ts'
export type { RecorderOptions } from './recorder/options.ts'
export { describeCall, startRecorder, stopRecorder } from './recorder/recorder.ts'
export type { CallDescription } from './recorder/types.ts'

if (isPreloaded(['@belay/node/record'], import.meta.url, process.execArgv, process.env.NODE_OPTIONS ?? '')) startRecorder()
