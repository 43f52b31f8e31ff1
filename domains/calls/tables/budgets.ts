/** Whether calls keep to the budgets of belay.yaml, and whether they got dearer than in the release before. */
import { sayCount } from '@belay/base'
import type { CallsSpec } from '@belay/cloudfile'
import { type BudgetVerdictWire, type CallFilter, type CallMeasure, callMeasures } from '@belay/protocol'
import { type Moments, welch } from '@belay/stats'
import type { Ground } from './ground.ts'
import { checkServices, environmentOf } from './places.ts'
import { dayMs, type Range, rangeOf, type Selection, selectionOf, stemsOf, withOnly } from './selection.ts'
import { key, momentsOf, momentSums, readSums } from './sums.ts'
import { rawDays } from './schema.ts'
import { stemOf } from './measures.ts'

export type Budgets = CallsSpec['budgets']
export type BudgetsAsk = {
  readonly environment: string
  /** Null: calls of all releases. */
  readonly release: string | null
  readonly since: number
  readonly until: number
  readonly budgets: Budgets
  /** What the release is compared with, over its last 30 days there; null: with nothing. */
  readonly previousRelease?: string | null
}
type Line = BudgetVerdictWire['lines'][number]

/** Fewer calls say nothing of a mean. Means of times that are near their limit need more; then the limit is not clearly passed. */
const callsMin = 5
/** As for changes between releases (see the domain's changes): five standard errors, and more than a twentieth. */
const clearT = 5
const clearShare = 0.05

/**
 * `over`: the mean is clearly above the limit, that is, all of its interval of 99 % is. `dearer`: within its limits, or
 * without one, and clearly more than in the release before. `few`: not enough calls for either.
 */
export async function checkBudgets(ground: Ground, ask: BudgetsAsk): Promise<BudgetVerdictWire> {
  return judge(ground, selectionOf({ external: 'with' }, ask.environment), ask)
}

/** The budgets of belay.yaml for the calls of a filter; one release in it is compared with the one before. */
export async function readBudgets(ground: Ground, filter: CallFilter): Promise<BudgetVerdictWire> {
  const environment = await environmentOf(ground, filter.environment)
  const selection = selectionOf(filter, environment)
  await checkServices(ground, selection)
  const { from, to } = rangeOf(filter, ground.clock.now())
  const names = selection.names.release
  const release = names?.only.length === 1 && names.not.length === 0 ? (names.only[0] as string) : null
  const previousRelease = release === null ? null : await releaseBefore(ground, environment, release)
  return judge(ground, selection, { environment, release, since: from, until: to, budgets: ground.budgets(), previousRelease })
}

async function judge(ground: Ground, all: Selection, ask: BudgetsAsk): Promise<BudgetVerdictWire> {
  const { environment, release, budgets } = ask
  const about = { environment, release }
  const methods = Object.keys(budgets).sort()
  const of = release === null ? '' : ` of ${release}`
  if (methods.length === 0) return { ...about, ok: true, says: 'belay.yaml names no budgets (calls.budgets).', lines: [] }
  const selection = release === null ? all : withOnly(all, 'release', release)
  const now = await momentsByMethod(ground, selection, { from: ask.since, to: ask.until }, methods)
  const previous = ask.previousRelease ?? null
  const before =
    previous === null
      ? undefined
      : await momentsByMethod(ground, withOnly(all, 'release', previous), { from: ask.until - rawDays * dayMs, to: ask.until }, methods)
  const lines = methods.flatMap((method) => {
    const budget = budgets[method] as Budgets[string]
    return callMeasures.flatMap((measure): Line[] => {
      const limit = limitOf(budget, measure)
      const moments = now(method, measure)
      const dearer = previous === null || before === undefined ? null : dearerThan(before(method, measure), moments)
      if (limit === null && dearer === null) return []
      return [lineOf({ method, measure, limit, moments, dearer, previous })]
    })
  })
  const bad = lines.filter(({ state }) => state === 'over' || state === 'dearer')
  const few = lines.filter(({ state }) => state === 'few')
  const fewSaid = few.length === 0 ? '' : ` ${sayCount(new Set(few.map(({ method }) => method)).size, 'method')} had too few calls to say.`
  return {
    ...about,
    ok: bad.length === 0,
    says:
      bad.length > 0
        ? `${bad[0]?.says}${bad.length === 1 ? '' : ` And ${sayCount(bad.length - 1, 'more line')}.`}`
        : few.length === lines.length
          ? `No method with a budget had enough calls${of} to say.`
          : `All calls${of} keep to their budgets.${fewSaid}`,
    lines,
  }
}

