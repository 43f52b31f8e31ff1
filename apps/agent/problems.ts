import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { defineProblems, Problem, sayBytes, sentenceOf } from '@belay/base'

export const agentProblem = defineProblems({
  'bad-order': {
    status: 400,
    say: (f: { why: string }) => `That is no order that this agent knows: ${f.why}.`,
  },
  'stale-fence': {
    status: 409,
    say: (f: { root: string; given: number; seen: number }) =>
      `The order was given under lease ${f.given}, and ${f.root} has already obeyed lease ${f.seen}. Whoever gave it no longer holds the environment; nothing was changed.`,
  },
  'path-outside': {
    status: 400,
    say: (f: { path: string; root: string }) => `${f.path} leads out of ${f.root}. Orders may only touch what is inside.`,
  },
  'path-reserved': {
    status: 400,
    say: (f: { path: string }) => `${f.path} belongs to the agent's own bookkeeping. Choose another path.`,
  },
  'path-missing': {
    status: 404,
    say: (f: { path: string }) => `${f.path} does not exist.`,
  },
  'artifact-corrupted': {
    status: 500,
    say: (f: { path: string; expected: string; found: string }) =>
      `${f.path} is not what was asked for: expected SHA-256 ${f.expected}, found ${f.found}. Nothing was put in place; cut or push the release again.`,
  },
  'archive-unreadable': {
    status: 422,
    say: (f: { path: string; why: string }) => `${f.path} could not be unpacked: ${f.why}. Nothing was put in place.`,
  },
  'disk-full': {
    status: 507,
    say: (f: { path: string; freeBytes: number }) =>
      `The disk is full: ${f.path} could not be written, ${sayBytes(f.freeBytes)} are free there. Nothing half-written was left; make room and try again.`,
  },
  'port-taken': {
    status: 409,
    say: (f: { service: string; port: number; pid: number | null; command: string | null }) =>
      `Port ${f.port} of ${f.service} is taken by ${f.pid === null ? 'another process' : `process ${f.pid} (${f.command ?? 'command unknown'})`}. End that one, or give ${f.service} another port.`,
  },
  'service-exits': {
    status: 422,
    say: (f: { service: string; how: string; lastLines: readonly string[] }) =>
      `${f.service} ${f.how} as soon as it was started; it must stay in the foreground.${f.lastLines.length === 0 ? ' It logged nothing.' : ` It logged last:\n${f.lastLines.join('\n')}`}`,
  },
  'host-failed': {
    status: 500,
    say: (f: { order: string; why: string }) => `The order ${f.order} could not be carried out: ${f.why}.`,
  },
})

/** What was thrown while an order was carried out, as something that a person can read. */
export function asProblem(thrown: unknown, it: { order: string; root: string }): Problem {
  if (thrown instanceof Problem) return thrown
  const { code, path } = thrown as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return agentProblem('disk-full', { path: path ?? it.root, freeBytes: freeBytes(it.root) }, thrown)
  return agentProblem('host-failed', { order: it.order, why: sentenceOf(thrown) }, thrown)
}

/** Bytes that this user may still write there, measured at the nearest folder that exists. */
export function freeBytes(path: string): number {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      const { bavail, bsize } = statfsSync(folder)
      return bavail * bsize
    } catch (error) {
      if (folder === dirname(folder)) throw error
    }
  }
}
