/** GrowthBook's rules of a feature as steps. Source: `core.ts` of @growthbook/growthbook 1.8 (`evalFeature`, `runExperiment`). */
import type { JsonLogic } from '@belay/flag-evaluator'
import { type Bag, isBag, isText, listOf, own } from '../json.ts'
import { type Step, type Unit, wholeWeights } from '../steps.ts'
import { attributeOf, conditionRule, type Groups } from './conditions.ts'

export type Ruled = {
  /** Undefined: it never counts. */
  readonly step: Step | undefined
  readonly notes: readonly string[]
  readonly approximate: boolean
}

/** @param variantOf the name here of a value there; undefined: it has none, for it is no value of a flag. */
export function ruleStep(rule: Bag, key: string, groups: Groups, variantOf: (value: unknown) => string | null): Ruled | { cannot: string } {
  for (const [member, because] of unsaid) if (isThere(own(rule, member))) return { cannot: because }
  const condition = own(rule, 'condition')
  const said = isThere(condition) ? conditionRule(condition, groups) : { rule: true, notes: [] }
  if ('cannot' in said) return said
  const notes: string[] = [...said.notes]
  if (isText(own(rule, 'fallbackAttribute')))
    notes.push(
      `GrowthBook falls back to ${String(own(rule, 'fallbackAttribute'))} where sticky bucketing is on; here one attribute counts.`,
    )
  const fallsBack = notes.length > said.notes.length
  const never: Ruled = { step: undefined, notes, approximate: false }
  const when: JsonLogic[] = said.rule === true ? [] : [said.rule]
  if (said.rule === false) return never
  const hashAttribute = own(rule, 'hashAttribute')
  const attribute = attributeOf(isText(hashAttribute) && hashAttribute !== '' ? hashAttribute : 'id')
  const unit: Unit = { seed: seedOf(rule, key), by: attribute === 'targetingKey' ? null : attribute }
  const coverage = own(rule, 'coverage')
  const percent = typeof coverage === 'number' ? Math.round(Math.min(1, Math.max(0, coverage)) * 100_000) / 1_000 : undefined

  if (Object.hasOwn(rule, 'force')) {
    const variant = variantOf(rule.force)
    if (variant === null && rule.force !== null) return { cannot: 'its value is of another type than the others' }
    if (percent === 0) return never
    const serve = variant === null ? [] : [{ variant, weight: 1 }]
    // Whoever has nothing to hash is out, also of a whole.
    const audience =
      percent === undefined
        ? { when, share: null }
        : percent >= 100
          ? { when: [...when, { '!!': [{ var: attribute }] }], share: null }
          : { when, share: { percent, unit } }
    return { step: { ...audience, serve, serveUnit: unit }, notes, approximate: fallsBack }
  }
  const variations = own(rule, 'variations') ?? own(rule, 'contextualVariations')
  if (!Array.isArray(variations) || variations.length < 2) return never
  const names = variations.map((value: unknown) => variantOf(value))
  if (names.some((name) => name === null)) return { cannot: 'one of its variations has a value of another type than the others' }
  if (percent === 0) return never
  const weights = wholeWeights(fractionsOf(rule, variations.length))
  const byName = Map.groupBy(names as string[], (name) => name)
  const serve = [...byName.keys()].map((variant) => ({
    variant,
    weight: weights.reduce((sum, weight, index) => (names[index] === variant ? sum + weight : sum), 0),
  }))
  const share = percent === undefined || percent >= 100 ? null : { percent, unit }
  // Whoever has nothing to hash is in no experiment; a share sees to that by itself, and the targeting key, too.
  const guard = share === null && unit.by !== null ? [{ '!!': [{ var: attribute }] }] : []
  return {
    step: { when: [...when, ...guard], share, serve, serveUnit: unit },
    notes,
    approximate: fallsBack,
  }
}

const isThere = (it: unknown) => it !== undefined && it !== null && !(Array.isArray(it) && it.length === 0)
const unsaid: readonly (readonly [member: string, because: string])[] = [
  ['namespace', 'it is in a namespace, which keeps experiments apart; nothing here does'],
  ['filters', 'it has filters (a namespace), which keep experiments apart; nothing here does'],
  ['ranges', 'it gives ranges of hashes instead of shares'],
  ['range', 'it gives a range of hashes instead of a share'],
  ['contextualBanditRef', 'a contextual bandit chooses its variations'],
  ['tracks', 'it was evaluated elsewhere'],
]

function seedOf(rule: Bag, key: string): string {
  const found = [own(rule, 'seed'), own(rule, 'key')].find((it) => isText(it) && it !== '')
  return isText(found) ? found : key
}

/** Equal parts where there are no weights, or they are not one for each, or do not add up. */
function fractionsOf(rule: Bag, count: number): readonly number[] {
  const weights = listOf(own(rule, 'weights'))
  const equal = Array.from({ length: count }, () => 1)
  if (weights.length !== count || !weights.every((it): it is number => typeof it === 'number' && it >= 0)) return equal
  const sum = weights.reduce((total, it) => total + it, 0)
  return sum < 0.99 || sum > 1.01 ? equal : weights
}

/** What a rule asks of another feature. */
export type Gate = { readonly flag: string; readonly condition: unknown; readonly gate: boolean }
export function gatesOf(rule: Bag): Gate[] {
  return listOf(own(rule, 'parentConditions'))
    .filter(isBag)
    .map((it) => ({ flag: String(own(it, 'id')), condition: own(it, 'condition'), gate: own(it, 'gate') === true }))
}
