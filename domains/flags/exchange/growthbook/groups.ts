/** GrowthBook's saved groups: lists of ids, or (since version 2 of the payload) conditions. */
import { type Bag, isBag, isText, listOf, own } from '../json.ts'
import { keysInRuleMax } from '../steps.ts'
import type { ImportedSegment } from '../types.ts'
import { keyFrom } from '../words.ts'
import { attributeOf, type Groups } from './conditions.ts'

export type SavedGroups = Groups & {
  /** Lists become segments, as far as rules asked for them. */
  imported(): readonly ImportedSegment[]
}

export function savedGroups(document: Bag, features: Bag): SavedGroups {
  const raw = own(document, 'savedGroups')
  const groups = isBag(raw) ? raw : {}
  const segments = new Map<string, ImportedSegment>()
  const taken = new Map<string, string>()

  function list(id: string): ReturnType<Groups['list']> {
    const group = own(groups, id)
    // A group that there is not has always been an empty one.
    if (group === undefined) return { values: [] }
    const values = Array.isArray(group)
      ? (group as unknown[])
      : isBag(group) && own(group, 'type') === 'list'
        ? own(group, 'values')
        : undefined
    if (!Array.isArray(values)) return null
    // A list here holds texts; numbers are compared as numbers in a rule.
    if (!values.every((it) => isText(it) && isKey(it)) && values.length <= keysInRuleMax) return { values: values as unknown[] }
    const key = taken.get(id) ?? keyFor(id, group)
    if (!segments.has(key)) {
      const keys = [...new Set(values.map(String))].filter(isKey)
      const odd = values.length - values.filter(isText).length
      const by = isBag(group) ? own(group, 'attributeKey') : undefined
      segments.set(key, {
        key,
        content: { keys, by: isText(by) ? attributeOf(by) : 'targetingKey' },
        notes: odd > 0 ? [`${odd} of its values are no texts; here they are, and an attribute that holds numbers does not find them.`] : [],
      })
    }
    return { key }
  }
  function keyFor(id: string, group: unknown): string {
    const name = isBag(group) ? (own(group, 'name') ?? own(group, 'groupName')) : undefined
    const wanted = keyFrom(isText(name) ? name : id, `group-${taken.size + 1}`)
    const key = [...taken.values()].includes(wanted) ? `${wanted}-${taken.size + 1}` : wanted
    taken.set(id, key)
    return key
  }

  return {
    list,
    group(id) {
      const group = own(groups, id)
      if (!isBag(group)) return null
      if (own(group, 'type') === 'condition') return { condition: own(group, 'condition') }
      const attribute = own(group, 'attributeKey')
      return own(group, 'type') === 'list' ? { attribute: isText(attribute) ? attribute : undefined } : null
    },
    lists: listAttributes([features, groups]),
    imported: () => [...segments.values()],
  }
}

/** What a list can hold. */
const isKey = (it: string) => it.trim() !== '' && it.length <= 500 && !/[\0\r\n]/.test(it)

const ofLists = ['$elemMatch', '$size', '$all', '$alli']

/** Attributes that some condition asks for as lists. */
function listAttributes(parts: readonly unknown[]): Set<string> {
  const found = new Set<string>()
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk)
    if (!isBag(value)) return
    for (const [name, inside] of Object.entries(value)) {
      if (
        isBag(inside) &&
        Object.keys(inside).some(
          (it) =>
            ofLists.includes(it) || (it === '$not' && isBag(inside.$not) && Object.keys(inside.$not).some((op) => ofLists.includes(op))),
        )
      )
        found.add(name)
      walk(inside)
    }
  }
  listOf(parts).forEach(walk)
  return found
}
