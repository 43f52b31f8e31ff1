import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { exampleCloudFile } from './example.ts'
import { formatProblem, readCloudFile } from './read.ts'

const said = (text: string): string[] => readCloudFile(text, 'belay.yaml').problems.map(formatProblem)
/** The example with one piece of its text replaced. */
const changed = (from: string, to: string): string => {
  if (!exampleCloudFile.includes(from)) throw new Error(`the example has no ${from}`)
  return exampleCloudFile.replace(from, to)
}

describe('a good file', () => {
  test('is read with its defaults filled in and its durations in milliseconds', () => {
    const { file, problems } = readCloudFile(exampleCloudFile, 'belay.yaml')
    expect(problems).toEqual([])
    expect(file?.services.api).toMatchObject({ port: 4_000, stop: 5_000, open: false, env: { WORKERS: '4', CACHE: 'true' } })
    expect(file?.services.web).toMatchObject({ path: '.', stop: 10_000, record: false })
    expect(file?.services.api?.record).toBe(true)
    expect(file?.calls).toMatchObject({
      methods: [{ verb: 'POST', name: '{noun}.{verb}' }, { path: '/search/*' }],
      account: ['header.x-account'],
      audiences: [{ name: 'robot' }, { name: 'staff' }, { name: 'customer', where: null }],
      budgets: { 'Items.getList': { cpu: 10, transactions: 3 }, Search: { real: 500, db: 0.25, statements: 2.5 } },
    })
    expect(file?.deploy[3]).toMatchObject({ on: ['worker'], within: 300_000, check: { within: 90_000, every: 500, inARow: 2 } })
  })

  test('may use anchors and aliases', () => {
    const text = changed('qa1: { roles: [web, api] }', 'qa1: &one { roles: [web, api] }').replace(
      'qa2: { roles: [worker, db] }',
      'qa2: { roles: [worker, db] }\n      qa3: *one',
    )
    expect(said(text)).toEqual([])
  })
})

