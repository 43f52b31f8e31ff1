/** How flags look in a terminal. Pure: data in, text out. */
import { everyEnvironment, type FlagPageWire, type FlagSummaryWire, type JsonWire, type ScheduledWire } from '@belay/protocol'
import { proposalTable, sayValue } from './change-views.ts'
import { ladder, ladderColumns, standingIn, widthOf } from './ladder.ts'
import { type Column, type Eye, pairs, sayWhen, table, withSign } from './terminal.ts'

/** A rule of more lines is a program; --json has all of it. */
const ruleLinesMax = 30
/** Longer lines are hard to read, however wide the terminal. */
const ruleWidthMax = 100

/** Short enough for a list; the flag's own page has the sentence. */
const staleMarks = { expired: 'expired', everywhere: 'on for all', 'never-evaluated': 'unused' } as const

export function flagTable(flags: readonly FlagSummaryWire[], rings: readonly string[], { look, paint }: Eye): string {
  const plainStandings = ({ standings }: FlagSummaryWire): string =>
    standings.map(({ environment, says }) => `${environment}: ${says}`).join('; ')
  const marks = (flag: FlagSummaryWire): readonly string[] => [
    ...(flag.archivedAt === null ? [] : ['archived']),
    ...flag.stale.map(({ why }) => staleMarks[why]),
    ...(flag.proposals === 0 ? [] : [`${flag.proposals} to approve`]),
  ]
  const key: Column<FlagSummaryWire> = { title: 'key', value: (it) => it.key, shown: (it) => paint('bold', it.key) }
  const kind: Column<FlagSummaryWire> = { title: 'kind', value: (it) => it.kind }
  const marked: Column<FlagSummaryWire> = {
    title: 'marks',
    value: (it) => marks(it).join('; '),
    shown: (it) => paint('yellow', marks(it).join(', ')),
  }
  const owner: Column<FlagSummaryWire> = { title: 'owner', value: (it) => it.owner, shown: (it) => it.owner ?? '' }
  const changed: Column<FlagSummaryWire> = { title: 'changed', value: ({ changedAt }) => sayWhen(changedAt, look) }
  if (!look.terminal) {
    const standing: Column<FlagSummaryWire> = { title: 'standing', value: plainStandings }
    return table(flags, [key, kind, standing, marked, owner, changed, { title: 'tags', value: ({ tags }) => tags.join(' ') }], look, paint)
  }
  const columns = ladderColumns(flags)
  // Half the terminal for the ladders leaves the other half for what stands beside them.
  const named = columns.reduce((sum, column) => sum + widthOf(column, flags, rings) + 2, 0) <= look.width / 2
  const ladders = columns.map(({ environments, title }): Column<FlagSummaryWire> => {
    const draw = (flag: FlagSummaryWire): string => {
      const standing = standingIn(flag, environments[0] ?? '')
      return standing === undefined ? '' : ladder(standing, rings, named, paint)
    }
    return { title, value: draw, shown: draw }
  })
  const some = {
    marked: flags.some((flag) => marks(flag).length > 0) ? [marked] : [],
    owner: flags.some((flag) => flag.owner !== null) ? [owner] : [],
  }
  const body = table(flags, [key, kind, ...ladders, ...some.marked, ...some.owner, changed], look, paint)
  return named ? body : `${body}\n${paint('dim', `rings, from the left: ${rings.join(', ')}`)}`
}

