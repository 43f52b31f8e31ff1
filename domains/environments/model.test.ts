import { cloudFileSchema } from '@belay/cloudfile'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assignPorts, belayVariables, identityOf, judgeEnvironment, type ServiceReport } from './model.ts'

const file = cloudFileSchema.parse({
  cloud: 'pages',
  services: { web: { run: 'node web.js', port: 3000, env: { COLOUR: 'blue' } }, 'work-er': { run: 'node worker.js' } },
  environments: {
    qa: {
      kind: 'qa',
      env: { COLOUR: 'red', STAGE: 'qa' },
      hosts: { a: { roles: ['web'] }, b: { roles: ['web', 'work-er'], env: { STAGE: 'b' } } },
    },
  },
  deploy: [{ step: 'install', on: 'web' }],
})
const environment = { name: 'qa', kind: 'qa' as const, spec: file.environments.qa as never }

describe('ports', () => {
  const range = { from: 100, to: 109 }
  const ask = (host: string, it: { fixed?: number; present?: number } = {}) => ({
    host,
    service: 'web',
    fixed: it.fixed,
    present: it.present,
  })

  test('stay as they are once given out', () => expect(assignPorts([ask('a', { present: 105 })], new Set(), range)).toEqual([]))
  test('are the ones that the file fixes', () =>
    expect(assignPorts([ask('a', { fixed: 8080, present: 105 })], new Set(), range)).toEqual([{ host: 'a', service: 'web', port: 8080 }]))
  test('are said to be used up', () => expect(assignPorts([ask('a')], new Set([100, 101, 102]), { from: 100, to: 102 })).toBeUndefined())
  test('are never given out twice, nor when taken by others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.uniqueArray(fc.integer({ min: 100, max: 109 })), (count, taken) => {
        const given = assignPorts(
          Array.from({ length: count }, (_, nth) => ask(`h${nth}`)),
          new Set(taken),
          range,
        )
        if (given === undefined) {
          expect(count).toBeGreaterThan(10 - taken.length)
          return
        }
        expect(new Set(given.map((it) => it.port)).size).toBe(count)
        expect(given.filter((it) => taken.includes(it.port))).toEqual([])
      }),
    )
  })
})

describe('variables', () => {
  const given = belayVariables({
    cloud: 'pages',
    environment,
    host: 'b',
    service: 'web',
    release: 'v1',
    dataPath: '/data/web',
    services: file.services,
    portOf: (host, service) => (service === 'web' ? { a: 1, b: 2 }[host] : undefined),
    addressOf: () => '127.0.0.1',
  })

  test('name where everything of the environment listens', () => {
    expect(given).toMatchObject({
      PORT: '2',
      BELAY_ADDRESS: '127.0.0.1:2',
      BELAY_ADDRESSES_WEB: '127.0.0.1:1,127.0.0.1:2',
      BELAY_ADDRESSES_WORK_ER: '',
    })
  })
  test("of a host go before those of the environment, those before the service's", () => {
    const same = identityOf(file, 'sha', environment, 'a', 'web')
    expect(same).toContain('"COLOUR":"red"')
    expect(identityOf(file, 'sha', environment, 'b', 'web')).toContain('"STAGE":"b"')
  })
  test('do not make a service restart because only the release has another name', () => {
    expect(identityOf(file, 'sha', environment, 'a', 'web')).toBe(identityOf(file, 'sha', environment, 'a', 'web'))
    expect(identityOf(file, 'sha', environment, 'a', 'web')).not.toContain('v1')
  })
})

describe('an environment', () => {
  const of = (...states: ServiceReport['state'][]) =>
    states.map((state, nth) => ({ host: `h${nth}`, service: 'web', state, because: state === 'failing' ? 'exit 1' : null }))
  const judged = (services: ServiceReport[], it: { held?: string; lease?: string } = {}) =>
    judgeEnvironment({ release: 'v1', lease: it.lease === undefined ? null : { reason: it.lease }, held: it.held ?? null, services })
  const cases: [story: string, services: ServiceReport[], state: string, because: string | null][] = [
    ['with nothing on it is empty', of('absent', 'absent'), 'empty', null],
    ['whose services all run is healthy', of('running', 'running'), 'healthy', null],
    ['with one failing service is unhealthy, and names it', of('running', 'failing'), 'unhealthy', 'web on h1 is failing: exit 1'],
    ['with several counts the rest', of('failing', 'absent', 'unknown'), 'unhealthy', 'web on h0 is failing: exit 1 (and 1 more)'],
    ['with all stopped is down', of('stopped', 'stopped'), 'down', 'all its services are stopped'],
  ]
  test.each(cases)('%s', (_, services, state, because) => expect(judged(services)).toEqual({ state, because }))
  test('that is held says so before all else, then who changes it', () => {
    expect(judged(of('failing'), { held: 'd3 waits', lease: 'x' })).toEqual({ state: 'held', because: 'd3 waits' })
    expect(judged(of('failing'), { lease: 'deploys v2' })).toEqual({ state: 'deploying', because: 'deploys v2' })
  })
})
