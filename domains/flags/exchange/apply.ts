/** What was read becomes flags and segments: first the segments, which harm nobody alone, then the flags that lean on them. */
import { Readable } from 'node:stream'
import { requires, type Who } from '@belay/access'
import { canonicalJson, Problem } from '@belay/base'
import type { JsonLogic } from '@belay/flag-evaluator'
import { everyEnvironment, type ImportReportWire, newFlagWire } from '@belay/protocol'
import type { Flags } from '../flags.ts'
import { beginFlag, type Flag, refsOf, typeOf } from '../model/flag.ts'
import type { Segments } from '../segments/types.ts'
import type { FlagContent, ImportedSegment, Read } from './types.ts'

/** Where an import goes. */
export type ImportInto = {
  readonly flags: Pick<Flags, 'all' | 'put' | 'metadata' | 'putMetadata'>
  readonly segments: Pick<Segments, 'evaluators' | 'inSegment' | 'inProduction' | 'show' | 'create' | 'change' | 'replace'>
}
type FlagOutcome = ImportReportWire['flags'][number]
type SegmentOutcome = ImportReportWire['segments'][number]

/** What one request brings (sdk/protocol); longer lists are uploaded. */
const keysAtOnceMax = 10_000

/**
 * Makes, or only plans, what was read. Each flag and each segment is done wholly or not at all, and one that is refused
 * keeps no other from being done. Settings of environments that the document does not name stay as they are.
 */
export async function applyImport(
  read: Read,
  into: ImportInto,
  how: { readonly who: Who; readonly plan: boolean },
): Promise<ImportReportWire> {
  const segments: SegmentOutcome[] = []
  for (const segment of inOrder(read.segments)) segments.push(await applySegment(segment, into, how))
  const coming = new Set(segments.filter(({ outcome }) => outcome !== 'refused').map(({ key }) => key))

  const present = new Map(into.flags.all().map((flag) => [flag.key, flag]))
  const usable = read.flags.flatMap(({ flag }) => (flag ? [flag] : []))
  const outcomes = new Map(
    (
      await into.flags.put(
        usable.map((flag) => wholeFlag(flag, present.get(flag.key))),
        how.who,
        { from: `a ${read.format} document`, plan: how.plan, segments: coming },
      )
    ).map((it) => [it.key, it]),
  )
  if (!how.plan && read.setMetadata !== null && Object.keys(read.setMetadata).length > 0)
    await into.flags.putMetadata({ ...(await into.flags.metadata()), ...read.setMetadata })
  return {
    format: read.format,
    planned: how.plan,
    flags: read.flags.map(({ key, flag, carried, notes }): FlagOutcome => {
      const done = flag ? outcomes.get(key) : undefined
      if (!flag || !done || done.outcome === 'refused')
        return { key, outcome: 'refused', carried: 'not', notes: [...notes, ...(done?.because === undefined ? [] : [done.because])] }
      return { key, outcome: done.outcome, carried, notes: [...notes, ...notesOn(flag, present.get(key))] }
    }),
    segments,
  }
}

/** The flag as it will be: what the document tells, over what is here. */
export function wholeFlag(content: FlagContent, before: Flag | undefined): Flag {
  const { settings, ...told } = content
  const given = Object.values(settings)[0]
  const flag =
    before ?? beginFlag(newFlagWire.parse({ key: told.key, variants: told.variants, defaultVariant: given?.defaultVariant ?? null }), 0, '')
  return { ...flag, ...told, type: typeOf(Object.values(told.variants)[0]), settings: { ...flag.settings, ...settings }, archivedAt: null }
}

