/**
 * Who gets what, and why: the outcome of every step in the order in which they count. The verdict itself is the very
 * one that clients get; the steps are evaluated one by one with the same evaluator.
 */
import { bucketOf, compileRule, type EvaluationContext, isTruthy, type Json, type JsonLogic } from '@belay/flag-evaluator'
import type { ExplanationWire } from '@belay/protocol'
import type { LiveEnvironment } from '../live-types.ts'
import type { SegmentsView } from '../segments/types.ts'
import { sayExposure } from './change.ts'
import { chainOf, isEmpty, servesSeveral, shareParts } from './compile.ts'
import { everybody, type Exposure, type Flag, killIn, type Ladder, settingIn } from './flag.ts'
import { sayRule } from './say-rule.ts'

type Step = ExplanationWire['steps'][number]
type Found = Pick<Step, 'kind' | 'says' | 'because'> & { readonly decides: boolean }

export function explain(it: {
  flag: Flag
  environment: string
  context: EvaluationContext
  live: LiveEnvironment
  ladder: Ladder
  segments: SegmentsView
  nowMs: number
}): ExplanationWire {
  const { flag, environment, context, ladder, nowMs } = it
  const evaluators = it.live.document().$evaluators ?? {}
  const run = (rule: JsonLogic): Json =>
    compileRule(rule, { evaluators, flagKey: flag.key, bucketing: flag.bucketing, inSegment: it.segments.inSegment }).run(context, nowMs)
  const evaluation = it.live.set().evaluate(flag.key, context, nowMs)
  const steps = stepsOf(it, run)
  const decided = steps.find(({ outcome }) => outcome === 'decided')
  const { key, reason, variant, value, errorCode, errorMessage } = evaluation
  const who = typeof context.targetingKey === 'string' ? context.targetingKey : 'somebody without a targeting key'
  const gets =
    errorCode !== undefined ? `the code's default (${errorMessage ?? errorCode})` : variant === undefined ? "the code's default" : variant
  const unit = typeof context.targetingKey === 'string' ? [context.targetingKey] : []
  return {
    flag: flag.key,
    environment,
    evaluation: {
      key,
      reason,
      ...(variant === undefined ? {} : { variant }),
      ...(value === undefined ? {} : { value: value as ExplanationWire['evaluation']['value'] }),
      ...(errorCode === undefined ? {} : { errorCode }),
      ...(errorMessage === undefined ? {} : { errorMessage }),
    },
    because: `${who} gets ${gets}${decided ? `: ${decided.because}` : ''}`,
    steps,
    rings: ladder.map((ring) => ({ ring: ring.name, member: ring.name === everybody || isTruthy(run({ $ref: `ring:${ring.name}` })) })),
    segments: [
      ...new Set([
        ...Object.keys(evaluators)
          .filter((name) => name.startsWith('segment:') && isTruthy(run({ $ref: name })))
          .map((name) => name.slice('segment:'.length)),
        ...unit.flatMap((one) => it.segments.memberships([one])[one] ?? []),
      ]),
    ].sort(),
  }
}

function stepsOf(it: Parameters<typeof explain>[0], run: (rule: JsonLogic) => Json): Step[] {
  const { flag, environment } = it
  const { setting } = settingIn(flag, environment)
  const killed = killIn(flag, environment)
  const rests = setting.defaultVariant ?? "the code's default"
  const found: Found[] = [
    {
      kind: 'state',
      says: setting.state === 'ENABLED' ? 'on' : 'off',
      because: setting.state === 'ENABLED' ? `${flag.key} is on` : `${flag.key} is off, so the code's own default counts`,
      decides: setting.state === 'DISABLED',
    },
  ]
  if (flag.archivedAt !== null)
    found.unshift({ kind: 'state', says: 'archived', because: `${flag.key} is archived and not served`, decides: true })
  if (killed)
    found.push({ kind: 'kill', says: `killed: ${rests} to everybody`, because: `${killed.by} killed it: ${killed.reason}`, decides: true })
  for (const { flag: other, variant } of flag.prerequisites) {
    const met = run({ '===': [{ $ref: `flag:${other}` }, variant] }) === true
    const got = run({ $ref: `flag:${other}` })
    found.push({
      kind: 'prerequisite',
      says: `needs ${other} at ${variant}, else ${rests}`,
      because: met ? `${other} gives ${variant}` : `${other} gives ${typeof got === 'string' ? got : 'no variant'}, not ${variant}`,
      decides: !met,
    })
  }
  if (!isEmpty(setting.targeting)) found.push(...ruleSteps(setting.targeting as JsonLogic, run))
  if (setting.exposure) found.push(...exposureSteps(it, setting.exposure, run))
  found.push({ kind: 'default', says: `${rests} to everybody else`, because: 'nothing before says otherwise', decides: true })
  const decider = found.findIndex(({ decides }) => decides)
  return found.map(({ kind, says, because }, index) => ({
    kind,
    says,
    because: index > decider ? 'not reached' : because,
    outcome: index === decider ? 'decided' : index < decider ? 'missed' : 'unasked',
  }))
}

