import { group } from '../command.ts'
import { approvalCommands } from './flag/approval.ts'
import { evaluateCommand } from './flag/evaluate.ts'
import { exchangeCommands } from './flag/exchange.ts'
import { exposeCommands } from './flag/expose.ts'
import { lookCommands } from './flag/look.ts'
import { makeCommands } from './flag/make.ts'
import { referencesCommand } from './flag/references.ts'
import { turnCommands } from './flag/turn.ts'

export const command = () =>
  group(
    'flag',
    'make flags, let them climb ring by ring, see who gets what and why',
    [
      ['belay flag create new-editor', 'everybody gets its default'],
      ['belay flag ring new-editor staff 50%', 'up to half of the staff'],
      ['belay flag kill new-editor --reason "loses drafts"', 'back to the default, at once'],
    ],
    [
      ...lookCommands(),
      ...makeCommands(),
      ...exposeCommands(),
      ...turnCommands(),
      evaluateCommand(),
      referencesCommand(),
      ...exchangeCommands(),
      ...approvalCommands(),
    ],
  )
