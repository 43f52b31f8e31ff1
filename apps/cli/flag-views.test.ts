import type { ExplanationWire, FlagPageWire, JsonWire } from '@belay/protocol'
import { describe, expect, test } from 'vitest'
import { changeText, diffLine, exitCodeOfChange, proposalView, sayValue, versionsView } from './change-views.ts'
import { explanationView } from './explain-view.ts'
import { plain, startMs } from './fixtures.ts'
import { aFlag, anAnswer, aProposal, aSetting, aStanding, aSummary, climbing, ladderNames } from './flag-fixtures.ts'
import { flagTable, flagView, ruleText } from './flag-views.ts'
import type { Eye } from './terminal.ts'

const eye: Eye = { look: { terminal: true, width: 120, nowMs: startMs + 120_000 }, paint: plain }
const pipe: Eye = { ...eye, look: { ...eye.look, terminal: false } }

describe('a list of flags', () => {
  const flags = [
    aSummary({ standings: [aStanding('qa', { state: 'top', ring: 'all', percent: 100 }), climbing('production', 'staff', 10)] }),
    aSummary({
      key: 'old',
      standings: [aStanding('qa'), aStanding('production')],
      stale: [{ why: 'expired', says: 'expired on 2026-11-01' }],
      proposals: 1,
      owner: null,
    }),
  ]

  test('draws a ladder for each environment, and says which rings its signs are', () => {
    const lines = flagTable(flags, ladderNames, eye).split('\n')
    expect(lines[0]).toMatch(/^KEY +KIND +QA +PRODUCTION +MARKS +OWNER +CHANGED$/)
    expect(lines[1]).toMatch(/^new-editor {2}release {2}●●●● +●◐○○ 10% .*ada/)
    expect(lines[2]).toContain('expired, 1 to approve')
    expect(lines.at(-1)).toBe('rings, from the left: qa, staff, early-access, all')
  })

  test('names the rings where there is room', () => {
    const text = flagTable([aSummary({ standings: [climbing('production', 'staff', 10)] })], ladderNames, eye)
    expect(text).toContain('qa ● staff ◐10% early-access ○ all ○')
    expect(text).not.toContain('from the left')
  })

  test('is plain words in a pipe', () => {
    expect(flagTable(flags, ladderNames, pipe).split('\n')[0]).toBe(
      'new-editor\trelease\tqa: off to everybody; production: on to 10% of staff\t\tada\t2026-11-22T12:00:00.000Z\t',
    )
  })
})

test('a flag’s page tells everything: values, needs, each environment, its rules, what waits', () => {
  const page: FlagPageWire = {
    flag: aFlag({
      prerequisites: [{ flag: 'base', variant: 'on' }],
      killed: { qa: { at: startMs, by: 'grace', reason: 'loses drafts' } },
      settings: {
        '*': aSetting(),
        production: aSetting({
          targeting: { if: [{ var: 'pro' }, 'on'] },
          exposure: { serve: { on: 1 }, ring: 'staff', percent: 10, bucketBy: 'account' },
        }),
      },
    }),
    standings: [aStanding('qa', { state: 'killed' }), climbing('production', 'staff', 10), aStanding('*')],
    stale: [{ why: 'expired', says: 'expired on 2026-11-01' }],
    proposals: [aProposal],
    scheduled: [],
    neededBy: ['sub'],
    lastEvaluatedAt: null,
  }
  const text = flagView(page, ladderNames, eye)
  for (const part of [
    'new-editor (release, boolean)',
    /on = true\n +off = false/,
    'base to serve on',
    /needed by +sub/,
    /killed +in qa by grace, 2 min ago: loses drafts/,
    /production +●◐○○ 10% +off +account +its own +on to 10% of staff/,
    /any other +○○○○ +off +targetingKey +off to everybody/,
    'Rules of production\n  {"if":[{"var":"pro"},"on"]}',
    /p3 +new-editor +■ open/,
    /evaluated +never yet/,
  ])
    expect(text).toMatch(part)
})