describe('each problem points at its place and says what is allowed', () => {
  const deploy = exampleCloudFile.slice(exampleCloudFile.indexOf('deploy:'))
  const cases: readonly [story: string, from: string, to: string, ...expected: (readonly [pointsAt: string, says: string])[]][] = [
    [
      'a duration without sense',
      'within: 30s',
      'within: soon',
      ['soon, every', 'deploy[2].check.within: "soon" is not a duration; write for example 500ms, 30s, 5m, 2h or 1d'],
    ],
    ['a duration without unit', 'stop: 5s', 'stop: 5', ['5', 'services.api.stop: 5 has no unit; write for example 30s']],
    [
      'a duration beyond all timers',
      'stop: 5s',
      'stop: 999d',
      ['999d', 'services.api.stop: "999d" is out of range; a duration here is at least 1ms and at most 7d'],
    ],
    [
      'a slip in a name',
      'health: /healthz\n    stop',
      'helth: /healthz\n    stop',
      ['helth:', 'services.api.helth: is not known here; did you mean health?'],
    ],
    [
      'an unknown member with no likeness',
      'cloud: pages',
      'cloud: pages\nregion: eu',
      ['region:', 'region: is not known here; allowed: cloud, services, environments, deploy, rings, calls'],
    ],
    [
      'a budget without unit',
      'cpu: 10ms',
      'cpu: 10',
      ['10, tr', 'calls.budgets.Items.getList.cpu: 10 has no unit; write for example 10ms'],
    ],
    [
      'a budget without sense',
      'cpu: 10ms',
      'cpu: fast',
      ['fast', 'calls.budgets.Items.getList.cpu: "fast" is not a duration; write for example 0.5ms, 10ms or 2s'],
    ],
    [
      'a budget of nothing',
      '{ cpu: 10ms, transactions: 3 }',
      '{}',
      ['Items.getList', 'calls.budgets.Items.getList: needs at least one of real, cpu, db, statements, transactions'],
    ],
    [
      'a budget below nothing',
      'transactions: 3',
      'transactions: -1',
      ['-1', 'calls.budgets.Items.getList.transactions: -1 is out of range; at least 0'],
    ],
    [
      'an account that no request names',
      'header.X-Account',
      'cookie.account',
      ['cookie', 'calls.account: "cookie.account" is nothing that a request has; write header.NAME or query.NAME'],
    ],
    [
      'two audiences in one line',
      '- customer',
      '- { customer: true, other: true }',
      ['{ customer', 'calls.audiences[2]: needs exactly one name; write one audience in each line of the list'],
    ],
    [
      'a method of HTTP in small letters',
      'verb: POST',
      'verb: post',
      ['post', 'calls.methods[0].verb: "post" is not one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; did you mean POST?'],
    ],
    ['a number beyond its range', 'port: 4000', 'port: 99999', ['99999', 'services.api.port: 99999 is out of range; at most 65535']],
    ['a broken number', 'port: 4000', 'port: 40.5', ['40.5', 'services.api.port: 40.5 is not a whole number']],
    ['a text where a number stands', 'port: 4000', 'port: http', ['http', 'services.api.port: "http" is a text; expected a whole number']],
    [
      'a number where a text stands',
      'run: node src/worker.js',
      'run: 42',
      ['42', "services.worker.run: 42 must be a text; put it in quotes: '42'"],
    ],
    [
      'a missing member, at the name of its parent',
      '    run: node src/worker.js',
      '    port: 5000',
      ['worker:', 'services.worker.run: is missing: Starts the service in the foreground'],
    ],
    ['an empty value', 'kind: qa', 'kind:', ['kind:', 'environments.qa.kind: is empty; expected one of private, qa, sandbox, production']],
    [
      'a wrong choice',
      'kind: production',
      'kind: prodution',
      ['prodution', 'environments.production.kind: "prodution" is not one of private, qa, sandbox, production; did you mean production?'],
    ],
    [
      'a bad name',
      'worker:\n',
      'Worker_1:\n',
      [
        'Worker_1:',
        'services.Worker_1: "Worker_1" is not a name; use small letters, digits and dashes, a letter first, at most 32 characters',
      ],
    ],
    [
      'a path that leaves the repository',
      'watch: [migrations]',
      'watch: [../other]',
      ['../other', 'deploy[1].watch[0]: "../other" is not a path inside the repository; write it without a leading / and without ..'],
    ],
    [
      'a secret with a slip',
      '{ fromEnv: PAGES',
      '{ fromEnw: PAGES',
      ['DATABASE_PASSWORD:', 'services.api.env.DATABASE_PASSWORD.fromEnv: is missing'],
      ['fromEnw:', 'services.api.env.DATABASE_PASSWORD.fromEnw: is not known here; did you mean fromEnv?'],
    ],
    [
      'two checks in one',
      '{ http: /healthz,',
      '{ http: /healthz, tcp: true,',
      ['check:', 'deploy[2].check: needs exactly one of http, tcp or run'],
    ],
    ['no steps', deploy, 'deploy: []\n', ['deploy:', 'deploy: needs at least one entry']],
    [
      'the same name twice',
      '    run: node src/worker.js',
      '    run: node src/worker.js\n    run: node x.js',
      ['run: node x.js', '"run" stands here a second time; keep one of them'],
    ],
    ['a tab', '    run: node src/worker.js', '\trun: node src/worker.js', ['\trun', 'a tab cannot indent; use spaces']],
    ['an alias to nothing', 'run: node src/worker.js', 'run: *start', ['*start', '*start means nothing; no anchor &start stands above it']],
    ['a second document', 'deploy:', '---\ndeploy:', ['---', 'a second document begins here (---); one file describes one cloud']],
  ]
  test.each(cases)('%s', (_, from, to, ...expected) => {
    const text = changed(from, to)
    const { problems } = readCloudFile(text, 'belay.yaml')
    expect(problems.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))).toEqual(
      expected.map(([, says]) => says),
    )
    problems.forEach(({ line, column }, index) => {
      expect(
        text
          .split('\n')
          [line - 1]?.slice(column - 1)
          .startsWith(expected[index]?.[0] ?? ''),
      ).toBe(true)
    })
  })

  test('is one line that editors and terminals turn into a link', () => {
    expect(said(changed('stop: 5s', 'stop: soon'))).toEqual([
      'belay.yaml:10:11: services.api.stop: "soon" is not a duration; write for example 500ms, 30s, 5m, 2h or 1d',
    ])
  })

  test('an empty file names the command that writes one', () => {
    expect(said('# nothing yet\n')).toEqual(['belay.yaml:1:1: is empty; belay init writes one that fits your repository'])
  })

  test('all problems come at once, in the order of the file', () => {
    const text = changed('port: 4000', 'port: 0')
      .replace('kind: qa', 'kind: qaa')
      .replace('on: db', 'on: dbb')
      .replace('stop: 5s', 'stopp: 5s')
    expect(readCloudFile(text, 'belay.yaml').problems.map(({ line, field }) => [line, field])).toEqual([
      [8, 'services.api.port'],
      [10, 'services.api.stopp'],
      [31, 'environments.qa.kind'],
      [49, 'deploy[1].on'],
    ])
  })
})

describe('a file made to do harm', () => {
  test('a bomb of aliases is refused without being unfolded', () => {
    const levels = Array.from({ length: 30 }, (_, level) => `a${level}: &a${level} [${`*a${level - 1}, `.repeat(9)}]`)
    levels[0] = 'a0: &a0 [x, x]'
    expect(said(levels.join('\n'))).toEqual(['belay.yaml:1:1: repeats itself through too many aliases; write the parts out'])
  })

  test('nesting without end, an endless file and a list that holds itself are refused with a sentence', () => {
    expect(said(`a: ${'['.repeat(50_000)}`)[0]).toMatch(/is nested too deeply to be read$/)
    expect(said('x'.repeat(2 * 1024 * 1024))).toEqual(['belay.yaml:1:1: has 2,097,152 characters; at most 1,048,576'])
    expect(said('cloud: &a [*a]').length).toBeGreaterThan(0)
  })

  test('more problems than a person mends at once are counted, not listed', () => {
    const problems = said(`${exampleCloudFile}${Array.from({ length: 300 }, (_, index) => `wrong${index}: 1\n`).join('')}`)
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toMatch(/: and 200 more problems$/)
  })

  test('names of JavaScript itself are names like others', () => {
    expect(said(changed('worker:\n', '__proto__:\n')).length).toBeGreaterThan(0)
    expect(said(changed('worker:\n', 'constructor:\n')).some((it) => it.includes('constructor'))).toBe(true)
  })
})

test('the example is plain YAML that any other reader understands', () => {
  expect(parse(exampleCloudFile)).toHaveProperty('deploy.3.check.run', 'node check.js')
})
