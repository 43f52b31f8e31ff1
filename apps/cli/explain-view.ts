/** Who gets what of a flag, and why: every step with its outcome. Pure. */
import type { ExplanationWire } from '@belay/protocol'
import { sayValue } from './change-views.ts'
import { beside, type Eye, pairs, sign, table } from './terminal.ts'

export function explanationView(it: ExplanationWire, eye: Eye): string {
  const { look, paint } = eye
  if (!look.terminal) {
    const columns = ['outcome', 'kind', 'says', 'because'] as const
    return [
      it.because,
      table(
        it.steps,
        columns.map((name) => ({ title: name, value: (step) => step[name] })),
        look,
        paint,
      ),
    ].join('\n')
  }
  const { variant, value, reason, errorCode, errorMessage } = it.evaluation
  const got =
    errorCode !== undefined
      ? paint('red', `${errorCode}${errorMessage === undefined ? '' : `: ${errorMessage}`}`)
      : value === undefined
        ? 'the code’s own default'
        : `${paint('bold', variant ?? '')} = ${sayValue(value)}`
  const head = pairs(
    [
      ['flag', `${it.flag} in ${it.environment}`],
      ['gets', got],
      ['reason', reason],
      ['because', it.because],
      ['rings', it.rings.map(({ ring, member }) => (member ? `${sign('top', paint)} ${ring}` : paint('dim', `○ ${ring}`))).join('  ')],
      ['segments', it.segments.join(', ')],
    ],
    eye,
  )
  const kindWidth = Math.max(0, ...it.steps.map(({ kind }) => kind.length))
  const steps = it.steps.map(({ kind, says, outcome, because }) => {
    const column = kindWidth + 6
    const line = `${outcome === 'unasked' ? paint('dim', '·') : sign(outcome, paint)} ${paint('dim', kind.padEnd(kindWidth))}  `
    const text = outcome === 'decided' ? paint('bold', says) : outcome === 'unasked' ? paint('dim', says) : says
    return [
      `  ${line}${beside(text, column, look)}`,
      ...(because === '' ? [] : [`${' '.repeat(column)}${paint('dim', beside(because, column, look))}`]),
    ].join('\n')
  })
  return [head, '', ...steps].join('\n')
}
