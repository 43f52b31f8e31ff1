/** How far a flag has climbed, at a glance: `qa ● staff ● early-access ◐50% all ○`. Pure. */
import { everyEnvironment, type FlagStandingWire, type FlagSummaryWire } from '@belay/protocol'
import stringWidth from 'string-width'
import { type Paint, sign } from './terminal.ts'

/** The share of each ring that is reached, in percent, lowest ring first; undefined where no ladder is climbed. */
function sharesOf({ state, ring, percent }: FlagStandingWire, rings: readonly string[]): readonly number[] | undefined {
  if (state === 'top') return rings.map(() => 100)
  if (state === 'resting') return rings.map(() => 0)
  const reached = ring === null ? -1 : rings.indexOf(ring)
  if (state !== 'climbing' || reached < 0) return undefined
  return rings.map((_, index) => (index < reached ? 100 : index === reached ? (percent ?? 100) : 0))
}

const mark = (share: number, paint: Paint): string => sign(share === 100 ? 'top' : share === 0 ? 'ahead' : 'climbing', paint)

/** `named`: each ring with its name. Otherwise signs alone, in the order of the rings: `●●◐○ 50%`. */
export function ladder(standing: FlagStandingWire, rings: readonly string[], named: boolean, paint: Paint): string {
  const shares = sharesOf(standing, rings)
  if (shares === undefined) return `${sign(standing.state, paint)} ${standing.state}`
  const part = shares.find((share) => share > 0 && share < 100)
  if (!named) return `${shares.map((share) => mark(share, paint)).join('')}${part === undefined ? '' : ` ${part}%`}`
  return rings
    .map((ring, index) => {
      const share = shares[index] ?? 0
      const name = share === 0 ? paint('dim', ring) : ring
      return `${name} ${mark(share, paint)}${share > 0 && share < 100 ? `${share}%` : ''}`
    })
    .join(' ')
}

/** Environments in which every flag of the list stands the same are one column. */
export type LadderColumn = { readonly environments: readonly string[]; readonly title: string }

export function ladderColumns(flags: readonly FlagSummaryWire[]): readonly LadderColumn[] {
  const names = [...new Set(flags.flatMap(({ standings }) => standings.map(({ environment }) => environment)))]
  const alike = new Map<string, string[]>()
  for (const name of names) {
    const all = JSON.stringify(flags.map((flag) => seen(standingIn(flag, name))))
    alike.set(all, [...(alike.get(all) ?? []), name])
  }
  const columns = [...alike.values()]
  return columns.map((environments) => {
    // What counts for environments without a setting of their own is told by those that there are.
    const named = environments.filter((name) => name !== everyEnvironment)
    const title = named.length === 0 ? 'any other' : columns.length === 1 && named.length > 1 ? 'everywhere' : named.join(', ')
    return { environments, title }
  })
}

export const standingIn = ({ standings }: Pick<FlagSummaryWire, 'standings'>, environment: string): FlagStandingWire | undefined =>
  standings.find((it) => it.environment === environment)

const seen = (it: FlagStandingWire | undefined): unknown => [it?.state, it?.ring, it?.percent]

/** How wide one column becomes with names, to know whether there is room for them. */
export function widthOf(column: LadderColumn, flags: readonly FlagSummaryWire[], rings: readonly string[]): number {
  const cells = flags.map((flag) => {
    const standing = standingIn(flag, column.environments[0] ?? '')
    return standing === undefined ? 0 : stringWidth(ladder(standing, rings, true, (_, text) => text))
  })
  return Math.max(stringWidth(column.title), ...cells)
}