export function flagView(
  { flag, standings, stale, proposals, scheduled, neededBy, lastEvaluatedAt }: FlagPageWire,
  rings: readonly string[],
  eye: Eye,
): string {
  const { look, paint } = eye
  const head = pairs(
    [
      [
        'flag',
        `${paint('bold', flag.key)} (${flag.kind}, ${flag.type})${flag.archivedAt === null ? '' : `, archived ${sayWhen(flag.archivedAt, look)}`}`,
      ],
      ['about', flag.description],
      ['owner', flag.owner],
      ['tags', flag.tags.join(', ')],
      [
        'variants',
        Object.entries(flag.variants)
          .map(([name, value]) => `${name} = ${sayValue(value)}`)
          .join('\n'),
      ],
      ['needs', flag.prerequisites.map((it) => `${it.flag} to serve ${it.variant}`).join('\n')],
      ['needed by', neededBy.join(', ')],
      ['expires', flag.expiresAt === null ? null : sayWhen(flag.expiresAt, look)],
      ['stale', stale.map(({ says }) => paint('yellow', says)).join('\n')],
      [
        'killed',
        Object.entries(flag.killed)
          .map(
            ([where, it]) =>
              `${where === everyEnvironment ? 'everywhere' : `in ${where}`} by ${it.by}, ${sayWhen(it.at, look)}: ${it.reason}`,
          )
          .join('\n'),
      ],
      ['evaluated', lastEvaluatedAt === null ? 'never yet' : sayWhen(lastEvaluatedAt, look)],
      ['shares', `by fractional v${flag.bucketing}, salt ${flag.salt}`],
      [
        'metadata',
        Object.entries(flag.metadata)
          .map(([name, value]) => `${name} = ${sayValue(value)}`)
          .join('\n'),
      ],
      ['created', `${sayWhen(flag.createdAt, look)} by ${flag.createdBy}`],
      ['version', `${flag.version}, ${sayWhen(flag.changedAt, look)} by ${flag.changedBy}`],
    ],
    eye,
  )
  const settingOf = (environment: string) => flag.settings[environment] ?? flag.settings[everyEnvironment]
  const hashed = Object.values(flag.settings).some(({ exposure }) => exposure?.bucketBy != null)
  const columns: Column<FlagPageWire['standings'][number]>[] = [
    {
      title: 'environment',
      value: (it) => it.environment,
      shown: (it) => paint('bold', it.environment === everyEnvironment ? 'any other' : it.environment),
    },
    { title: 'state', value: ({ state }) => state, shown: (it) => ladder(it, rings, false, paint) },
    {
      title: 'default',
      value: ({ environment }) => settingOf(environment)?.defaultVariant ?? null,
      shown: ({ environment }) => settingOf(environment)?.defaultVariant ?? 'the code’s',
    },
    ...(hashed
      ? [
          {
            title: 'shares by',
            value: ({ environment }: FlagPageWire['standings'][number]) => settingOf(environment)?.exposure?.bucketBy ?? 'targetingKey',
          },
        ]
      : []),
    {
      title: 'setting',
      value: ({ own }) => (own ? 'own' : '*'),
      shown: ({ own, environment }) => (environment === everyEnvironment ? '' : own ? 'its own' : paint('dim', 'shared')),
    },
    { title: 'serves', value: ({ says }) => says },
  ]
  const rules = Object.entries(flag.settings)
    .filter(([, { targeting }]) => targeting !== null)
    .flatMap(([where, { targeting }]) => [
      '',
      paint('bold', where === everyEnvironment ? 'Rules of environments without a setting of their own' : `Rules of ${where}`),
      ruleText(targeting, eye),
    ])
  const body = table(standings, columns, look, paint)
  if (!look.terminal) return [head, body].join('\n')
  return [
    head,
    '',
    body,
    paint('dim', `rings, from the left: ${rings.join(', ')}`),
    ...rules,
    ...(proposals.length === 0 ? [] : ['', paint('bold', 'Waits for somebody to approve it'), proposalTable(proposals, eye)]),
    ...(scheduled.length === 0 ? [] : ['', paint('bold', 'Scheduled'), scheduleTable(scheduled, eye)]),
  ].join('\n')
}

export function ruleText(rule: JsonWire, { look, paint }: Eye): string {
  if (!look.terminal) return JSON.stringify(rule)
  const lines = fitted(rule, Math.min(look.width, ruleWidthMax) - 2).split('\n')
  const more = lines.length - ruleLinesMax
  return [
    ...lines.slice(0, ruleLinesMax).map((line) => `  ${line}`),
    ...(more > 0 ? [paint('dim', `  … ${more} more lines; --json has all`)] : []),
  ].join('\n')
}

/** JSON with a line for whatever fits into one, so that a condition stays together. */
function fitted(value: JsonWire, width: number): string {
  const short = JSON.stringify(value)
  if (short.length <= width || value === null || typeof value !== 'object') return short
  const inside = (text: string): string => text.replaceAll('\n', '\n  ')
  const members = Array.isArray(value)
    ? value.map((it) => inside(fitted(it, width - 2)))
    : Object.entries(value).map(([name, it]) => `${JSON.stringify(name)}: ${inside(fitted(it, width - name.length - 6))}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return `${open}\n  ${members.join(',\n  ')}\n${close}`
}

function scheduleTable(scheduled: readonly ScheduledWire[], { look, paint }: Eye): string {
  return table(
    scheduled,
    [
      { title: 'id', value: ({ id }) => id, shown: ({ id }) => paint('bold', id) },
      { title: 'when', value: ({ at }) => sayWhen(at, look) },
      { title: 'state', value: ({ state }) => state, shown: ({ state }) => withSign(state, paint) },
      { title: 'by', value: ({ by }) => by },
      { title: 'change', value: ({ says, because }) => `${says}${because === null ? '' : `: ${because}`}` },
    ],
    look,
    paint,
  )
}
