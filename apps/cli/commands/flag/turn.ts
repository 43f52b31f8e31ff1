/** The ways back: the kill switch, earlier versions, the archive. */
import type { Command } from 'commander'
import { countOption, leaf } from '../../command.ts'
import { type Context, runs } from '../../context.ts'
import { change, changing, type ChangeOptions, type PlacedOptions, placeOf, placeOption } from './change.ts'

type KillOptions = PlacedOptions & { readonly reason: string }

export const turnCommands = (): readonly Command[] => [
  leaf('kill', 'give everybody the default variant, at once and without approval', [
    ['belay flag kill new-editor --reason "loses drafts"', 'everywhere'],
    ['belay flag kill new-editor --reason "loses drafts" --environment production', 'in one environment'],
  ])
    .argument('<flag>', 'its key')
    .requiredOption('--reason <text>', 'why; kept in the history')
    .addOption(placeOption('where; by default everywhere'))
    .option('--plan', 'show what would change, and change nothing')
    .action(
      runs((context: Context, options: KillOptions, key: string) =>
        // The reason is part of a kill; as that of the change too it would be told twice.
        change(context, key, { do: 'kill', environment: placeOf(options), reason: options.reason }, { ...options, reason: undefined }),
      ),
    ),
  changing(
    leaf('restore', 'take a kill back: rules and rings count again', [['belay flag restore new-editor', 'as before the kill']])
      .argument('<flag>', 'its key')
      .addOption(placeOption('where; by default everywhere')),
  ).action(
    runs((context: Context, options: PlacedOptions, key: string) =>
      change(context, key, { do: 'restore', environment: placeOf(options) }, options),
    ),
  ),
  changing(
    leaf('revert', 'make a flag what it was in an earlier version', [
      ['belay flag revert new-editor --to 4 --plan', 'what would change (belay flag history lists the versions)'],
    ])
      .argument('<flag>', 'its key')
      .requiredOption('--to <version>', 'the version', countOption(1, Number.MAX_SAFE_INTEGER)),
  ).action(
    runs((context: Context, options: ChangeOptions & { readonly to: number }, key: string) =>
      change(context, key, { do: 'revert', to: options.to }, options),
    ),
  ),
  changing(
    leaf('archive', 'put a flag away: it is no longer served', [['belay flag archive old-editor', 'its history stays']]).argument(
      '<flag>',
      'its key',
    ),
  ).action(runs((context: Context, options: ChangeOptions, key: string) => change(context, key, { do: 'archive' }, options))),
  changing(
    leaf('unarchive', 'take a flag out of the archive', [['belay flag unarchive old-editor', 'as it was']]).argument('<flag>', 'its key'),
  ).action(runs((context: Context, options: ChangeOptions, key: string) => change(context, key, { do: 'unarchive' }, options))),
]
