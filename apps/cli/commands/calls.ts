import { group } from '../command.ts'
import { differenceCommands } from './calls/differences.ts'
import { importCommand } from './calls/import.ts'
import { methodCommands } from './calls/show.ts'
import { topCommand } from './calls/top.ts'

export const command = () =>
  group(
    'calls',
    'what each API method costs, and which release or flag changed it',
    [
      ['belay calls top', 'the dearest methods of production'],
      ['belay calls changes', 'what got dearer this week, and why'],
      ['belay calls compare v3 v4', 'two releases, method by method'],
    ],
    [topCommand(), ...methodCommands(), ...differenceCommands(), importCommand()],
  )
