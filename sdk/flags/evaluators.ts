/** `$evaluators`: rules that flags and other evaluators refer to by name. Each is compiled once for all who use it. */
import { type Checked, checkForCompiling, depthMax, isMap, partsMax, pointer, quoted, type Reference, reference } from './check.ts'
import { compilerWith, type Ready, type Referred } from './compile.ts'
import { differsByFlag, type Node } from './node.ts'
import type { Attributes } from './state.ts'
import type { DefinitionProblem, FlagSetOptions, JsonLogic } from './types.ts'

export type Evaluator = Referred & {
  /** As it was given, to see whether it changed. */
  readonly rule: unknown
  readonly checked: Checked
  readonly problems: readonly DefinitionProblem[]
  readonly size: Size
}

/** What a rule and all that it refers to come to, were it written out: flagd puts the text of an evaluator in its place. */
type Size = { readonly depth: number; readonly parts: number }

/** What all rules of a set have in common. */
export type Surroundings = { readonly options: FlagSetOptions; readonly attributes: Attributes }

export type Evaluators = {
  readonly all: ReadonlyMap<string, Evaluator>
  readonly problems: readonly DefinitionProblem[]
  /** Those that say something else than in the set before, or refer to one that does; those that are gone included. */
  readonly changed: ReadonlySet<string>
}

export const noEvaluators: Evaluators = { all: new Map(), problems: [], changed: new Set() }

/** `rules` may be anything; what `before` compiled and did not change is taken over. */
export function compileEvaluators(rules: unknown, surroundings: Surroundings, before: Evaluators = noEvaluators): Evaluators {
  if (rules === undefined) rules = {}
  const problems: DefinitionProblem[] = []
  if (!isMap(rules)) problems.push({ key: null, path: '/$evaluators', message: '`$evaluators` is an object: names and their rules.' })
  const written = new Map<string, unknown>(isMap(rules) ? Object.entries(rules) : [])
  const checks = new Map([...written].map(([name, rule]) => [name, checkOf(rule, before.all.get(name))]))

  const all = new Map<string, Evaluator>()
  const names = new Set([...before.all.keys(), ...written.keys()])
  const changed = new Set([...names].filter((name) => before.all.get(name)?.checked !== checks.get(name)))
  for (const name of inOrder(checks)) {
    const [old, checked] = [before.all.get(name), checks.get(name) as Checked]
    if (checked.references.some((to) => changed.has(to.name))) changed.add(name)
    const isSame = old !== undefined && !changed.has(name)
    all.set(name, isSame ? old : evaluatorOf(name, written.get(name), checked, all, written, surroundings))
  }
  for (const evaluator of all.values()) problems.push(...evaluator.problems)
  return { all, problems, changed }
}

/** The very one from before when the rule is what it was. */
function checkOf(rule: unknown, old: Evaluator | undefined): Checked {
  if (old !== undefined && rule === old.rule) return old.checked
  const checked = checkForCompiling(rule)
  // Only what passed is known not to be too deep to be written out.
  if (old === undefined || checked.problems.length > 0 || old.checked.problems.length > 0) return checked
  return JSON.stringify(rule) === JSON.stringify(old.rule) ? old.checked : checked
}

/** Names so that each comes after those that it refers to; in a circle one has to come before. */
function inOrder(checks: ReadonlyMap<string, Checked>): string[] {
  const order: string[] = []
  const met = new Set<string>()
  for (const start of checks.keys()) {
    // A chain of references may be as long as the document: no recursion.
    const open: { name: string; next: number }[] = met.has(start) ? [] : [{ name: start, next: 0 }]
    met.add(start)
    while (open.length > 0) {
      const top = open.at(-1) as { name: string; next: number }
      const to = checks.get(top.name)?.references[top.next++]
      if (to === undefined) {
        order.push(top.name)
        open.pop()
      } else if (checks.has(to.name) && !met.has(to.name)) {
        met.add(to.name)
        open.push({ name: to.name, next: 0 })
      }
    }
  }
  return order
}

function evaluatorOf(
  name: string,
  rule: unknown,
  checked: Checked,
  ready: ReadonlyMap<string, Evaluator>,
  written: ReadonlyMap<string, unknown>,
  surroundings: Surroundings,
): Evaluator {
  const { problems, size } = linked(checked, ready, written)
  const here = pointer(['$evaluators', name])
  return {
    rule,
    checked,
    problems: problems.map(({ path, message }) => ({ key: null, path: `${here}${path}`, message })),
    size,
    ...(problems.length > 0 ? { node: undefined, inElement: undefined } : compiled(rule as JsonLogic, ready, surroundings)),
  }
}

function compiled(rule: JsonLogic, ready: Ready, { options, attributes }: Surroundings): Pick<Referred, 'node' | 'inElement'> {
  const compiler = compilerWith(options, attributes, ready)
  let element: Node | undefined
  // Hardly any evaluator is used for elements of lists.
  return { node: remembered(compiler.compile(rule)), inElement: () => (element ??= compiler.within().compile(rule)) }
}

/**
 * A rule with what it refers to: every evaluator must be there and sound, and all together must not be too large.
 * `written`: the names that there are; one that is there and is not ready belongs to a circle.
 */
export function linked(
  checked: Checked,
  ready: ReadonlyMap<string, Evaluator>,
  written: ReadonlyMap<string, unknown> = ready,
): { problems: readonly DefinitionProblem[]; size: Size } {
  const problems = [...checked.problems]
  let { depth, parts } = checked
  for (const to of checked.references) {
    const evaluator = ready.get(to.name)
    if (evaluator?.node === undefined) {
      problems.push(unusable(to, evaluator !== undefined, written.has(to.name)))
      continue
    }
    depth = Math.max(depth, to.depth - 1 + evaluator.size.depth)
    parts += evaluator.size.parts
  }
  if (problems.length === 0 && depth > depthMax) problems.push(tooLarge(`is nested deeper than ${depthMax} levels`))
  if (problems.length === 0 && parts > partsMax) problems.push(tooLarge(`has more than ${partsMax} parts`))
  return { problems, size: { depth, parts } }
}

function unusable(to: Reference, isReady: boolean, isWritten: boolean): DefinitionProblem {
  const why = isReady ? 'cannot be evaluated' : isWritten ? 'refers back to this one' : 'does not exist'
  return { key: null, path: to.path, message: `The evaluator ${quoted(to.name)} ${why}.` }
}

const tooLarge = (what: string): DefinitionProblem => ({
  key: null,
  path: '',
  message: `The rule, with what it refers to by ${reference}, ${what}.`,
})

/**
 * While many flags are evaluated for one context, an evaluator that says the same for all of them is asked once: five
 * thousand flags that begin with the same ring cost one look at that ring.
 */
function remembered(node: Node): Node {
  if (node.constant || (node.traits & differsByFlag) !== 0) return node
  let pass = 0
  let value: unknown
  return {
    ...node,
    run: (data, state) => {
      if (state.pass === 0) return node.run(data, state)
      if (pass === state.pass) return value
      const said = node.run(data, state)
      // A list or an object of the context would be held on to.
      if (typeof said === 'object' && said !== null) return said
      pass = state.pass
      value = said
      return said
    },
  }
}
