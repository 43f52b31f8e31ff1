/**
 * GrowthBook's conditions, which are MongoDB's queries, as rules. What each operator does with each type of value is
 * told by its SDK (`mongrule.ts` of @growthbook/growthbook 1.8); the tests compare the two.
 */
import type { JsonLogic } from '@belay/flag-evaluator'
import { isBag, isText, listOf, own } from '../json.ts'

export type Condition = { readonly rule: JsonLogic; readonly notes: readonly string[] } | { readonly cannot: string }
export type Groups = {
  /** Who is in this list: by its key here, or its values where they are few. Null: it is no list. */
  list(id: string): { readonly key: string } | { readonly values: readonly unknown[] } | null
  /** A group that is a condition of its own, and the attribute of one that is a list. */
  group(id: string): { readonly condition: unknown } | { readonly attribute: string | undefined } | null
  /** Attributes that hold lists, as far as the document shows it. */
  readonly lists: ReadonlySet<string>
}

/** What cannot be said: thrown to the condition it stands in. */
class Unsaid extends Error {}

/** Rules that are always so come as `true` and `false`. */
export function conditionRule(condition: unknown, groups: Groups): Condition {
  const notes = new Set<string>()
  try {
    return { rule: new Translator(groups, notes).condition(condition, ''), notes: [...notes] }
  } catch (error) {
    if (error instanceof Unsaid) return { cannot: error.message }
    throw error
  }
}

const not = (rule: JsonLogic): JsonLogic => (typeof rule === 'boolean' ? !rule : { '!': [rule] })
function allOf(rules: readonly JsonLogic[]): JsonLogic {
  if (rules.includes(false)) return false
  const some = rules.filter((rule) => rule !== true)
  return some.length === 0 ? true : some.length === 1 ? (some[0] as JsonLogic) : { and: some }
}
function anyOf(rules: readonly JsonLogic[]): JsonLogic {
  if (rules.includes(true)) return true
  const some = rules.filter((rule) => rule !== false)
  return some.length === 0 ? false : some.length === 1 ? (some[0] as JsonLogic) : { or: some }
}

const comparisons: Readonly<Record<string, string>> = { $lt: '<', $lte: '<=', $gt: '>', $gte: '>=' }
const versions: Readonly<Record<string, string>> = { $veq: '=', $vne: '!=', $vlt: '<', $vlte: '<=', $vgt: '>', $vgte: '>=' }
/** Three parts, so that both sides compare the same. */
const strictVersion = /^v?\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/
/** Conditions inside each other, those of groups written out wherever they are named. People have about ten. */
const conditionsMax = 2_000
/** Groups of conditions that refer to each other; people have two or three levels. */
const groupDepthMax = 20

/** GrowthBook's own id is our targeting key: its OpenFeature provider does the same. */
export const attributeOf = (name: string) => (name === 'id' ? 'targetingKey' : name)

class Translator {
  readonly #groups: Groups
  readonly #notes: Set<string>
  #depth = 0
  #count = 0

  constructor(groups: Groups, notes: Set<string>) {
    this.#groups = groups
    this.#notes = notes
  }

