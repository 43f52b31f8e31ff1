import type { FactWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { aDeployment, aPlan, aRun, plain, startMs } from './fixtures.ts'
import type { Eye } from './terminal.ts'
import { deploymentView, factLine, planView } from './views.ts'

const eye: Eye = { look: { terminal: true, width: 100, nowMs: startMs + 60_000 }, paint: plain }
const pipe: Eye = { ...eye, look: { ...eye.look, terminal: false } }
const fact: FactWire = {
  seq: 12,
  at: startMs,
  actor: 'ada',
  kind: 'release.cut',
  subject: 'release:v2',
  says: `cut v2 ${'from a long list of commits '.repeat(4)}`.trim(),
  data: {},
  hash: 'h',
  previous: 'p',
}

describe('a plan', () => {
  test('names what moves, how long it should take, each step with its undo, and its hash', () => {
    const text = planView({ ...aPlan, warnings: ['migrate has no undo'] }, eye)
    expect(text).toContain('Bring production from v1 to v2: 4 items in 3 waves, expected 3.0 s')
    expect(text).toContain('■ migrate has no undo')
    expect(text).toMatch(/ 2 {2}restart {2}web1 {2}web +1\.0 s {2}restart web +the release before/)
    expect(text).toContain(`plan ${aPlan.hash}`)
  })

  test('that has nothing to do says so, with the reason for each host', () => {
    const unchanged = [{ host: 'web1', service: 'web', because: 'it has this build already' }]
    expect(planView({ ...aPlan, items: [], unchanged }, eye)).toMatch(/Nothing to do\.[\s\S]*web on web1: it has this build already/)
  })

  test('is one row for each item in a pipe', () => {
    expect(planView(aPlan, pipe).split('\n')[2]).toBe('2\trestart\tweb1\tweb\t1000\trestart web\tthe release before')
  })
})

test('a deployment shows measured times against expected ones, and what was undone', () => {
  const runs = [aRun(0, 'done'), aRun(2, 'failed', { because: 'GET /healthz answered 500' }), aRun(2, 'done', { direction: 'undo' })]
  const text = deploymentView(aDeployment({ state: 'undone', because: 'restart failed on web1', runs }), eye)
  expect(text).toMatch(/install {2}web1 {2}● done +800 ms \(expected 1\.0 s\)/)
  expect(text).toMatch(/restart {2}web1 {2}✗ failed +800 ms \(expected 1\.0 s\) +● done {2}GET \/healthz answered 500/)
  expect(text).toMatch(/restart {2}web2 {2}○ ahead +expected 1\.0 s/)
})

test('a fact is one line for scripts, and for eyes its long sentence goes on under itself', () => {
  expect(factLine(fact, pipe).split('\t').slice(0, 5)).toEqual(['12', '2026-11-22T12:00:00.000Z', 'ada', 'release.cut', 'release:v2'])
  const lines = factLine(fact, eye).split('\n')
  expect(lines.length).toBeGreaterThan(1)
  const column = lines[0]?.indexOf('cut v2') ?? 0
  for (const line of lines.slice(1)) expect(line.slice(0, column).trim()).toBe('')
})
