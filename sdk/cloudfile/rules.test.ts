import { describe, expect, test } from 'vitest'
import { exampleCloudFile } from './example.ts'
import { readCloudFile } from './read.ts'

const said = (text: string): string[] => readCloudFile(text, 'belay.yaml').problems.map(({ field, message }) => `${field}: ${message}`)

/** Each replaces pieces of the example and expects exactly these problems. */
const cases: readonly [fact: string, changes: readonly (readonly [from: string, to: string])[], expected: readonly string[]][] = [
  [
    'a step of one’s own needs a command',
    [['step: restart\n    on: worker', 'step: restrat\n    on: worker']],
    ['deploy[3].step: "restrat" needs run; only install and restart are built in; did you mean restart?'],
  ],
  [
    'a built-in step undoes itself',
    [['on: [web, api, worker]', 'on: [web, api, worker]\n    undo: rm -r x']],
    ['deploy[0].undo: undo belongs to run; install brings back the release before by itself'],
  ],
  [
    'once and batch exclude each other',
    [['once: true', 'once: true\n    batch: 2']],
    ['deploy[1].batch: once runs on a single host, so batch has no meaning; leave one of them out'],
  ],
  [
    'a step runs where some host is',
    [['on: db', 'on: database']],
    ['deploy[1].on: no host has the role database; allowed: web, api, worker, db'],
  ],
  [
    'a service that no shared environment runs is a mistake',
    [
      ['qa2: { roles: [worker, db] }', 'qa2: { roles: [db] }'],
      ['back: { roles: [worker, db] }', 'back: { roles: [db] }'],
    ],
    ['services.worker: no host of production or qa has the role worker, so it would run nowhere'],
  ],
  [
    'QA tries every service that production runs',
    [['qa2: { roles: [worker, db] }', 'qa2: { roles: [db] }']],
    ['environments.qa.hosts: no host has the role worker, which production runs; a rehearsal here could not try it'],
  ],
  [
    'a check over the network needs a port',
    [['check: { run: node check.js, within: 1m30s }', 'check: { tcp: true }']],
    ['deploy[3].check.tcp: worker has no port; give it one, or use run'],
  ],
  [
    'a check over the network needs a service',
    [['    rerun: true', '    check: { http: /ready }']],
    ['deploy[1].check.http: no role of this step is a service, so nothing answers http; use run'],
  ],
  [
    'tests run on a role of their environment',
    [['on: web, within: 10m', 'on: wbe, within: 10m']],
    ['environments.qa.tests.on: no host of qa has the role wbe; did you mean web?'],
  ],
  [
    'a fixed port belongs to a service',
    [['ports: { web: 3001 }', 'ports: { wep: 3001 }']],
    ['environments.production.hosts.web1.ports.wep: there is no service wep; did you mean web?'],
  ],
  [
    'a fixed port is of use only where its service runs',
    [['ports: { web: 3001 }', 'ports: { api: 3001 }']],
    ['environments.production.hosts.web1.ports.api: web1 does not have the role api, so nothing there uses this port'],
  ],
  [
    'two local hosts cannot fix one port',
    [['ports: { web: 3002 }', 'ports: { web: 3001 }']],
    ['environments.production.hosts.web2.ports.web: 3001 is taken by web on production/web1; local hosts share one machine'],
  ],
  [
    'a health path needs a port',
    [['run: node src/worker.js', 'run: node src/worker.js\n    health: /healthz']],
    ['services.worker.health: health needs a port; add one to worker'],
  ],
  ['a ring stands on the ladder once', [['  - staff: {', '  - qa: {']], ['rings[1]: qa is a ring of this ladder already']],
  [
    'a ring but the last says who is in it',
    [['  - early-access: { segment: early-access }', '  - early-access']],
    ['rings[2]: early-access needs to say who is in it: where (a rule) or segment; only all is everybody'],
  ],
  [
    'all is the last ring',
    [
      ['  - all\n', ''],
      ['rings:\n', 'rings:\n  - all\n'],
    ],
    ['rings[0]: all is the last ring; nobody would be left for those after it'],
  ],
  [
    "a ring's rule is looked at",
    [['where: { ends_with:', 'where: { endz_with:']],
    ['rings[1].staff.where: {"endz_with":[{"var":"email"},"@example.com"]} is not a good rule: there is no operator "endz_with"'],
  ],
  ['a ladder may leave all unsaid', [['  - all\n', '']], []],
  [
    'two production environments are fine',
    [['  qa:\n    kind: qa', '  shadow:\n    kind: production\n    hosts: { s1: { roles: [web] } }\n  qa:\n    kind: qa']],
    [],
  ],
]

describe('what a schema cannot say', () => {
  test.each(cases)('%s', (_, changes, expected) => {
    const text = changes.reduce((it, [from, to]) => {
      expect(it).toContain(from)
      return it.replace(from, to)
    }, exampleCloudFile)
    expect(said(text)).toEqual(expected)
  })

  test('is said beside problems of the schema, not after they are mended', () => {
    const text = exampleCloudFile.replace('port: 4000', 'port: x').replace('on: db', 'on: dbb')
    expect(said(text)).toHaveLength(2)
  })

  test('keeps silent about roles when some cannot be read', () => {
    const text = exampleCloudFile.replace('qa2: { roles: [worker, db] }', 'qa2: { roles: worker }')
    expect(said(text)).toEqual(['environments.qa.hosts.qa2.roles: "worker" is a text; expected a list'])
  })
})
