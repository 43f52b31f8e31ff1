/**
 * Who may lean on whom: one table, and dependency-cruiser refuses every import that no row allows. A room is a
 * workspace. Being allowed to import a room means its door (`index.ts`, by package name), never a file behind it.
 */

/** Room, or a family of rooms, to what it may import. A room without a row is an error of tests/checks/directions.test.ts. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  'platform/base': [],
  'platform/*': ['platform/*'],

  'sdk/flags': [],
  'sdk/stats': [],
  'sdk/tcp': [],
  'sdk/calls': ['sdk/flags'],
  'sdk/protocol': ['platform/base', 'sdk/flags', 'sdk/tcp'],
  'sdk/node': ['sdk/*'],
  'sdk/cloudfile': ['platform/base', 'sdk/flags', 'sdk/calls'],

  'domains/ledger': ['platform/*', 'sdk/*'],
  'domains/access': ['platform/*', 'sdk/*', 'domains/ledger'],
  'domains/environments': ['platform/*', 'sdk/*', 'domains/ledger', 'domains/access'],
  'domains/releases': ['platform/*', 'sdk/*', 'domains/ledger', 'domains/access', 'domains/environments'],
  'domains/deployments': ['platform/*', 'sdk/*', 'domains/ledger', 'domains/access', 'domains/environments', 'domains/releases'],
  'domains/flags': ['platform/*', 'sdk/*', 'domains/ledger', 'domains/access', 'domains/environments'],
  'domains/calls': ['platform/*', 'sdk/*', 'domains/ledger', 'domains/access', 'domains/environments'],
  'domains/network': ['platform/*', 'sdk/*', 'domains/ledger', 'domains/access', 'domains/environments'],

  'apps/server': ['platform/*', 'sdk/*', 'domains/*'],
  'apps/agent': ['platform/base', 'platform/exec'],
  'apps/cli': ['platform/base', 'sdk/*'],
  'apps/web': ['platform/base', 'sdk/*'],
  // platform/exec: a demo ends the agent that its server started.
  'examples/*': ['platform/base', 'platform/exec', 'sdk/*'],

  bench: ['platform/*', 'sdk/*', 'domains/*'],
  tests: ['platform/*', 'sdk/*', 'tools'],
  tools: ['platform/base', 'sdk/*'],
}

/** Tests, their fixtures and the contracts that several tests share may also use the testkit; nothing else may. */
const testFiles = '[.](test|contract)[.]tsx?$|/fixtures[.]ts$'
/** The part of a path that names its room. */
const anyRoom = '(?:apps|domains|examples|platform|sdk)/[^/]+|bench|tests|tools'

const pattern = (room: string): string => `^${room.replace('*', '[^/]+')}/`

const directions = Object.entries(mayImport).map(([room, allowed]) => ({
  name: `direction-of-${room}`,
  comment: `${room} may import ${allowed.length === 0 ? 'nothing of ours' : allowed.join(', ')}. See ARCHITECTURE.md.`,
  severity: 'error',
  // A family's row is for those of the family that have no row of their own.
  from: {
    path: `^(?=(${anyRoom})/)(?:${room.replace('*', '[^/]+')})/`,
    pathNot: Object.keys(mayImport)
      .filter((other) => room.includes('*') && other !== room && !other.includes('*'))
      .map(pattern),
  },
  to: { path: `^(?:${anyRoom})/`, pathNot: ['^$1/', ...allowed.map(pattern), '^platform/testkit/'] },
}))

const domainsModel = '^domains/([^/]+)/model([.]ts$|/)'

export default {
  forbidden: [
    ...directions,
    {
      name: 'testkit-in-tests-only',
      severity: 'error',
      from: { path: `^(?:${anyRoom})/`, pathNot: [testFiles, '^platform/testkit/', '^tests/', '^bench/'] },
      to: { path: '^platform/testkit/' },
    },
    {
      name: 'through-the-door',
      comment: 'Import another room by its package name; what its door does not name is its own business.',
      severity: 'error',
      from: { path: `^(${anyRoom})/` },
      // The workshop (tools) is no package and has no door.
      to: { path: `^(?:${anyRoom})/`, pathNot: ['^$1/', '^tools/'], dependencyTypes: ['local'], dependencyTypesNot: ['aliased-workspace'] },
    },
    {
      name: 'pure-model',
      comment: 'A model decides from what it is handed: no files, network, database, clock. Types are free.',
      severity: 'error',
      from: { path: domainsModel, pathNot: testFiles },
      to: {
        pathNot: ['^domains/$1/(model([.]ts$|/)|problems[.]ts$)', '^platform/base/', '^sdk/', '(^|/)node_modules/zod/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'example-clouds-stand-alone',
      comment: 'An example cloud is what a team would have: it knows nothing of Belay.',
      severity: 'error',
      from: { path: '^examples/([^/]+)/cloud/', pathNot: testFiles },
      to: { path: `^(?:${anyRoom})/`, pathNot: '^examples/$1/cloud/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      // What is loaded on demand may need who loads it: the command that lists all commands, for one.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['dynamic-import'] } },
    },
    // vite/client is types alone, so there is nothing to run that it could resolve to.
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^vite/client$' } },
  ],
  options: {
    tsPreCompilationDeps: true,
    // With true, every legal import of a neighbour counts as local and through-the-door refuses it.
    combinedDependencies: false,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/|^tests/checks/violations/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.css'],
    },
    tsConfig: { fileName: 'tsconfig.json' },
  },
}
