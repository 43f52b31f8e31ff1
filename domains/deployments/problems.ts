import { defineProblems } from '@belay/base'

export const deploymentProblem = defineProblems({
  'unknown-deployment': { status: 404, say: (f: { id: string }) => `There is no deployment ${f.id}. List them: belay deployment ls.` },
  'unknown-rehearsal': {
    status: 404,
    say: (f: { id: string }) => `There is no rehearsal ${f.id}. They are shown with their release: belay release show RELEASE.`,
  },
  'environment-not-free': {
    status: 409,
    say: (f: { environment: string; deployment: string; state: string }) =>
      `${f.environment} is not free: deployment ${f.deployment} is ${f.state} there. Look: belay deployment show ${f.deployment}. Only one deployment at a time may change an environment.`,
  },
  'not-rehearsed': {
    status: 409,
    say: (f: { release: string; environment: string; why: string }) =>
      `${f.environment} takes only releases that passed their rehearsal; ${f.release} ${f.why}. Rehearse it: belay rehearse ${f.release}. To go on all the same, an operator may add --force --reason "why".`,
  },
  'force-needs-reason': {
    status: 422,
    say: (_: object) => 'Forcing past a refusal needs a reason, which goes into the ledger: --reason "why".',
  },
  'nothing-to-do': {
    status: 409,
    say: (f: { release: string; environment: string }) => `${f.environment} already runs ${f.release}; there is nothing to do.`,
  },
  'nothing-to-roll-back': {
    status: 409,
    say: (f: { environment: string }) => `${f.environment} has no deployment that passed and could be undone.`,
  },
  'no-way-back': {
    status: 409,
    say: (f: { environment: string; deployment: string; why: string }) =>
      `Deployment ${f.deployment} cannot be rolled back: ${f.why}. Repair forward with a new release.`,
  },
  'not-offered': {
    status: 409,
    say: (f: { id: string; state: string; asked: string; offers: readonly string[] }) =>
      `Deployment ${f.id} is ${f.state}; ${f.asked} makes no sense there.${f.offers.length > 0 ? ` What can be done: ${f.offers.join(', ')}.` : ''}`,
  },
  'plan-changed': {
    status: 409,
    say: (f: { id: string; approved: string; present: string }) =>
      `The plan that is to be approved (${f.approved.slice(0, 12)}) is not what would run now (${f.present.slice(0, 12)}): the environment has changed. Abort ${f.id} and deploy again.`,
  },
  'needs-second-person': {
    status: 403,
    say: (f: { id: string; actor: string }) => `${f.actor} started deployment ${f.id}; somebody else has to approve it.`,
  },
  'no-qa': { status: 422, say: (_: object) => 'belay.yaml has no environment of kind qa to rehearse on. Add one, or name one with --env.' },
  'not-a-stage': {
    status: 422,
    say: (f: { environment: string; kind: string }) =>
      `${f.environment} is of kind ${f.kind}; a rehearsal needs a stage of kind qa or sandbox.`,
  },
  'rehearsal-runs': {
    status: 409,
    say: (f: { environment: string; rehearsal: string }) =>
      `Rehearsal ${f.rehearsal} still runs on ${f.environment}. Wait for it or abort it.`,
  },
  'no-release': {
    status: 409,
    say: (f: { environment: string }) => `There is no release yet to put on ${f.environment}. Cut one: belay release cut.`,
  },
})
