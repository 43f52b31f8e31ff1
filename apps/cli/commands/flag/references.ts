import { type ReferencesWire, routes } from '@belay/protocol'
import type { Command } from 'commander'
import { sayCount } from '@belay/base'
import { leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import { cut, type Eye, wrap } from '../../terminal.ts'

export const referencesCommand = (): Command =>
  leaf('references', 'where the code mentions flags, and which it does not mention', [
    ['belay flag references', 'every flag, in the commit that is checked out'],
    ['belay flag references new-editor --ref v12', 'one flag, in another commit, tag or branch'],
  ])
    .argument('[flags...]', 'keys; by default all')
    .option('--ref <ref>', 'a git branch, tag or commit', 'HEAD')
    .action(runs(references))

async function references(context: Context, { ref }: GlobalOptions & { readonly ref: string }, keys: readonly string[]): Promise<void> {
  const query = { ref, keys: keys.length === 0 ? undefined : keys.join(',') }
  const it = await (await context.connect()).call(routes.flags.references, { query }, context.signal)
  const unmentioned = it.flags.filter(({ mentions }) => mentions.length === 0).map(({ key }) => key)
  context.answer({ ...it, unmentioned }, () => referencesView(it, context))
}

export function referencesView({ ref, commit, flags }: ReferencesWire, { look, paint }: Eye): string {
  if (!look.terminal)
    return flags
      .flatMap(({ key, mentions }) =>
        mentions.map(({ file, line, text }) => [key, file, line, text.trim().replace(/[\t\r\n]+/g, ' ')].join('\t')),
      )
      .join('\n')
  const mentioned = flags.filter(({ mentions }) => mentions.length > 0)
  const gone = flags.filter(({ mentions }) => mentions.length === 0).map(({ key }) => key)
  return [
    ...mentioned.flatMap(({ key, mentions, more }) => [
      `${paint('bold', key)}  ${paint('dim', `${sayCount(mentions.length, 'mention')}${more ? ' and more' : ''}`)}`,
      ...mentions.map(({ file, line, text }) => cut(`  ${paint('cyan', `${file}:${line}`)}  ${paint('dim', text.trim())}`, look.width)),
      '',
    ]),
    ...(gone.length === 0
      ? []
      : [
          wrap(
            `${paint('yellow', '■')} The code does not mention: ${gone.join(', ')}. What is no longer needed goes by: belay flag archive FLAG`,
            look.width,
            2,
          ),
          '',
        ]),
    paint('dim', `${sayCount(flags.length, 'flag')} in ${commit.slice(0, 8)}${ref === commit ? '' : ` (${ref})`}`),
  ].join('\n')
}
