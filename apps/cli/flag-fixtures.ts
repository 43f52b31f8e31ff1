/** Flags off the wire for tests: whole, and made to be changed in one place. */
import type { ChangeAnswerWire, FlagStandingWire, FlagSummaryWire, FlagWire, ProposalWire, SettingWire } from '@belay/protocol'
import { startMs } from './fixtures.ts'

export const ladderNames = ['qa', 'staff', 'early-access', 'all'] as const

export const aSetting = (over: Partial<SettingWire> = {}): SettingWire => ({
  state: 'ENABLED',
  defaultVariant: 'off',
  targeting: null,
  exposure: null,
  ...over,
})

export const aFlag = (over: Partial<FlagWire> = {}): FlagWire => ({
  key: 'new-editor',
  description: '',
  kind: 'release',
  owner: 'ada',
  expiresAt: null,
  tags: [],
  type: 'boolean',
  variants: { on: true, off: false },
  salt: 'new-editor',
  bucketing: 2,
  prerequisites: [],
  settings: { '*': aSetting() },
  killed: {},
  metadata: {},
  version: 3,
  createdAt: startMs,
  createdBy: 'ada',
  changedAt: startMs,
  changedBy: 'ada',
  archivedAt: null,
  ...over,
})

export const aStanding = (environment: string, over: Partial<FlagStandingWire> = {}): FlagStandingWire => ({
  environment,
  own: false,
  state: 'resting',
  says: 'off to everybody',
  ring: null,
  percent: null,
  ...over,
})
export const climbing = (environment: string, ring: string, percent: number): FlagStandingWire =>
  aStanding(environment, { own: true, state: 'climbing', says: `on to ${percent}% of ${ring}`, ring, percent })

export function aSummary(over: Partial<FlagSummaryWire> = {}): FlagSummaryWire {
  const { key, kind, description, owner, tags, expiresAt, type, version, changedAt, changedBy, archivedAt } = aFlag()
  return {
    ...{ key, kind, description, owner, tags, expiresAt, type, version, changedAt, changedBy, archivedAt },
    variants: ['on', 'off'],
    standings: [aStanding('qa'), aStanding('production'), aStanding('*')],
    stale: [],
    proposals: 0,
    lastEvaluatedAt: null,
    ...over,
  }
}

export const aProposal: ProposalWire = {
  id: 'p3',
  flag: 'new-editor',
  change: { do: 'off', environment: 'production' },
  says: 'turned new-editor off in production',
  reason: 'loses drafts',
  by: 'ada',
  createdAt: startMs,
  at: null,
  hash: 'h'.repeat(64),
  version: 3,
  environments: ['production'],
  diff: [{ path: 'settings.production.state', before: 'ENABLED', after: 'DISABLED' }],
  state: 'open',
  decidedBy: null,
  decidedAt: null,
}

export const anAnswer = (over: Partial<ChangeAnswerWire> = {}): ChangeAnswerWire => ({
  outcome: 'done',
  says: 'turned new-editor off in production',
  diff: aProposal.diff,
  flag: aFlag({ version: 4 }),
  proposal: null,
  scheduled: null,
  ...over,
})
