import { leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type Finding, examine } from '../doctor.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { sign, table } from '../terminal.ts'

export const command = () =>
  leaf('doctor', 'what this machine can do, and how to mend what it cannot', [
    ['belay doctor', 'each line is ok or missing, with the command that mends it'],
    ['belay doctor --json', 'for scripts'],
  ]).action(runs(doctor))

async function doctor(context: Context, options: GlobalOptions): Promise<ExitCode> {
  const findings = await examine(options, context.signal)
  const ok = findings.every(({ state }) => state !== 'missing')
  context.answer({ ok, findings }, () => {
    if (!context.look.terminal) {
      return table(
        findings,
        [
          { title: 'what', value: ({ what }: Finding) => what },
          { title: 'state', value: ({ state }) => state },
          { title: 'says', value: ({ says }) => says },
          { title: 'mend', value: ({ mend }) => mend },
        ],
        context.look,
        context.paint,
      )
    }
    const width = Math.max(...findings.map(({ what }) => what.length))
    const lines = findings.map(({ what, state, says, mend }) => {
      const mark = sign(state === 'optional' ? 'empty' : state, context.paint)
      return `${mark} ${context.paint('bold', what.padEnd(width))}  ${says}${mend === null ? '' : `\n  ${' '.repeat(width)}  ${context.paint('dim', 'mend:')} ${mend}`}`
    })
    return [
      ...lines,
      '',
      ok ? 'All that Belay needs is here; ○ marks what it can do without.' : 'Something that Belay needs is missing.',
    ].join('\n')
  })
  return ok ? exitCodes.ok : exitCodes.failed
}
