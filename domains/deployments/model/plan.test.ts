import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cloud, hashOf, plan, release, runningOn, twoByTwo, usualSteps } from './fixtures.ts'
import { planRollback } from './plan.ts'

const told = (it: ReturnType<typeof plan>) => it.items.map((item) => `${item.wave} ${item.step} ${item.host}`)

describe('a plan', () => {
  test('installs everywhere at once, runs a `once` step on one host and restarts host by host', () => {
    expect(told(plan())).toEqual([
      '0 install web1',
      '0 install web2',
      '0 install db1',
      '1 migrate db1',
      '2 restart web1',
      '3 restart web2',
      '4 restart db1',
    ])
  })

  test('leaves a service alone whose build and configuration are the same, and says so', () => {
    const file = cloud(usualSteps)
    const from = release('v1', file)
    const to = release('v2', file, { db: from.artifacts.db as string })
    const it = plan({ from, to })
    expect(told(it)).toEqual(['0 install web1', '0 install web2', '1 migrate db1', '2 restart web1', '3 restart web2'])
    expect(it.unchanged).toEqual([{ host: 'db1', service: 'db', because: 'same build and configuration as v1' }])
  })

  test('skips a command whose watched paths did not change, and says so', () => {
    const deploy = [{ step: 'migrate', on: 'db', run: 'up', undo: 'down', watch: ['migrations'] }]
    expect(plan({ deploy, touched: new Set() }).unchanged).toContainEqual({
      host: 'db1',
      service: 'step migrate',
      because: 'nothing under migrations changed since v1',
    })
    expect(told(plan({ deploy, touched: new Set(['migrate']) }))).toEqual(['0 migrate db1'])
  })

  test('takes hosts in batches of the size that the step gives', () => {
    const hosts = Object.fromEntries(Array.from({ length: 5 }, (_, nth) => [`web${nth}`, { roles: ['web'] }]))
    const it = plan({ hosts, deploy: [{ step: 'restart', on: 'web', batch: 2 }] })
    expect(it.items.map((item) => item.wave)).toEqual([0, 0, 1, 1, 2])
  })

  test('puts the services of one host into one item, in the order in which the step names them', () => {
    const hosts = { box: { roles: ['web', 'db'] } }
    expect(plan({ hosts, deploy: [{ step: 'restart', on: ['db', 'web'] }] }).items[0]?.services).toEqual(['db', 'web'])
  })

  test('warns of a step that finds no host, of builds that nothing restarts, of services left behind and of going backwards', () => {
    const file = cloud(
      [
        { step: 'install', on: 'web' },
        { step: 'migrate', on: 'ghost', run: 'x' },
      ],
      { ...twoByTwo, db1: { roles: ['db'] } },
    )
    const it = plan({
      deploy: file.deploy.map((step) => ({ step: step.step, on: step.on, ...(step.run ? { run: step.run } : {}) })),
      present: [{ host: 'old1', service: 'gone', release: 'v0', artifact: 'a', identity: 'a' }],
    })
    expect(it.warnings.join('\n')).toMatch(/No host of production has a role of step migrate \(ghost\)/)
    expect(it.warnings.join('\n')).toMatch(/No restart step covers web on web1/)
    expect(it.warnings.join('\n')).toMatch(/gone still runs on old1/)
    const usual = cloud(usualSteps)
    expect(plan({ from: release('v3', usual), to: release('v2', usual) }).warnings.join()).toMatch(/v2 was cut before v3/)
  })

  test('has the same hash for the same deed, whatever it is expected to take', () => {
    expect(plan({ expected: () => 5 }).hash).toBe(plan().hash)
    expect(plan({ deploy: usualSteps.slice(0, 2) }).hash).not.toBe(plan().hash)
  })

  test('expects the longest of each wave, one wave after the other', () => {
    expect(plan({ expected: (step) => (step === 'install' ? 10 : 100) }).expectedMs).toBe(10 + 100 + 3 * 100)
    expect(plan({ expected: (step) => (step === 'install' ? 10 : null) }).expectedMs).toBeNull()
  })

  test('touches every host of a role exactly once a step, in waves no larger than the batch', () => {
    const roles = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 })
    fc.assert(
      fc.property(fc.array(roles, { minLength: 1, maxLength: 12 }), fc.integer({ min: 1, max: 5 }), roles, (hostRoles, batch, on) => {
        const hosts = Object.fromEntries(hostRoles.map((its, nth) => [`h${nth}`, { roles: its }]))
        const it = plan({ hosts, deploy: [{ step: 'restart', on, batch }], from: release('v1', cloud(usualSteps, hosts)) })
        const expected = Object.entries(hosts).filter(([, host]) => host.roles.some((role) => on.includes(role)))
        expect(it.items.map((item) => item.host).sort()).toEqual(expected.map(([name]) => name).sort())
        for (const wave of new Set(it.items.map((item) => item.wave)))
          expect(it.items.filter((item) => item.wave === wave).length).toBeLessThanOrEqual(batch)
      }),
    )
  })
})

describe('a rollback', () => {
  const all = (it: ReturnType<typeof plan>) => new Set(it.items.map((item) => item.index))
  const back = (it: ReturnType<typeof plan>, done = all(it)) => planRollback({ plan: it, done, to: it.from, expected: () => 7, hashOf })

  test('walks what was done backwards, each by its undo', () => {
    const found = back(plan())
    expect('plan' in found && found.plan.items.map((item) => `${item.wave} ${item.action} ${item.host}`)).toEqual([
      '0 back to db@v1 db1',
      '1 back to web@v1 web2',
      '2 back to web@v1 web1',
      '3 down db1',
      '4 back to web@v1 web1',
      '4 back to web@v1 web2',
      '4 back to db@v1 db1',
    ])
  })

  test('is refused when a step changed a database and has no undo', () => {
    const it = plan({ deploy: [{ step: 'migrate', on: 'db', run: 'up', changes: 'database' }] })
    expect(back(it)).toEqual({ refused: 'its step migrate changed a database on db1 and has no undo' })
  })

  test('of a rollback is the way there again', () => {
    const there = plan()
    const found = back(there)
    if (!('plan' in found)) throw new Error(found.refused)
    const again = back(found.plan)
    expect('plan' in again && again.plan.items.every((item) => !item.reversed)).toBe(true)
  })

  test('stops what did not run before the first deployment', () => {
    const file = cloud(usualSteps)
    const first = plan({ present: [], from: release('v1', file) })
    expect(first.items.at(-1)?.undo).toBe('stop db')
    expect(runningOn(release('v1', file))).toHaveLength(3)
  })
})
