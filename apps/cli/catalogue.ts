/**
 * Every command: its name, one line, and the module that knows the rest. Only the module of the command that was
 * typed is loaded, so that `belay --help` starts as quickly as Node does.
 */
import type { Command } from 'commander'

type Entry = {
  readonly name: string
  readonly alias?: string
  readonly summary: string
  readonly load: () => Promise<{ readonly command: () => Command }>
}
export type Chapter = { readonly title: string; readonly entries: readonly Entry[] }

export const catalogue: readonly Chapter[] = [
  {
    title: 'Start here:',
    entries: [
      {
        name: 'demo',
        summary: 'watch a small cloud get a release, a rehearsal, a roll-out and an undo',
        load: () => import('./commands/demo.ts'),
      },
      { name: 'init', summary: 'write a belay.yaml that fits this repository', load: () => import('./commands/init.ts') },
      { name: 'check', summary: 'check belay.yaml: everything that is wrong, at once', load: () => import('./commands/check.ts') },
      { name: 'doctor', summary: 'what this machine can do, and how to mend what it cannot', load: () => import('./commands/doctor.ts') },
    ],
  },
  {
    title: 'Server:',
    entries: [
      { name: 'serve', summary: 'run the server of this cloud', load: () => import('./commands/serve.ts') },
      { name: 'stop', summary: 'stop the detached server', load: () => import('./commands/stop.ts') },
      { name: 'open', summary: 'open the page in the browser', load: () => import('./commands/open.ts') },
      {
        name: 'now',
        alias: 'status',
        summary: 'what is on the rope, and whether anything is falling',
        load: () => import('./commands/now.ts'),
      },
    ],
  },
  {
    title: 'Environments:',
    entries: [
      { name: 'up', summary: 'start an environment, by default your private one', load: () => import('./commands/up.ts') },
      { name: 'down', summary: 'stop its services; data and releases stay', load: () => import('./commands/down.ts') },
      { name: 'env', summary: 'list environments, or look at one', load: () => import('./commands/env.ts') },
      { name: 'logs', summary: 'the last lines of a service', load: () => import('./commands/logs.ts') },
      { name: 'sandbox', summary: 'short-lived environments from a branch or a release', load: () => import('./commands/sandbox.ts') },
    ],
  },
  {
    title: 'Releases and deployments:',
    entries: [
      { name: 'release', summary: 'cut, list, compare, push and save releases', load: () => import('./commands/release.ts') },
      { name: 'rehearse', summary: 'try a release on QA with the very steps of production', load: () => import('./commands/rehearse.ts') },
      { name: 'deploy', summary: 'bring a release to an environment', load: () => import('./commands/deploy.ts') },
      { name: 'rollback', summary: 'go back to the release before', load: () => import('./commands/rollback.ts') },
      { name: 'approve', summary: 'approve the plan of somebody else’s deployment', load: () => import('./commands/approve.ts') },
      { name: 'abort', summary: 'stop a deployment and bring back what was switched', load: () => import('./commands/abort.ts') },
      { name: 'resume', summary: 'answer a deployment that waits or is held', load: () => import('./commands/resume.ts') },
      { name: 'deployment', summary: 'list deployments, or look at one', load: () => import('./commands/deployment.ts') },
    ],
  },
  {
    title: 'Flags:',
    entries: [
      {
        name: 'flag',
        summary: 'make flags, let them climb ring by ring, see who gets what and why',
        load: () => import('./commands/flag.ts'),
      },
      {
        name: 'segment',
        summary: 'named audiences: a rule, or a list of up to 1,000,000 keys',
        load: () => import('./commands/segment.ts'),
      },
      { name: 'ring', summary: 'the ladder of audiences that flags climb', load: () => import('./commands/ring.ts') },
      { name: 'flag-key', summary: 'keys with which services and pages ask for flags', load: () => import('./commands/flag-key.ts') },
    ],
  },
  {
    title: 'Calls:',
    entries: [
      {
        name: 'calls',
        summary: 'what each API method costs, and which release or flag changed it',
        load: () => import('./commands/calls.ts'),
      },
    ],
  },
  {
    title: 'Network:',
    entries: [
      {
        name: 'tcp',
        summary: 'how good each TCP session of a capture was, and why it was not better',
        load: () => import('./commands/tcp.ts'),
      },
      {
        name: 'network',
        summary: 'TCP sessions that the server keeps, and the calls that travelled in them',
        load: () => import('./commands/network.ts'),
      },
    ],
  },
  {
    title: 'Records and access:',
    entries: [
      { name: 'ledger', summary: 'every fact: who did what, to what, when', load: () => import('./commands/ledger.ts') },
      { name: 'user', summary: 'who may sign in, and as what', load: () => import('./commands/user.ts') },
      { name: 'token', summary: 'scoped, expiring tokens for machines', load: () => import('./commands/token.ts') },
      { name: 'completion', summary: 'a script that completes belay in your shell', load: () => import('./commands/completion.ts') },
    ],
  },
]

export const entries: readonly Entry[] = catalogue.flatMap((chapter) => chapter.entries)
