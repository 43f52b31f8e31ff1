/** How a command ends, as a contract with scripts. The help of `belay` prints this very table. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  waiting: 3,
  signIn: 4,
  interrupted: 130,
} as const
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const meanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'done as asked',
  failed: 'failed, or refused',
  usage: 'the command line was wrong',
  waiting: 'held, or waiting for a person',
  signIn: 'nobody is signed in; see belay serve and BELAY_TOKEN',
  interrupted: 'interrupted by Ctrl-C; what the server does goes on',
}

export function describeExitCodes(): string {
  const rows = Object.entries(exitCodes).map(([name, code]) => `  ${String(code).padStart(3)}  ${meanings[name as keyof typeof exitCodes]}`)
  return ['Exit codes:', ...rows].join('\n')
}
