/** What changes, as lines; and what came of a change, in one sentence with the command that comes next. Pure. */
import type { ChangeAnswerWire, DiffLineWire, FlagVersionWire, JsonWire, ProposalWire } from '@belay/protocol'
import { type ExitCode, exitCodes } from './exit-codes.ts'
import { beside, type Eye, pairs, sayWhen, sign, table, withSign, wrap } from './terminal.ts'

/** A value that is longer is told by its beginning; --json has the whole. */
const valueMax = 300

export function sayValue(value: JsonWire): string {
  const text = JSON.stringify(value)
  return text.length <= valueMax ? text : `${text.slice(0, valueMax)}… (${text.length} characters)`
}

/** `settings.production.exposure.percent: 10 → 50`; what is new begins with +, what goes with −. */
export function diffLine({ path, before, after }: DiffLineWire, { look, paint }: Eye): string {
  const [gone, added] = [before === undefined ? '' : sayValue(before), after === undefined ? '' : sayValue(after)]
  const line =
    before === undefined
      ? paint('green', `+ ${path}: ${added}`)
      : after === undefined
        ? paint('red', `− ${path}: ${gone}`)
        : `  ${path}: ${paint('red', gone)} → ${paint('green', added)}`
  return look.terminal ? `  ${beside(line, 4, look)}` : line.trim()
}

const diffLines = (diff: readonly DiffLineWire[], eye: Eye): readonly string[] => diff.map((line) => diffLine(line, eye))

/** What was asked for waits for somebody else: scripts must not take that as done. */
export const exitCodeOfChange = ({ outcome }: Pick<ChangeAnswerWire, 'outcome'>): ExitCode =>
  outcome === 'proposed' ? exitCodes.waiting : exitCodes.ok

export function changeText(it: ChangeAnswerWire, eye: Eye): string {
  const { mark, sentence, next } = closing(it, eye)
  return [
    wrap(`${sign(mark, eye.paint)} ${sentence}`, eye.look.width, 2),
    ...diffLines(it.diff, eye),
    ...(next === undefined ? [] : [`${eye.paint('dim', 'Next:')} ${next}`]),
  ].join('\n')
}

const capital = (sentence: string): string => sentence.replace(/^[a-z]/, (first) => first.toUpperCase())

type Closing = { readonly mark: string; readonly sentence: string; readonly next?: string }

function closing({ outcome, says: said, flag, proposal, scheduled }: ChangeAnswerWire, { look }: Eye): Closing {
  const says = said.replace(/\.$/, '')
  switch (outcome) {
    case 'done':
      return { mark: 'done', sentence: `${capital(says)}. It is version ${flag.version} now.` }
    case 'same':
      return { mark: 'skipped', sentence: `${says}; nothing is changed.` }
    case 'planned':
      return { mark: 'ahead', sentence: `Planned: ${says}. Nothing is changed.` }
    case 'proposed':
      return {
        mark: 'waiting',
        sentence: `Waits for somebody else to approve it: ${says}.`,
        ...(proposal === null ? {} : { next: `belay flag approve ${proposal.id}` }),
      }
    case 'scheduled':
      return {
        mark: 'now',
        sentence: `Will be done${scheduled === null ? '' : ` ${sayWhen(scheduled.at, look)}`}: ${says}.`,
        ...(scheduled === null ? {} : { next: `belay flag cancel ${scheduled.id}   to take it back` }),
      }
  }
}

export function versionsView(versions: readonly FlagVersionWire[], eye: Eye): string {
  const { look, paint } = eye
  if (!look.terminal) {
    const columns = ['version', 'at', 'actor', 'says', 'reason'] as const
    return table(
      versions,
      columns.map((name) => ({ title: name, value: (it) => (name === 'at' ? sayWhen(it.at, look) : it[name]) })),
      look,
      paint,
    )
  }
  return versions
    .map(({ version, at, actor, says, reason, diff }) => {
      const head = `${paint('bold', `v${version}`)}  ${paint('dim', `${sayWhen(at, look)} by ${actor}`)}  `
      const plainWidth = `v${version}  ${sayWhen(at, look)} by ${actor}  `.length
      const sentence = `${says}${reason === null ? '' : ` (${reason})`}`
      return [`${head}${beside(sentence, plainWidth, look)}`, ...diffLines(diff, eye)].join('\n')
    })
    .join('\n\n')
}

export function proposalTable(proposals: readonly ProposalWire[], { look, paint }: Eye): string {
  return table(
    proposals,
    [
      { title: 'id', value: ({ id }) => id, shown: ({ id }) => paint('bold', id) },
      { title: 'flag', value: ({ flag }) => flag },
      { title: 'state', value: ({ state }) => state, shown: ({ state }) => withSign(state, paint) },
      { title: 'by', value: ({ by }) => by },
      { title: 'when', value: ({ createdAt }) => sayWhen(createdAt, look) },
      { title: 'done', value: ({ at }) => (at === null ? 'at once' : sayWhen(at, look)) },
      { title: 'environments', value: ({ environments }) => environments.join(' ') },
      { title: 'change', value: ({ says }) => says },
    ],
    look,
    paint,
  )
}

/** Everything that a second person needs to read before saying yes. */
export function proposalView(it: ProposalWire, eye: Eye): string {
  const { look, paint } = eye
  const head = pairs(
    [
      ['proposal', `${paint('bold', it.id)} ${withSign(it.state, paint)}`],
      ['flag', `${it.flag}, from version ${it.version}`],
      ['change', it.says],
      ['touches', it.environments.join(', ')],
      ['by', `${it.by}, ${sayWhen(it.createdAt, look)}${it.reason === null ? '' : `: ${it.reason}`}`],
      ['done', it.at === null ? 'as soon as it is approved' : sayWhen(it.at, look)],
      ['decided', it.decidedBy === null ? null : `by ${it.decidedBy}, ${sayWhen(it.decidedAt, look)}`],
      ['hash', it.hash],
    ],
    eye,
  )
  return [head, ...diffLines(it.diff, eye)].join('\n')
}
