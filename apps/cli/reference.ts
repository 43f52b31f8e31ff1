/**
 * The page docs/reference/commands.md, made from the commands themselves: node apps/cli/reference.ts writes it, and a
 * test says when it is no longer current.
 */
import { fileURLToPath } from 'node:url'
import { writeWhole } from '@belay/base/node'
import type { Command } from 'commander'
import { catalogue } from './catalogue.ts'
import { describeExitCodes } from './exit-codes.ts'
import { createProgram, pathOf } from './program.ts'

export function commandsPage(program: Command): string {
  const chapters = catalogue.flatMap(({ title, entries }) => [
    `## ${title.replace(/:$/, '')}`,
    '',
    ...entries.flatMap(({ name }) => program.commands.filter((command) => command.name() === name).flatMap(section)),
  ])
  return [
    '# Commands',
    '',
    'Made from the commands themselves: `node apps/cli/reference.ts`. Every command takes `--json` and then prints exactly one',
    'JSON document, `{ "schemaVersion": 1, ... }`, on stdout; what follows something prints one JSON object a line. A',
    'refusal is `{ "schemaVersion": 1, "error": { "code", "message", "facts" } }`; the [problems](problems.md) are listed.',
    '',
    '```',
    describeExitCodes(),
    '```',
    '',
    'Environment variables: `BELAY_URL` and `BELAY_TOKEN` name another server than that of the `belay.yaml` here or above,',
    '`BELAY_HOME` another folder than `.belay` beside it; `NO_COLOR`, `FORCE_COLOR` and `BROWSER` mean what they mean',
    'elsewhere; `DEBUG=belay` shows where a problem came from.',
    '',
    ...chapters,
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trimEnd()
    .concat('\n')
}

function section(command: Command): string[] {
  const inner = command.commands.flatMap(section)
  // A word that only groups commands has nothing to explain by itself.
  if (command.registeredArguments.length === 0 && inner.length > 0 && !command.options.some(({ long }) => long === '--json')) return inner
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 110 })
  command.outputHelp()
  return [`### ${pathOf(command)}`, '', '```', help.trimEnd(), '```', '', ...inner]
}

if (import.meta.main) {
  const file = fileURLToPath(new URL('../../docs/reference/commands.md', import.meta.url))
  await writeWhole(file, commandsPage(await createProgram()))
}
