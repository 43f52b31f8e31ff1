/** The whole command line. With `only`, the other commands are known by name alone. */
import { Command } from 'commander'
import { catalogue } from './catalogue.ts'
import { addCommonOptions } from './command.ts'
import { describeExitCodes } from './exit-codes.ts'

export async function createProgram(only?: string): Promise<Command> {
  const program = new Command('belay')
    .description('Takes a change from code close to all users and asks for evidence at every step.')
    .usage('COMMAND [options]')
    .helpOption('-h, --help', 'show help; belay COMMAND --help tells about one command')
    .option('--json', 'print one JSON document, for scripts')
    .option('--url <url>', 'the server to speak to (BELAY_URL; signed in with BELAY_TOKEN)')
    .version('0.1.0', '-V, --version', 'show the version')
    .helpCommand(false)
    // What follows the name of a command is the command's: `belay flag on KEY --version 3`.
    .enablePositionalOptions()
    .configureHelp({ subcommandTerm: (command) => [command.name(), ...command.aliases()].join(', ') })
    .exitOverride()
  for (const { title, entries } of catalogue) {
    for (const entry of entries) {
      const loaded = only === undefined || entry.name === only || entry.alias === only
      const command = loaded ? (await entry.load()).command() : new Command(entry.name).summary(entry.summary).description(entry.summary)
      if (entry.alias !== undefined) command.alias(entry.alias)
      program.addCommand(command.helpGroup(title))
    }
  }
  program.addHelpText(
    'after',
    [
      '',
      'Examples:',
      '  $ belay init && belay up               your cloud runs on this machine',
      '  $ belay release cut                    a release from the present commit',
      '  $ belay rehearse v2                    try it on QA, with the very steps of production',
      '  $ belay deploy production v2           bring it to production, host by host',
      '',
      describeExitCodes(),
    ].join('\n'),
  )
  const everywhere = (command: Command): void => {
    if (command !== program) addCommonOptions(command)
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(text.replace(/^error: (.)/, (_, first: string) => first.toUpperCase())) })
    command.showHelpAfterError(command === program ? '(belay --help lists all commands)' : `(${pathOf(command)} --help shows how)`)
    command.commands.forEach(everywhere)
  }
  everywhere(program)
  return program
}

/** `belay release cut` */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}
