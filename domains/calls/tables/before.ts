/** With what calls are compared: another release, lane or range of time. */
import { sql } from '@belay/columns'
import type { Ground } from './ground.ts'
import type { Plan } from './plan.ts'
import { tablesProblem } from './problems.ts'
import { type Range, type Selection, withOnly, withoutOne } from './selection.ts'

export type Before = {
  readonly selection: Selection
  readonly plan: Plan
  /** What is compared with it: the calls that were asked for, less those of the other side. */
  readonly after: Selection
  readonly says: string
}

const time = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`
const sayRange = ({ from, to }: Range) => `${time(from)} to ${time(to)}`

/**
 * `release:NAME`: its calls in a range as long as the one that is asked for, which ends with its last call there, so that
 * a release that is gone is compared as it last was. `lane:NAME`: its calls of the same time. When no release (lane) is
 * filtered by, the calls that are compared with it are those of all others.
 * @throws Problem `calls-nothing-to-compare`, `calls-range-unclear`
 */
export async function beforeOf(ground: Ground, compare: string, selection: Selection, asked: Range): Promise<Before> {
  const span = asked.to - asked.from
  const colon = compare.indexOf(':')
  const [how, name] = colon < 0 ? [compare, ''] : [compare.slice(0, colon), compare.slice(colon + 1)]
  const made = async (it: { selection?: Selection; range?: Range; after?: Selection; says: string }): Promise<Before> => ({
    selection: it.selection ?? selection,
    plan: await ground.plan(it.selection ?? selection, it.range ?? asked, { quantiles: false, squares: true }),
    after: it.after ?? selection,
    says: it.says,
  })
  if (how === 'release' || how === 'lane') {
    const chosen = selection.names[how]
    const after = chosen === undefined || chosen.only.length === 0 ? withoutOne(selection, how, name) : selection
    const before = withOnly(selection, how, name)
    const last = await lastCall(ground, before, how, name, asked.to)
    if (last === null) throw tablesProblem('calls-nothing-to-compare', { with: `the ${how} ${name}`, environment: selection.environment })
    if (how === 'lane') return made({ selection: before, after, says: `lane ${name}, the same time` })
    const to = Math.min(asked.to, last + 1)
    const range = { from: to - span, to }
    return made({ selection: before, range, after, says: `release ${name}, ${sayRange(range)}` })
  }
  if (how === 'previous') {
    const range = { from: asked.from - span, to: asked.from }
    return made({ range, says: `the range before, ${sayRange(range)}` })
  }
  const [from, to] = name.split('-').map(Number) as [number, number]
  if (!(from < to)) throw tablesProblem('calls-range-unclear', { because: 'what is compared with ends before it begins' })
  return made({ range: { from, to }, says: sayRange({ from, to }) })
}

/** To the ms while raw rows last, else the end of its hour. */
async function lastCall(
  { columns }: Ground,
  selection: Selection,
  how: 'release' | 'lane',
  name: string,
  to: number,
): Promise<number | null> {
  const column = how === 'release' ? sql`c.release` : sql`c.lane`
  const [hour] = await columns.query<{ at: number }>(
    sql`SELECT toFloat64(max(toUnixTimestamp(c.t))) * 1000 AS at FROM calls_hour AS c
      WHERE c.environment = ${selection.environment} AND ${column} = ${name} AND c.t < toDateTime(${Math.ceil(to / 1_000)}, 'UTC')`,
  )
  const begin = Number(hour?.at ?? 0)
  if (begin === 0) return null
  const [exact] = await columns.query<{ at: number }>(
    sql`SELECT toFloat64(max(toUnixTimestamp64Milli(c.ts))) AS at FROM calls AS c
      WHERE c.environment = ${selection.environment} AND ${column} = ${name} AND c.ts >= ${new Date(begin)} AND c.ts < ${new Date(Math.min(to, begin + 3_600_000))}`,
  )
  const at = Number(exact?.at ?? 0)
  return at > 0 ? at : Math.min(to, begin + 3_600_000)
}