function notesOn(flag: FlagContent, before: Flag | undefined): string[] {
  if (!before) return []
  return [
    ...(before.archivedAt === null ? [] : ['It was archived here and is taken back.']),
    ...(flag.salt === undefined || flag.salt === before.salt
      ? []
      : [`Its salt stays ${before.salt}, for a salt never changes: who is in its shares stays as it is here.`]),
    ...(flag.bucketing === undefined || flag.bucketing === before.bucketing
      ? []
      : [`Its bucketing stays ${before.bucketing}, for that never changes.`]),
    ...Object.keys(before.killed).map(
      (environment) => `It is killed ${environment === everyEnvironment ? 'everywhere' : `in ${environment}`} here, and stays so.`,
    ),
  ]
}

/** Those that others refer to first. */
function inOrder(segments: readonly ImportedSegment[]): ImportedSegment[] {
  const byName = new Map(segments.map((segment) => [`segment:${segment.key}`, segment]))
  const order = new Set<ImportedSegment>()
  const visiting = new Set<ImportedSegment>()
  const visit = (segment: ImportedSegment): void => {
    if (order.has(segment) || visiting.has(segment)) return
    visiting.add(segment)
    for (const ref of ruleOf(segment) === undefined ? [] : refsOf(ruleOf(segment) as JsonLogic)) {
      const other = byName.get(ref)
      if (other) visit(other)
    }
    order.add(segment)
  }
  segments.forEach(visit)
  return [...order]
}
const ruleOf = ({ content }: ImportedSegment): JsonLogic | undefined => (content && 'rule' in content ? content.rule : undefined)

async function applySegment(segment: ImportedSegment, into: ImportInto, how: { who: Who; plan: boolean }): Promise<SegmentOutcome> {
  const { key, notes } = segment
  try {
    const { outcome, because } = await bringSegment(segment, into.segments, how)
    return { key, outcome, notes: because === undefined ? [...notes] : [...notes, because] }
  } catch (error) {
    if (!(error instanceof Problem) || error.status >= 500) throw error
    return { key, outcome: 'refused', notes: [...notes, error.message] }
  }
}

type Brought = { outcome: SegmentOutcome['outcome']; because?: string }

async function bringSegment(
  segment: ImportedSegment,
  segments: ImportInto['segments'],
  { who, plan }: { who: Who; plan: boolean },
): Promise<Brought> {
  const { key, content, description } = segment
  if (content === null) return { outcome: 'refused' }
  const isThere = Object.hasOwn(segments.evaluators(), `segment:${key}`)
  if (segments.inProduction(key)) requires(who, 'flag.production')
  if (!isThere) {
    if (plan) return { outcome: 'created' }
    const said = { key, description: description ?? '' }
    if ('rule' in content) await segments.create({ ...said, rule: content.rule, by: 'targetingKey' }, who.actor)
    else {
      const { keys = [], by } = content
      const some = keys.length <= keysAtOnceMax
      await segments.create({ ...said, keys: some ? keys : [], by }, who.actor)
      if (!some) await segments.replace(key, linesOf(keys), undefined, who.actor)
    }
    return { outcome: 'created' }
  }
  const { segment: before } = await segments.show(key)
  const kind = 'rule' in content ? 'rule' : 'list'
  if (before.kind !== kind)
    return { outcome: 'refused', because: `There is a segment ${key} already, which is a ${before.kind} and no ${kind}.` }
  const isSaid = description === undefined || description === before.description
  if ('rule' in content) {
    if (isSaid && canonicalJson(before.rule) === canonicalJson(content.rule)) return { outcome: 'same' }
    if (!plan) await segments.change(key, { rule: content.rule, description, reason: 'import' }, who.actor)
    return { outcome: 'updated' }
  }
  const { keys } = content
  const isListed = keys === undefined || (keys.length === before.size && keys.every((it) => segments.inSegment(key, it) === true))
  if (isSaid && isListed) return { outcome: 'same' }
  if (!plan && !isSaid) await segments.change(key, { description, reason: 'import' }, who.actor)
  if (!plan && !isListed) await segments.replace(key, linesOf(keys), undefined, who.actor)
  return { outcome: 'updated' }
}

const linesOf = (keys: readonly string[]) => Readable.from(keys.map((it) => Buffer.from(`${it}\n`)))
