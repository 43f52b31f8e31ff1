/** vitest's global set-up: opens the folder that all workers share, and ends what they started in it. */
import { closeRun, runFolder } from './run.ts'

/** @public vitest calls it. */
export function setup(): void {
  runFolder()
}

/** @public vitest calls it. */
export const teardown = closeRun
