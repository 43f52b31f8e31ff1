/** vitest's global set-up: opens the folder that all workers share, and ends what they started in it. */
import { closeRun, runFolder } from './run.ts'

export function setup(): void {
  runFolder()
}

export const teardown = closeRun
