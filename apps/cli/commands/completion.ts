import { Argument } from 'commander'
import { leaf } from '../command.ts'
import { describeCommands, type Shell, scriptFor, shells } from '../completion.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'

export const command = () =>
  leaf('completion', 'a script that completes belay in your shell', [
    ['source <(belay completion bash)', 'in ~/.bashrc'],
    ['belay completion zsh > "${fpath[1]}/_belay"', 'once, for zsh'],
    ['belay completion fish | source', 'in ~/.config/fish/config.fish'],
  ])
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .action(runs(completion))

async function completion(context: Context, _: GlobalOptions, shell: Shell): Promise<void> {
  const { createProgram } = await import('../program.ts')
  const script = scriptFor(shell, describeCommands(await createProgram()))
  context.answer({ shell, script }, () => script)
}
