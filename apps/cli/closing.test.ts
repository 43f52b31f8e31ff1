import type { DeploymentWire } from '@belay/protocol'
import { deploymentStates } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { closingLines, exitCodeFor } from './closing.ts'
import { aDeployment, plain, startMs } from './fixtures.ts'

const cases: readonly [state: DeploymentWire['state'], code: number, says: string][] = [
  ['passed', 0, '● production has v2 after 42 s (expected 3.0 s).'],
  ['running', 0, '● v2 on production is under way, 0 of 4 done.'],
  ['undoing', 0, '◐ v2 on production is being undone: web2 failed.'],
  ['undone', 1, '■ v2 on production was undone after 42 s: web2 failed. production has v1 as before.'],
  ['failed', 1, '✗ v2 on production failed after 42 s: web2 failed.'],
  ['aborted', 1, '■ v2 on production was aborted after 42 s: web2 failed.'],
  ['waiting-approval', 3, '■ v2 on production waits for somebody else to approve its plan: web2 failed.'],
  ['waiting', 3, '■ v2 on production waits for a person: web2 failed.'],
  ['held', 3, '■ v2 on production is held: web2 failed.'],
]

describe('how a deployment ends is one sentence and one exit code', () => {
  test.each(cases)('%s', (state, code, says) => {
    const deployment = aDeployment({ state, because: 'web2 failed.', endedAt: startMs + 42_000 })
    expect(exitCodeFor(deployment)).toBe(code)
    expect(closingLines(deployment, { look: { terminal: true, width: 200, nowMs: startMs }, paint: plain }).split('\n')[0]).toBe(says)
  })

  test('every state has its row here', () => {
    expect(cases.map(([state]) => state).toSorted()).toEqual([...deploymentStates].toSorted())
  })

  test('whoever has to decide sees the commands for it', () => {
    const lines = closingLines(aDeployment({ state: 'waiting', offers: ['rerun', 'undo'] }), {
      look: { terminal: true, width: 200, nowMs: startMs },
      paint: plain,
    })
    expect(lines).toContain('Next: belay resume d7 --rerun')
    expect(lines).toContain('belay resume d7 --undo')
  })
})
