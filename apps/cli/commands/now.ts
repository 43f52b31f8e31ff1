import { routes } from '@belay/protocol'
import { leaf } from '../command.ts'
import { type Context, runs } from '../context.ts'
import { nowView } from '../views.ts'

export const command = () =>
  leaf('now', 'what is on the rope, and whether anything is falling', [
    ['belay now', 'one sentence, then releases and environments'],
    ['belay status --json | jq -r .now.sentence', 'the sentence alone'],
  ]).action(runs(now))

async function now(context: Context): Promise<void> {
  const client = await context.connect()
  const it = await client.call(routes.now, {}, context.signal)
  context.answer({ now: it }, () => nowView(it, context))
}
