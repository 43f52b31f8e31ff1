import { describe, expect, test } from 'vitest'
import { composeNow, type SeenDeployment } from './now.ts'

const environments = [
  { name: 'private', kind: 'private', release: null },
  { name: 'qa', kind: 'qa', release: null },
  { name: 'production', kind: 'production', release: 'v1' },
]
const release = (name: string) => ({ name, cutAt: Number(name.slice(1)), commitCount: 3, servicesChanged: ['web', 'api'] })
const deployment = (it: Partial<SeenDeployment>): SeenDeployment => ({
  id: 'd1',
  kind: 'deploy',
  environment: 'production',
  release: 'v2',
  from: 'v1',
  state: 'running',
  because: null,
  createdAt: 10,
  startedAt: 10,
  endedAt: null,
  ...it,
})
const rehearsal = (state: string, because: string | null = null) => ({
  id: 'r1',
  release: 'v2',
  environment: 'qa',
  state,
  because,
  startedAt: 5,
  endedAt: state === 'running' ? null : 9,
})
const passedV1 = deployment({ id: 'd0', release: 'v1', from: null, state: 'passed', endedAt: 4, startedAt: 2, createdAt: 2 })
const now = (it: Partial<Parameters<typeof composeNow>[0]> = {}) =>
  composeNow({ nowMs: 10_000, releases: [release('v2'), release('v1')], environments, deployments: [passedV1], rehearsals: [], ...it })
const rungs = (it: ReturnType<typeof now>, name: string) => it.rope.find((rope) => rope.release === name)?.rungs.map((rung) => rung.state)

describe('the front page', () => {
  test('is calm when nothing moves, and says what is in production', () => {
    expect(now()).toMatchObject({ sentence: 'All calm, nothing falling', detail: 'v1 is in production; nothing was ever undone' })
  })
  test('says that there is nothing yet', () => expect(now({ releases: [] }).sentence).toBe('Nothing on the rope yet'))
  test('shows how far up a release is', () => {
    const it = now({ rehearsals: [rehearsal('passed')] })
    expect(rungs(it, 'v2')).toEqual(['passed', 'ahead', 'passed', 'ahead'])
    expect(it.rope[0]).toMatchObject({ state: 'climbing', because: 'Rehearsed; ready for production. 3 commits, web and api changed' })
    expect(it.rope[1]).toMatchObject({ release: 'v1', state: 'top' })
  })
  test('counts what climbs', () => {
    const it = now({ deployments: [deployment({}), passedV1] })
    expect(it.sentence).toBe('One climbing, nothing falling')
    expect(rungs(it, 'v2')).toEqual(['passed', 'ahead', 'ahead', 'now'])
  })
  test('says first of all that something falls, and shows the fall', () => {
    const it = now({ deployments: [deployment({ state: 'undoing' }), passedV1] })
    expect(it.sentence).toBe('One falling')
    expect(it.rope[0]).toMatchObject({ state: 'fallen', because: 'Being brought back in production' })
    expect(rungs(it, 'v2')).toEqual(['passed', 'ahead', 'ahead', 'fell'])
  })
  test('keeps the reason of a fall', () => {
    expect(
      now({ deployments: [deployment({ state: 'undone', because: 'restart failed on web2', endedAt: 20 }), passedV1] }).rope[0]?.because,
    ).toBe('Undone in production: restart failed on web2')
    expect(now({ rehearsals: [rehearsal('failed', 'migrate failed')] }).rope[0]).toMatchObject({
      state: 'fallen',
      because: 'Fell in rehearsal: migrate failed',
    })
  })
  test('names what waits for a person', () => {
    const it = now({ deployments: [deployment({ state: 'held', because: 'warm failed' }), passedV1] })
    expect(it.sentence).toBe('One held, nothing falling')
    expect(it.rope[0]?.because).toBe('d1 in production is held: warm failed')
  })
  test('tells a roll-back as a fall', () => {
    const back = deployment({ id: 'd2', kind: 'rollback', release: 'v1', from: 'v2', state: 'passed', createdAt: 30, endedAt: 31 })
    const it = now({ deployments: [back, deployment({ state: 'passed', endedAt: 20 }), passedV1] })
    expect(it.rope[0]).toMatchObject({ release: 'v2', state: 'fallen', because: 'Rolled back in production to v1' })
  })
})
