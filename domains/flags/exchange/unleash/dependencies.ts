/** What a feature needs of others. Unleash knows several variants, and none; a prerequisite here names one. */
import type { FlagWire } from '@belay/protocol'
import { isBag, isText, listOf, own } from '../json.ts'
import type { Feature } from './document.ts'
import type { Values } from './variants.ts'

/** What a dependency has to know of the feature that is needed. */
export type Parent = {
  readonly feature: Feature
  /** Null: it is not carried over. */
  readonly values: Values | null
  /** It can be on and give no variant. */
  readonly onWithout: boolean
}
type Prerequisites = { readonly prerequisites: FlagWire['prerequisites']; readonly notes: readonly string[] } | { readonly cannot: string }

/** As of a flag (sdk/protocol). */
const prerequisitesMax = 10

export function prerequisitesOf(feature: Feature, parents: ReadonlyMap<string, Parent>): Prerequisites {
  const found: FlagWire['prerequisites'] = []
  const notes: string[] = []
  if (feature.dependencies.length > prerequisitesMax) return { cannot: `it needs more than ${prerequisitesMax} other flags` }
  for (const dependency of feature.dependencies) {
    const name = isBag(dependency) ? own(dependency, 'feature') : undefined
    if (!isBag(dependency) || !isText(name)) return { cannot: 'one of its dependencies has no feature' }
    const parent = parents.get(name)
    if (!parent) return { cannot: `it needs ${name}, which is not in the document; Unleash turns it off for everybody` }
    if (parent.feature.dependencies.length > 0)
      return { cannot: `it needs ${name}, which needs others itself; Unleash turns it off for everybody` }
    if (parent.values === null) return { cannot: `it needs ${name}, which is not carried over` }
    const wanted =
      own(dependency, 'enabled') === false
        ? offOf(name, parent)
        : onOf(name, parent, parent.values, listOf(own(dependency, 'variants')).filter(isText))
    if ('cannot' in wanted) return wanted
    if ('variant' in wanted) found.push({ flag: name, variant: wanted.variant })
    else notes.push(wanted.note)
  }
  return { prerequisites: found, notes }
}

function onOf(name: string, { onWithout }: Parent, values: Values, asked: readonly string[]): { variant: string } | { cannot: string } {
  if (values.plain) {
    // A feature without variants gives the one that Unleash calls disabled, also when it is on.
    return asked.length === 0 || asked.includes('disabled')
      ? { variant: 'on' }
      : { cannot: `it needs a variant of ${name}, which has none; Unleash turns it off for everybody` }
  }
  const all = Object.keys(values.variants)
  const fitting = asked.length === 0 ? all : asked.flatMap((it) => values.called(it))
  const [only] = fitting
  if (only === undefined) return { cannot: `it needs a variant of ${name} that there is not (${asked.join(', ')})` }
  if (fitting.length > 1)
    return { cannot: `it needs one of several variants of ${name} (${fitting.join(', ')}), and a prerequisite names one` }
  if (onWithout && (asked.length === 0 || asked.includes('disabled')))
    return { cannot: `it needs ${name}, which can be on without a variant` }
  return { variant: only }
}

function offOf(name: string, { feature, values }: Parent): { variant: string } | { note: string } | { cannot: string } {
  const standings = [...feature.standings.values()]
  if (standings.every(({ enabled }) => !enabled))
    return {
      note: `It needs ${name} to be off, which it is everywhere, so this was left out: nothing will hold it back when ${name} is turned on.`,
    }
  if (standings.some(({ enabled }) => !enabled))
    return { cannot: `it needs ${name} to be off, which is on in some environments and off in others` }
  return values?.plain ? { variant: 'off' } : { cannot: `it needs ${name} to be off, which has no variant of that meaning` }
}
