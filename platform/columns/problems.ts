import { defineProblems, sayBytes, sayCount, sayDuration } from '@belay/base'

export const columnsProblem = defineProblems({
  'columns-down': {
    status: 503,
    say: (f: { where: string; because: string }) =>
      `The column store (${f.where}) cannot be asked now: ${f.because}. What was acknowledged is safe, and it is tried again by itself; ask again in some seconds.`,
  },
  'columns-taken': {
    status: 503,
    say: (f: { folder: string; owner: string }) =>
      `Another running Belay (process ${f.owner}) has the column store in ${f.folder}. End it, or give this one a folder of its own; several servers share a store only on a cluster (CLICKHOUSE_URL).`,
  },
  'columns-missing': {
    status: 501,
    say: (f: { platform: string; because: string }) =>
      `The embedded column store cannot run here (${f.platform}: ${f.because}). Name a ClickHouse server with CLICKHOUSE_URL, or run npm ci again where npm may install optional packages.`,
  },
  'columns-too-slow': {
    status: 504,
    say: (f: { afterMs: number }) =>
      `The column store was given ${sayDuration(f.afterMs)} for this question and did not finish. Ask for a shorter range or fewer methods.`,
  },
  'columns-too-much': {
    status: 429,
    say: (f: { waiting: number }) => `${sayCount(f.waiting, 'question')} already wait for the column store. Try again in a few seconds.`,
  },
  'columns-too-large': {
    status: 422,
    say: (f: { because: string }) =>
      `This question needs more than the column store may take (${f.because}). Ask for a shorter range, fewer methods or fewer rows.`,
  },
  'columns-full': {
    status: 507,
    say: (f: { where: string; because: string }) =>
      `The disk of the column store (${f.where}) is full (${f.because}). Make room; what waits to be stored goes in by itself then.`,
  },
  'columns-refused': {
    status: 500,
    say: (f: { because: string }) => `The column store refused a statement of Belay's: ${f.because}`,
  },
  'columns-newer': {
    status: 500,
    say: (f: { room: string; step: string }) =>
      `The column store was already changed by a newer Belay (${f.room}: ${f.step}). Start that newer version, or restore the backup from before it.`,
  },
})

export const sayAnswerBound = (bytes: number): string => `its answer is longer than ${sayBytes(bytes)}`