  /** @param inside '' for the context; else the condition is one about an element of a list. */
  condition(condition: unknown, inside: '' | 'element'): JsonLogic {
    if (!isBag(condition)) throw new Unsaid('a condition is no object')
    this.#count += 1
    if (this.#count > conditionsMax) throw new Unsaid(`it comes to more than ${conditionsMax} conditions`)
    return allOf(
      Object.entries(condition).map(([name, value]) => {
        switch (name) {
          case '$or':
            return Array.isArray(value) && value.length === 0 ? true : anyOf(listOf(value).map((it) => this.condition(it, inside)))
          case '$nor':
            return Array.isArray(value) && value.length === 0 ? false : not(anyOf(listOf(value).map((it) => this.condition(it, inside))))
          case '$and':
            return allOf(listOf(value).map((it) => this.condition(it, inside)))
          case '$not':
            return not(this.condition(value, inside))
          case '$savedGroup':
            return this.#savedGroup(value, inside)
          default:
            return this.#value(value, { var: inside === '' ? attributeOf(name) : name }, name)
        }
      }),
    )
  }

  /** About one value, which `at` reads. */
  #value(condition: unknown, at: JsonLogic, name: string): JsonLogic {
    switch (typeof condition) {
      case 'string':
        return this.#text(condition, at)
      case 'number':
        // A missing attribute counts as 0 there.
        return condition === 0 ? { or: [{ '==': [at, 0] }, { '==': [at, null] }] } : { '==': [at, condition] }
      case 'boolean':
        return condition ? { '!!': [at] } : { and: [{ '!==': [at, null] }, { '!': [at] }] }
      default:
    }
    if (condition === null) return { '==': [at, null] }
    if (!isBag(condition) || !isOperators(condition))
      throw new Unsaid(`${name} is compared with a whole list or object, which rules cannot`)
    return allOf(Object.entries(condition).map(([operator, value]) => this.#operator(operator, value, at, name)))
  }

  /** Whatever reads as this text there. */
  #text(text: string, at: JsonLogic): JsonLogic {
    if (text === 'null') return { or: [{ '===': [at, text] }, { '==': [at, null] }] }
    const also = text === 'true' ? true : text === 'false' ? false : String(Number(text)) === text ? Number(text) : undefined
    return also === undefined ? { '===': [at, text] } : { in: [at, [text, also]] }
  }

  #operator(operator: string, value: unknown, at: JsonLogic, name: string): JsonLogic {
    if (Object.hasOwn(comparisons, operator)) return this.#compared(comparisons[operator] as string, value, at, name)
    if (Object.hasOwn(versions, operator)) return this.#version(operator, value, at, name)
    switch (operator) {
      case '$eq':
        return { [value === null ? '==' : '===']: [at, this.#scalar(value, operator, name)] }
      case '$ne':
        return { [value === null ? '!=' : '!==']: [at, this.#scalar(value, operator, name)] }
      case '$exists':
        return { [value ? '!=' : '==']: [at, null] }
      case '$in':
        return Array.isArray(value) ? this.#among(value, at, name) : false
      case '$nin':
        return Array.isArray(value) ? not(this.#among(value, at, name)) : false
      case '$inGroup':
      case '$notInGroup': {
        const found = this.#inGroup(value, at, name)
        return found === null ? false : operator === '$inGroup' ? found : not(found)
      }
      case '$not':
        return not(this.#value(value, at, name))
      case '$size':
        return this.#size(value, at, name)
      case '$elemMatch': {
        if (!isBag(value)) throw new Unsaid(`$elemMatch of ${name} is no object`)
        const each = isOperators(value) ? this.#value(value, { var: '' }, name) : this.condition(value, 'element')
        // Elements that are nothing are passed over.
        return { some: [at, allOf([{ '!=': [{ var: '' }, null] }, each])] }
      }
      case '$all':
        if (!Array.isArray(value)) return false
        if (value.length === 0) throw new Unsaid(`$all of ${name} asks for nothing`)
        return allOf(value.map((each: unknown): JsonLogic => ({ some: [at, this.#value(each, { var: '' }, name)] })))
      case '$regex':
      case '$regexi':
      case '$notRegex':
      case '$notRegexi':
        throw new Unsaid(`${operator} on ${name}: rules here have no regular expressions`)
      case '$ini':
      case '$nini':
      case '$alli':
        throw new Unsaid(`${operator} on ${name}: rules here cannot leave case aside`)
      default:
        throw new Unsaid(`${operator} on ${name} is not known here`)
    }
  }

  #scalar(value: unknown, operator: string, name: string): JsonLogic {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
    throw new Unsaid(`${operator} compares ${name} with a list or an object, which never are the same`)
  }

  #compared(comparison: string, value: unknown, at: JsonLogic, name: string): JsonLogic {
    if (typeof value !== 'string' && typeof value !== 'number') throw new Unsaid(`${name} is compared with neither a text nor a number`)
    return { [comparison]: [at, value] }
  }

  #version(operator: string, value: unknown, at: JsonLogic, name: string): JsonLogic {
    if (!isText(value) || !strictVersion.test(value))
      throw new Unsaid(`${operator} compares ${name} with ${JSON.stringify(value)}, which is no version of three parts`)
    const compared = { sem_ver: [at, versions[operator] as string, value] }
    this.#notes.add(`Of ${name} only semantic versions compare here, and a version of fewer parts counts as one that ends in zeros.`)
    // Where there is no version GrowthBook sees one below all others.
    return operator === '$vne' || operator === '$vlt' || operator === '$vlte' ? { or: [{ '!': [at] }, compared] } : compared
  }

  #among(values: readonly unknown[], at: JsonLogic, name: string): JsonLogic {
    if (values.some((it) => typeof it === 'object' && it !== null)) throw new Unsaid(`${name} is looked for among lists or objects`)
    const list = values as readonly JsonLogic[]
    const one = { in: [at, list] }
    return this.#groups.lists.has(name) ? { or: [one, { some: [at, { in: [{ var: '' }, list] }] }] } : one
  }

  /** Null: nobody, and nobody is out of it either. */
  #inGroup(id: unknown, at: JsonLogic, name: string): JsonLogic | null {
    if (!isText(id)) throw new Unsaid(`a group of ${name} has no id`)
    const list = this.#groups.list(id)
    if (list === null) return null
    if ('values' in list) return this.#among(list.values, at, name)
    const one = { in_segment: [list.key, at] }
    return this.#groups.lists.has(name) ? { or: [one, { some: [at, { in_segment: [list.key, { var: '' }] }] }] } : one
  }

  #savedGroup(reference: unknown, inside: '' | 'element'): JsonLogic {
    const id = isBag(reference) ? own(reference, 'id') : undefined
    if (!isBag(reference) || !isText(id)) return false
    const group = this.#groups.group(id)
    if (group === null) return false
    if ('condition' in group) {
      this.#depth += 1
      if (this.#depth > groupDepthMax) throw new Unsaid(`the saved group ${id} is nested too deep, or in itself`)
      const rule = isBag(group.condition) ? this.condition(group.condition, inside) : false
      this.#depth -= 1
      return rule
    }
    const attribute = own(reference, 'attributeKey') ?? group.attribute
    if (!isText(attribute)) return false
    return this.#inGroup(id, { var: inside === '' ? attributeOf(attribute) : attribute }, attribute) ?? false
  }

  #size(value: unknown, at: JsonLogic, name: string): JsonLogic {
    const count = { reduce: [at, { '+': [{ var: 'accumulator' }, 1] }, 0] }
    const compared = this.#value(value, count, name)
    // What is no list has no size; an empty one and none look alike here, so a size of 0 needs something to be there.
    return allOf([{ '!=': [at, null] }, compared])
  }
}

function isOperators(condition: object): boolean {
  const names = Object.keys(condition)
  return names.length > 0 && names.every((name) => name.startsWith('$'))
}
