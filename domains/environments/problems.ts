import { defineProblems } from '@belay/base'

export const environmentProblem = defineProblems({
  'unknown-environment': {
    status: 404,
    say: (f: { name: string; known: readonly string[] }) =>
      `There is no environment ${f.name}. ${f.known.length > 0 ? `Known: ${f.known.join(', ')}.` : 'belay.yaml names none.'}`,
  },
  'unknown-host': {
    status: 404,
    say: (f: { environment: string; host: string; known: readonly string[] }) =>
      `${f.environment} has no host ${f.host}. Known: ${f.known.join(', ')}.`,
  },
  'unknown-service': {
    status: 404,
    say: (f: { environment: string; service: string; known: readonly string[] }) =>
      `No host of ${f.environment} runs a service ${f.service}. Known: ${f.known.join(', ')}.`,
  },
  'environment-busy': {
    status: 409,
    say: (f: { environment: string; owner: string; reason: string; since: string }) =>
      `${f.environment} is taken since ${f.since}: ${f.reason} (held by ${f.owner}). Wait for it, or see: belay env show ${f.environment}.`,
  },
  'lease-lost': {
    status: 409,
    say: (f: { environment: string; fence: number }) =>
      `The lease on ${f.environment} (fence ${f.fence}) was taken over by somebody else; this run stops where it is and changes nothing more.`,
  },
  'host-unreachable': {
    status: 502,
    say: (f: { environment: string; host: string; why: string }) =>
      `Host ${f.host} of ${f.environment} does not answer: ${f.why}. Try: belay doctor, then belay up ${f.environment}.`,
  },
  'no-port-free': {
    status: 503,
    say: (f: { from: number; to: number }) =>
      `No port from ${f.from} to ${f.to} is free on this machine. Remove sandboxes (belay sandbox ls), or give ports in belay.yaml.`,
  },
  'secret-missing': {
    status: 422,
    say: (f: { variable: string; source: string }) =>
      `The secret ${f.variable} is to come from ${f.source}, and that is not there for the server. Provide it, then start again.`,
  },
  'not-a-sandbox': {
    status: 409,
    say: (f: { name: string; kind: string }) => `${f.name} is of kind ${f.kind}; only sandboxes can be extended or removed.`,
  },
  'name-taken': {
    status: 409,
    say: (f: { name: string }) => `An environment named ${f.name} exists already. Pick another name: belay sandbox create --name NAME.`,
  },
  'no-sandbox-template': {
    status: 422,
    say: (_: object) => 'belay.yaml has no environment of kind sandbox or private to make a sandbox like. Add one under environments.',
  },
})
