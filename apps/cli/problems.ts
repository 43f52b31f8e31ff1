/** What can go wrong on this side of the wire. */
import { defineProblems, Problem } from '@belay/base'
import { type ExitCode, exitCodes } from './exit-codes.ts'

export const fail = defineProblems({
  'no-cloud': {
    status: 404,
    say: (f: { folder: string }) => `There is no belay.yaml in ${f.folder} or above it. Write one with: belay init`,
  },
  'no-server': {
    status: 503,
    say: (f: { folder: string }) => `No Belay server runs for ${f.folder}. Start one with: belay serve --detach`,
  },
  'server-file-broken': {
    status: 500,
    say: (f: { file: string }) => `${f.file} is not what a server writes. Remove it and start the server again: belay serve`,
  },
  'server-not-ready': {
    status: 503,
    say: (f: { afterMs: number; log: string; said: string }) =>
      `The server did not become ready within ${f.afterMs / 1_000} s. Its log is ${f.log}${f.said === '' ? ' (empty).' : `; the last lines:\n${f.said}`}`,
  },
  'server-ended': {
    status: 503,
    say: (f: { code: number | string; log: string; said: string }) =>
      `The server ended at once (${f.code}).${f.said === '' ? ` See ${f.log}.` : `\n${f.said}`}`,
  },
  'server-runs-already': {
    status: 409,
    say: (f: { url: string; pid: number }) =>
      `A server for this cloud runs already at ${f.url} (process ${f.pid}). Stop it with: belay stop`,
  },
  'server-not-ours': {
    status: 409,
    say: (f: { pid: number; file: string }) =>
      `Process ${f.pid}, which ${f.file} names, is no Belay server of this cloud, so it is left alone. Remove the file if the server is gone.`,
  },
  'server-still-ending': {
    status: 500,
    say: (f: { pid: number; afterMs: number }) =>
      `The server (process ${f.pid}) has not ended ${f.afterMs / 1_000} s after it was asked to. Look at it, or end it hard with: kill -9 ${f.pid}`,
  },
  'connection-lost': {
    status: 503,
    say: (f: { what: string; afterMs: number }) =>
      `The server has been silent for ${f.afterMs / 1_000} s, so nobody here knows how ${f.what} goes on. Start it again with: belay serve --detach`,
  },
  'stream-ended': {
    status: 502,
    say: (f: { what: string }) => `The server stopped telling of ${f.what} before it had ended. See how it stands: belay now`,
  },
  interrupted: { status: 499, say: (f: { because: string }) => f.because },
  usage: { status: 400, say: (f: { sentence: string }) => f.sentence },
  'file-exists': {
    status: 409,
    say: (f: { file: string }) => `${f.file} exists already. Write over it with: belay init --force`,
  },
  'file-unreadable': {
    status: 404,
    say: (f: { file: string; because: string }) => `${f.file} cannot be read: ${f.because}.`,
  },
  'nothing-to-resume': {
    status: 409,
    say: (f: { id: string; state: string }) => `Deployment ${f.id} is ${f.state}; there is nothing to resume.`,
  },
  'no-environment': {
    status: 404,
    say: (f: { kind: string }) => `belay.yaml has no environment of kind ${f.kind}. Name one, or add one to the file.`,
  },
  'which-environment': {
    status: 400,
    say: (f: { names: readonly string[] }) =>
      `Several environments are of kind production: ${f.names.join(', ')}. Choose with --environment.`,
  },
  'no-json': { status: 400, say: (f: { what: string; because: string }) => `${f.what} is not JSON: ${f.because}` },
  'no-method': {
    status: 404,
    say: (f: { method: string; environment: string; near: string | null }) =>
      `No method of ${f.environment} has ${f.method} in its name in this range.${f.near === null ? '' : ` Did you mean ${f.near}?`} belay calls top --rank name lists them; --last asks for a longer range.`,
  },
  'which-method': {
    status: 400,
    say: (f: { method: string; candidates: readonly string[]; more: number }) =>
      `${f.method} is a part of several names: ${f.candidates.join(', ')}${f.more === 0 ? '' : ` and ${f.more} more`}. Write more of the one that you mean.`,
  },
  'method-of-several': {
    status: 400,
    say: (f: { method: string; services: readonly string[] }) =>
      `Several services have the method ${f.method}: ${f.services.join(', ')}. Choose with --service.`,
  },
  'no-exemplar': {
    status: 404,
    say: (f: { trace: string; method: string }) =>
      `No call of ${f.method} that was kept has a trace beginning with ${f.trace}. belay calls show ${f.method} lists them.`,
  },
  'which-exemplar': {
    status: 400,
    say: (f: { trace: string; count: number }) => `${f.count} traces begin with ${f.trace}. Write more of the one that you mean.`,
  },
  'no-capture': {
    status: 422,
    say: (f: { file: string; because: string }) => `${f.file}: ${f.because}`,
  },
  'no-such-session': {
    status: 404,
    say: (f: { session: number; sessions: number; file: string }) =>
      `${f.file} has no session ${f.session}${f.sessions === 0 ? '; it has none at all' : `; they are numbered from 0 to ${f.sessions - 1}`}.`,
  },
  'nothing-to-compare': {
    status: 422,
    say: (f: { side: string; files: readonly string[] }) =>
      `Side ${f.side} (${f.files.join(', ')}) has no TCP session that could be compared.`,
  },
  'no-tcpdump': {
    status: 424,
    say: (_: object) => 'tcpdump is not installed here, and packets are captured with it. Install it (Debian: apt-get install tcpdump).',
  },
  'no-capture-right': {
    status: 403,
    say: (f: { interface: string; because: string }) =>
      `This user may not capture on ${f.interface}: ${f.because.replace(/[. ]+$/, '')}. Run it as root, or give tcpdump the right once: setcap cap_net_raw,cap_net_admin=eip $(which tcpdump)`,
  },
  'no-interface': {
    status: 404,
    say: (f: { interface: string; known: readonly string[] }) => `There is no interface ${f.interface} here. Known: ${f.known.join(', ')}.`,
  },
  'capture-failed': { status: 500, say: (f: { because: string }) => `tcpdump does not capture: ${f.because.replace(/\.$/, '')}.` },
  'no-sockets': {
    status: 424,
    say: (f: { because: string }) => `ss tells nothing of the sockets here: ${f.because.replace(/\.$/, '')}. It comes with iproute2.`,
  },
  'ring-failed': {
    status: 507,
    say: (f: { folder: string; because: string }) => `The capture cannot be kept in ${f.folder}: ${f.because.replace(/\.$/, '')}.`,
  },
  'nothing-runs-there': {
    status: 404,
    say: (f: { file: string }) => `${f.file} is missing from this copy of Belay.`,
  },
  'unsupported-shell': {
    status: 400,
    say: (f: { shell: string; known: readonly string[] }) =>
      `${f.shell} is not a shell that Belay can complete in; known: ${f.known.join(', ')}.`,
  },
})

/** Another command line would have been understood. */
const usageCodes: ReadonlySet<string> = new Set([
  ...['usage', 'unsupported-shell', 'which-environment', 'which-method', 'method-of-several', 'which-exemplar'],
])

/** The exit code that tells a script what sort of end this was. */
export function exitCodeOf(thrown: unknown): ExitCode {
  if (!(thrown instanceof Problem)) return exitCodes.failed
  if (thrown.code === 'interrupted') return exitCodes.interrupted
  if (usageCodes.has(thrown.code)) return exitCodes.usage
  return thrown.status === 401 ? exitCodes.signIn : exitCodes.failed
}
