import { defineProblems, sayCount, sayDuration } from '@belay/base'

export const execProblem = defineProblems({
  'command-failed': {
    status: 422,
    say: (f: { command: string; exitCode: number | null; signal: string | null; lastLines: readonly string[] }) =>
      `${f.command} ${f.exitCode === null ? `was ended by ${f.signal ?? 'a signal'}` : `ended with exit code ${f.exitCode}`}${after(f.lastLines)}`,
  },
  'command-timed-out': {
    status: 422,
    say: (f: { command: string; timeLimitMs: number; lastLines: readonly string[] }) =>
      `${f.command} was ended because it took longer than ${sayDuration(f.timeLimitMs)}${after(f.lastLines)}`,
  },
  'command-not-found': {
    status: 422,
    say: (f: { command: string; program: string; why: string }) =>
      `${f.command} could not be started: ${f.why}. Is ${f.program} installed?`,
  },
  'command-output-too-large': {
    status: 422,
    say: (f: { command: string; bytesMax: number }) =>
      `${f.command} was ended because it printed more than ${sayCount(f.bytesMax, 'byte')}, the most that is kept.`,
  },
  'agent-unreachable': {
    status: 502,
    say: (f: { home: string; why: string }) =>
      `The agent of ${f.home} does not answer: ${f.why}. Its own log is ${f.home}/agent.log; it is started anew at the next try.`,
  },
})

const after = (lastLines: readonly string[]) => (lastLines.length === 0 ? '.' : `. It said last:\n${lastLines.join('\n')}`)