test('a long rule breaks where its parts do not fit, a very long one ends with how much is left', () => {
  const rule: JsonWire = {
    if: [{ '==': [{ var: 'plan' }, 'pro'] }, 'on', { in: [{ var: 'email' }, Array.from({ length: 60 }, (_, i) => `user${i}`)] }, 'on'],
  }
  const lines = ruleText(rule, eye).split('\n')
  expect(lines.slice(0, 4)).toEqual(['  {', '    "if": [', '      {"==":[{"var":"plan"},"pro"]},', '      "on",'])
  expect(lines.at(-1)).toMatch(/… \d+ more lines; --json has all/)
  expect(JSON.parse(ruleText(rule, { ...eye, look: { ...eye.look, terminal: false } }))).toEqual(rule)
})

describe('what came of a change', () => {
  const cases = [
    ['done', {}, 0, '● Turned new-editor off in production. It is version 4 now.'],
    ['same', { says: 'new-editor is so already' }, 0, '○ new-editor is so already; nothing is changed.'],
    ['planned', {}, 0, '○ Planned: turned new-editor off in production. Nothing is changed.'],
    ['proposed', { proposal: aProposal }, 3, '■ Waits for somebody else to approve it: turned new-editor off in production.'],
  ] as const
  test.each(cases)('%s is one sentence and one exit code', (outcome, over, code, sentence) => {
    const answer = anAnswer({ outcome, ...over })
    expect(changeText(answer, eye).split('\n')[0]).toBe(sentence)
    expect(exitCodeOfChange(answer)).toBe(code)
  })

  test('comes with each difference, and the command for whoever is next', () => {
    const lines = changeText(anAnswer({ outcome: 'proposed', proposal: aProposal }), eye).split('\n')
    expect(lines.slice(1)).toEqual(['    settings.production.state: "ENABLED" → "DISABLED"', 'Next: belay flag approve p3'])
  })

  test('tells new from gone', () => {
    expect(diffLine({ path: 'settings.qa', after: { a: 1 } }, pipe)).toBe('+ settings.qa: {"a":1}')
    expect(diffLine({ path: 'owner', before: 'ada', after: null }, pipe)).toBe('owner: "ada" → null')
    expect(diffLine({ path: 'variants.b', before: 2 }, pipe)).toBe('− variants.b: 2')
    expect(sayValue('x'.repeat(2_000_000))).toMatch(/^"x{299}… \(2000002 characters\)$/)
  })
})

test('a proposal shows its diff and its whole hash; versions show who did what and why', () => {
  expect(proposalView(aProposal, eye)).toMatch(new RegExp(`hash +${aProposal.hash}\n +settings.production.state`))
  const version = { version: 4, at: startMs, actor: 'ada', says: 'turned it off', reason: 'loses drafts', diff: aProposal.diff }
  expect(versionsView([version], eye).split('\n')[0]).toBe('v4  2 min ago by ada  turned it off (loses drafts)')
  expect(versionsView([version], pipe)).toBe('4\t2026-11-22T12:00:00.000Z\tada\tturned it off\tloses drafts')
})

test('an explanation shows every step with its outcome', () => {
  const it: ExplanationWire = {
    flag: 'new-editor',
    environment: 'production',
    evaluation: { key: 'new-editor', reason: 'TARGETING_MATCH', variant: 'on', value: true },
    because: 'ada gets on: ada is in staff',
    steps: [
      { kind: 'rule', says: 'if pro', outcome: 'missed', because: 'pro is absent' },
      { kind: 'ring', says: 'on to staff', outcome: 'decided', because: 'ada is in staff' },
      { kind: 'default', says: 'off', outcome: 'unasked', because: '' },
    ],
    rings: [
      { ring: 'qa', member: false },
      { ring: 'staff', member: true },
    ],
    segments: ['early'],
  }
  const lines = explanationView(it, eye).split('\n')
  expect(lines.slice(-5)).toEqual([
    '  ○ rule     if pro',
    '             pro is absent',
    '  ● ring     on to staff',
    '             ada is in staff',
    '  · default  off',
  ])
  expect(lines).toContain('rings     ○ qa  ● staff')
  expect(lines).toContain('gets      on = true')
  expect(explanationView(it, pipe).split('\n')[2]).toBe('decided\tring\ton to staff\tada is in staff')
})
