/** Unleash's segments: constraints that strategies share. */
import type { JsonLogic } from '@belay/flag-evaluator'
import { isBag, isText, listOf, own, whyUnsafe } from '../json.ts'
import { keysInRuleMax } from '../steps.ts'
import type { ImportedSegment } from '../types.ts'
import { keyFrom } from '../words.ts'
import { attributeOf, type Note } from './attributes.ts'
import { constraintRule } from './constraints.ts'
import type { Segment } from './document.ts'

/** What a strategy can do with a segment: refer to it, or learn why not. */
export type SegmentUse = { readonly rule: JsonLogic; readonly notes: readonly Note[] } | { readonly cannot: string }
export type Segments = { readonly imported: readonly ImportedSegment[]; use(id: string): SegmentUse }

/** @param hasSegment is there one of this key here already? Exports of features name segments without their constraints. */
export function translateSegments(segments: readonly Segment[], hasSegment: (key: string) => boolean): Segments {
  const uses = new Map<string, SegmentUse>()
  const imported: ImportedSegment[] = []
  const taken = new Set<string>()
  for (const segment of segments) {
    const wanted = keyFrom(segment.name, `segment-${segment.id}`)
    const key = taken.has(wanted) ? `${wanted}-${segment.id}` : wanted
    taken.add(key)
    const refer = { $ref: `segment:${key}` }
    if (segment.constraints === undefined) {
      uses.set(
        segment.id,
        hasSegment(key)
          ? {
              rule: refer,
              notes: [
                { text: `It uses the segment ${key} as it is here: the export names it and does not say who is in it.`, approximate: true },
              ],
            }
          : {
              cannot: `the export names the segment ${segment.name} and does not say who is in it. Make it first (belay segment create ${key}) and import again`,
            },
      )
      continue
    }
    const { content, because, notes, approximate } = contentOf(segment.constraints)
    imported.push({ key, content, notes: because === undefined ? notes : [`${segment.path}: ${because}.`] })
    uses.set(
      segment.id,
      because === undefined
        ? { rule: refer, notes: approximate ? [{ text: `Its segment ${key} is carried over approximately.`, approximate }] : [] }
        : { cannot: `its segment ${segment.name} cannot be carried over: ${because}` },
    )
  }
  return {
    imported,
    use: (id) =>
      uses.get(id) ?? {
        rule: false,
        notes: [{ text: `It names the segment ${id}, which is not in the document: nobody is in it.`, approximate: false }],
      },
  }
}

function contentOf(constraints: readonly unknown[]): {
  content: ImportedSegment['content']
  because?: string
  notes: string[]
  approximate: boolean
} {
  const unsafe = whyUnsafe(constraints)
  if (unsafe !== undefined) return { content: null, because: unsafe, notes: [], approximate: false }
  const list = listIn(constraints)
  if (list) return { content: list, notes: [], approximate: false }
  const rules: JsonLogic[] = []
  const notes = new Set<string>()
  let approximate = false
  for (const constraint of constraints) {
    const said = constraintRule(constraint)
    if ('cannot' in said) return { content: null, because: said.cannot, notes: [], approximate: false }
    approximate ||= said.notes.some((note) => note.approximate)
    for (const note of said.notes) notes.add(note.text)
    rules.push(typeof said.rule === 'boolean' ? { '!!': [said.rule] } : said.rule)
  }
  const rule: JsonLogic = rules.length === 1 ? (rules[0] as JsonLogic) : rules.length === 0 ? { '!!': [true] } : { and: rules }
  return { content: { rule }, notes: [...notes], approximate }
}

/** One constraint of many values is a list, which can be changed line by line. */
function listIn(constraints: readonly unknown[]): { keys: readonly string[]; by: string } | undefined {
  const [only] = constraints
  if (constraints.length !== 1 || !isBag(only) || own(only, 'operator') !== 'IN' || own(only, 'inverted') === true) return undefined
  const [field, values] = [own(only, 'contextName'), listOf(own(only, 'values')).filter(isText)]
  if (!isText(field) || values.length <= keysInRuleMax) return undefined
  return { keys: keysOf(values), by: attributeOf(field) }
}

/** As Unleash cleans them; what no list can hold is nobody's id. */
export const keysOf = (values: readonly string[]): string[] =>
  [...new Set(values.map((value) => value.trim()))].filter((value) => value !== '' && !/[\0\r\n]/.test(value))