function lineOf(it: {
  method: string
  measure: CallMeasure
  limit: number | null
  moments: Moments
  dearer: { before: number } | null
  previous: string | null
}): Line {
  const { method, measure, limit, moments, dearer, previous } = it
  const { n } = moments
  const got = n === 0 ? 0 : moments.sum / n
  const line = (state: Line['state'], says: string): Line => ({ method, measure, limit, got, n, state, says })
  const value = (number: number) => sayValue(measure, number)
  if (n < callsMin) return line('few', `${method}: ${sayCount(n, 'call')} with ${words[measure]}, and at least ${callsMin} are needed.`)
  if (limit !== null && isClearlyOver(moments, limit))
    return line('over', `${method} costs ${value(got)} of ${words[measure]} a call, and its budget is ${value(limit)}.`)
  if (dearer !== null)
    return line(
      'dearer',
      `${method} costs ${value(got)} of ${words[measure]} a call, clearly more than the ${value(dearer.before)} of ${previous}.`,
    )
  if (limit === null) return line('within', `${method} costs ${value(got)} of ${words[measure]} a call.`)
  const near = got > limit ? ', above it by less than chance may make' : ''
  return line('within', `${method} costs ${value(got)} of ${words[measure]} a call within its budget of ${value(limit)}${near}.`)
}

/** Welch's test against a side that never varies is Student's test of one mean. */
function isClearlyOver(moments: Moments, limit: number): boolean {
  return welch({ n: 2, sum: 2 * limit, sumSquares: 2 * limit * limit }, moments).low > 0 && moments.sum / moments.n > limit
}

function dearerThan(before: Moments, after: Moments): { before: number } | null {
  if (before.n < callsMin || after.n < callsMin) return null
  const { t, relative } = welch(before, after)
  return t > clearT && relative > clearShare ? { before: before.sum / before.n } : null
}

/** In µs, or per call. */
function limitOf(budget: Budgets[string], measure: CallMeasure): number | null {
  const limit = budget[measure]
  if (limit === undefined) return null
  return measure === 'statements' || measure === 'transactions' ? limit : limit * 1_000
}

const words: Readonly<Record<CallMeasure, string>> = {
  real: 'real time',
  cpu: 'CPU time',
  db: 'DB time',
  statements: 'statements',
  transactions: 'transactions',
}
const digits = (number: number) => number.toLocaleString('en', { maximumSignificantDigits: 3 })
function sayValue(measure: CallMeasure, number: number): string {
  if (measure === 'statements' || measure === 'transactions') return digits(number)
  return number < 1_000 ? `${digits(number)} µs` : number < 1_000_000 ? `${digits(number / 1_000)} ms` : `${digits(number / 1_000_000)} s`
}

/** A budget is a method's, of whatever service. */
async function momentsByMethod(
  ground: Ground,
  selection: Selection,
  range: Range,
  methods: readonly string[],
): Promise<(method: string, measure: CallMeasure) => Moments> {
  const some: Selection = { ...selection, names: { ...selection.names, method: { only: methods, not: [] } } }
  const plan = await ground.plan(some, range, { quantiles: false, squares: true })
  const rows = await readSums(ground.columns, {
    selection: some,
    parts: plan.parts,
    keys: [key('method')],
    sums: momentSums(stemsOf(some)),
  })
  const byMethod = new Map(rows.map((row) => [row.keys[0] as string, row]))
  return (method, measure) => momentsOf(byMethod.get(method), stemOf(measure, some))
}

/** By the newest deployment that brought it there. */
async function releaseBefore({ ledger }: Ground, environment: string, release: string): Promise<string | null> {
  const { facts } = await ledger.list({ kind: 'deployment.started', limit: 500 })
  const brought = facts.find(({ data }) => data.environment === environment && data.release === release && data.from !== release)
  return typeof brought?.data.from === 'string' ? brought.data.from : null
}
