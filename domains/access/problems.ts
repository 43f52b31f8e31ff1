import { defineProblems } from '@belay/base'

export const accessProblem = defineProblems({
  'user-unknown': {
    status: 404,
    say: (f: { name: string }) => `Nobody named ${f.name} may sign in. Add them first: belay user add ${f.name}.`,
  },
  'last-admin': {
    status: 409,
    say: (f: { name: string }) => `${f.name} is the last admin; without one nobody could manage access. Make somebody else admin first.`,
  },
  'link-ended': {
    status: 403,
    say: () => 'This sign-in link was used already, or its 10 minutes are over. Ask an admin for a new one: belay user link NAME.',
  },
  'token-ended': {
    status: 401,
    say: (f: { name: string; at: string }) =>
      `The token ${f.name} ended on ${f.at}. Ask an admin for a new one: belay token create ${f.name}.`,
  },
  'token-unknown': { status: 404, say: (f: { id: string }) => `There is no token ${f.id}. belay token ls shows those that there are.` },
  'token-name-taken': {
    status: 409,
    say: (f: { name: string }) =>
      `A token named ${f.name} is in use; the ledger would not tell the two apart. Pick another name or revoke that one.`,
  },
  'scope-unknown': {
    status: 400,
    say: (f: { scope: string; known: readonly string[] }) => `There is no scope ${f.scope}. Scopes are: ${f.known.join(', ')}.`,
  },
  'scope-beyond-role': {
    status: 400,
    say: (f: { scope: string; role: string; needs: string }) =>
      `The scope ${f.scope} needs the role ${f.needs}; this token would have the role ${f.role}.`,
  },
})
