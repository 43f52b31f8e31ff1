import { defineProblems, sayBytes } from '@belay/base'

export const intakeProblem = defineProblems({
  'calls-busy': {
    status: 429,
    say: (f: { waitingBytes: number; afterS: number }) =>
      `${sayBytes(f.waitingBytes)} of calls wait for the column store, which is as much as is kept here. Send them again in ${f.afterS} s.`,
  },
  'calls-disk': {
    status: 503,
    say: (f: { because: string; afterS: number }) =>
      `Calls cannot be written to the disk (${f.because}), so none was taken. Make room; they may be sent again in ${f.afterS} s.`,
  },
  'calls-unclear': {
    status: 400,
    say: (f: { field: string; because: string }) => `The batch of calls cannot be read: ${f.field} ${f.because}.`,
  },
  'calls-too-large': {
    status: 413,
    say: (f: { maxBytes: number }) => `A batch of calls has at most ${sayBytes(f.maxBytes)}; send several.`,
  },
  'calls-not-found': {
    status: 404,
    say: (f: { path: string }) => `There is no ${f.path}. Recorders send to POST /api/sdk/calls and ask for GET /api/sdk/calls/rules.`,
  },
})
