/** Things off the wire for tests: whole, and made to be changed in one place. */
import type { DeploymentWire, OutputWire, PlanWire } from '@belay/protocol'
import type { Paint } from './terminal.ts'
import type { Item, Run } from './news.ts'

export const startMs = Date.UTC(2026, 10, 22, 12, 0, 0)
export const plain: Paint = (_, text) => text

export const anItem = (index: number, wave: number, step: string, host: string, over: Partial<Item> = {}): Item => ({
  index,
  wave,
  step,
  host,
  services: ['web'],
  does: step === 'install' ? 'install' : 'restart',
  action: `${step} web`,
  undo: `the release before`,
  rerun: true,
  changesDatabase: false,
  timeLimitMs: 300_000,
  expectedMs: 1_000,
  ...over,
})

/** Two hosts: installed side by side, restarted one after the other. */
export const aPlan: PlanWire = {
  hash: 'p'.repeat(64),
  environment: 'production',
  release: 'v2',
  from: 'v1',
  kind: 'deploy',
  items: [
    anItem(0, 0, 'install', 'web1'),
    anItem(1, 0, 'install', 'web2'),
    anItem(2, 1, 'restart', 'web1'),
    anItem(3, 2, 'restart', 'web2'),
  ],
  unchanged: [],
  warnings: [],
  expectedMs: 3_000,
}

export const aRun = (index: number, state: Run['state'], over: Partial<Run> = {}): Run => ({
  index,
  direction: 'do',
  state,
  attempt: 1,
  startedAt: startMs + index * 1_000,
  endedAt: state === 'running' ? null : startMs + index * 1_000 + 800,
  because: null,
  outputHash: null,
  ...over,
})

export const aDeployment = (over: Partial<DeploymentWire> = {}): DeploymentWire => ({
  id: 'd7',
  kind: 'deploy',
  environment: 'production',
  release: 'v2',
  from: 'v1',
  state: 'running',
  because: null,
  actor: 'ada',
  reason: null,
  forced: false,
  planHash: aPlan.hash,
  createdAt: startMs,
  startedAt: startMs,
  endedAt: null,
  itemsDone: 0,
  itemsTotal: 4,
  expectedMs: 3_000,
  offers: [],
  plan: aPlan,
  runs: [],
  approval: { needed: false, by: null, at: null },
  rehearsal: null,
  ...over,
})

export const somePiece = (seq: number, index: number, text: string): OutputWire => ({ seq, index, direction: 'do', at: startMs, text })