function ruleSteps(targeting: JsonLogic, run: (rule: JsonLogic) => Json): Found[] {
  const chain = chainOf(targeting)
  if (!chain) {
    const outcome = run(targeting)
    return [{ kind: 'rule', says: short(targeting), because: `it gives ${short(outcome)}`, decides: outcome !== null }]
  }
  const steps: Found[] = []
  for (let index = 0; index < chain.length; index += 2) {
    const isElse = index + 1 >= chain.length
    const condition = chain[index] as JsonLogic
    const serves = (isElse ? condition : chain[index + 1]) as JsonLogic
    const holds = isElse || isTruthy(run(condition))
    const outcome = holds ? run(serves) : null
    const rule = `rule ${index / 2 + 1}`
    const gives = typeof serves === 'object' && serves !== null ? `: it gives ${short(outcome)}` : ''
    // An `if` whose branch names nothing ends the rules all the same; what comes after them is asked next.
    const because = !holds
      ? 'its condition does not hold'
      : isElse
        ? `no rule before it holds${gives}`
        : `${rule} holds (${sayRule(condition)})${gives}`
    steps.push({
      kind: 'rule',
      says: isElse ? `else ${short(serves)}` : `if ${sayRule(condition)}: ${short(serves)}`,
      because,
      decides: holds && outcome !== null,
    })
    if (holds && outcome === null) break
  }
  return steps
}

function exposureSteps(it: Parameters<typeof explain>[0], exposure: Exposure, run: (rule: JsonLogic) => Json): Found[] {
  const { flag, ladder } = it
  const at = ladder.findIndex((ring) => ring.name === exposure.ring)
  if (exposure.bucketBy !== null && servesSeveral(exposure) && run({ var: exposure.bucketBy }) === null)
    return [
      {
        kind: 'share',
        says: sayExposure(exposure, ladder),
        because: `the context has no ${exposure.bucketBy} to be hashed`,
        decides: false,
      },
    ]
  const isIn = (ring: string) => ring === everybody || isTruthy(run({ $ref: `ring:${ring}` }))
  const steps: Found[] = ladder.slice(0, Math.max(at, 0)).map((ring) => {
    const member = isIn(ring.name)
    return { kind: 'ring', says: `all of ${ring.name}`, because: `is ${member ? '' : 'not '}in ${ring.name}`, decides: member }
  })
  if (at < 0) return [{ kind: 'ring', says: sayExposure(exposure, ladder), because: `there is no ring ${exposure.ring}`, decides: false }]
  const member = isIn(exposure.ring)
  if (exposure.percent >= 100 || !member) {
    steps.push({
      kind: 'ring',
      says: `${exposure.percent}% of ${exposure.ring}`,
      because: `is ${member ? '' : 'not '}in ${exposure.ring}`,
      decides: member,
    })
    return steps
  }
  const by = exposure.bucketBy ?? 'targetingKey'
  const unit = run({ var: by })
  const parts = Math.round((exposure.percent / 100) * shareParts)
  const says = `${exposure.percent}% of ${exposure.ring}, by ${by}`
  if (unit === null || (unit === '' && exposure.bucketBy === null))
    return [...steps, { kind: 'share', says, because: `the context has no ${by} to be hashed`, decides: false }]
  const bucket = bucketOf(flag.bucketing, hashedBy(flag, exposure, unit), shareParts)
  const isUnder = bucket < parts
  const figures = `${shown(bucket)}%, which is ${isUnder ? 'below' : 'not below'} ${shown(parts)}%`
  return [
    ...steps,
    { kind: 'share', says, because: `the hash of ${short(unit)} with the salt ${flag.salt} falls on ${figures}`, decides: isUnder },
  ]
}

/** As `compile.ts` writes it into the definition. */
function hashedBy(flag: Flag, exposure: Exposure, unit: Json): Json {
  return exposure.bucketBy === null && flag.salt === flag.key && flag.bucketing === 2
    ? [flag.key, unit]
    : `${flag.salt}${typeof unit === 'string' ? unit : JSON.stringify(unit)}`
}

const shown = (parts: number) => Number(((parts / shareParts) * 100).toFixed(3))
const short = (value: unknown): string => {
  if (typeof value === 'string') return value
  const text = JSON.stringify(value)
  return text.length > 160 ? `${text.slice(0, 159)}…` : text
}
