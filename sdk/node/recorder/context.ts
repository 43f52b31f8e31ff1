/** Which call the code that runs now belongs to. Drivers need nothing else of the recorder. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { OpenCall } from './types.ts'

export const calls = new AsyncLocalStorage<OpenCall>()

/** Undefined: no call is under way here, or nobody records. */
export function currentCall(): OpenCall | undefined {
  return calls.getStore()
}
