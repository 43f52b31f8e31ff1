import { defineProblems, sayCount } from '@belay/base'

export const logProblem = defineProblems({
  'calls-log-unnamed': {
    status: 400,
    say: () => 'Say which service the log is of: belay calls import FILE --service NAME.',
  },
  'calls-log-unreadable': {
    status: 400,
    say: (f: { because: string; lines: number }) =>
      `After ${sayCount(f.lines, 'line')} the log could not be read on: ${f.because}. Those are counted; send the whole file again, nothing will be counted twice.`,
  },
  'calls-log-too-long': {
    status: 413,
    say: (f: { max: number }) =>
      `A log has at most ${sayCount(f.max, 'line')}. The first ${f.max.toLocaleString('en')} are counted; send the lines after them as a log of their own.`,
  },
  'calls-log-too-often': {
    status: 409,
    say: (f: { max: number }) =>
      `This log was imported ${f.max.toLocaleString('en')} times while it grew, and its pieces are no longer told apart. Rotate it, and import the new one.`,
  },
  'calls-log-busy': {
    status: 429,
    say: (f: { because: string; calls: number }) =>
      `${f.because} ${sayCount(f.calls, 'call')} of the log ${f.calls === 1 ? 'is' : 'are'} counted; send the whole file again later, nothing will be counted twice.`,
  },
})
