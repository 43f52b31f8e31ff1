import { defineProblems } from '@belay/base'

export const serverProblem = defineProblems({
  'no-cloud-file': { status: 500, say: (f: { file: string }) => `There is no ${f.file}. Make one there with: belay init` },
  'bad-cloud-file': { status: 500, say: (f: { list: string }) => `belay.yaml is not right yet; nothing was started.\n${f.list}` },
  'already-running': {
    status: 500,
    say: (f: { url: string; pid: number }) =>
      `A server runs for this cloud already, at ${f.url} (process ${f.pid}). Use that one, or end it with: belay stop`,
  },
  'bad-argument': { status: 500, say: (f: { argument: string; allowed: string }) => `${f.argument} is not understood. ${f.allowed}` },
})
