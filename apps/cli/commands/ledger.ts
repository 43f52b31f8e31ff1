import { type FactWire, factWire, pageMax, routes } from '@belay/protocol'
import { sayCount, systemClock } from '@belay/base'
import { countOption, leaf } from '../command.ts'
import { type Context, runs, type GlobalOptions } from '../context.ts'
import { type ExitCode, exitCodes } from '../exit-codes.ts'
import { patiently } from '../follow.ts'
import { factLine } from '../views.ts'

type Filter = { readonly kind?: string; readonly subject?: string; readonly actor?: string; readonly text?: string }
type Options = GlobalOptions & Filter & { readonly limit: number; readonly follow?: boolean }

/** More than a year of a busy cloud; beyond that the database itself is the better tool. */
const factsMax = 100_000

export const command = () =>
  leaf('ledger', 'every fact: who did what, to what, when', [
    ['belay ledger --kind deployment.', 'all facts about deployments, oldest first'],
    ['belay ledger --subject environment:production --limit 20', 'what happened to production'],
    ['belay ledger --follow --json', 'one line of JSON for each new fact'],
    ['belay ledger verify', 'recompute the chain; names the first broken link'],
  ])
    .option('--kind <kind>', 'exact, or a prefix that ends with a dot: deployment.')
    .option('--subject <subject>', 'such as release:v2 or environment:qa')
    .option('--actor <name>', 'who did it')
    .option('--text <words>', 'words in the sentence')
    .option('--limit <count>', 'how many of the newest', countOption(1, factsMax), 50)
    .option('-f, --follow', 'go on with new facts until Ctrl-C')
    .action(runs(list))
    .addCommand(
      leaf('verify', 'recompute the chain of facts', [['belay ledger verify', 'exit code 1 when a link is broken']]).action(runs(verify)),
    )

async function list(context: Context, options: Options): Promise<void> {
  const facts = await newest(context, options, options.limit)
  if (!options.follow) {
    context.answer({ facts }, () =>
      facts.length === 0 && context.look.terminal ? 'No such fact.' : facts.map((fact) => factLine(fact, context)).join('\n'),
    )
    return
  }
  for (const fact of facts) context.event(fact, () => factLine(fact, context))
  await follow(context, options, facts.at(-1)?.seq)
}

/** Page by page from the newest; answered oldest first, as a log is read. */
async function newest(context: Context, { kind, subject, actor, text }: Filter, count: number): Promise<readonly FactWire[]> {
  const client = await context.connect()
  const found: FactWire[] = []
  let before: number | undefined
  while (found.length < count) {
    const query = { kind, subject, actor, text, before, limit: Math.min(pageMax, count - found.length) }
    const { facts, more } = await client.call(routes.ledger.list, { query }, context.signal)
    found.push(...facts)
    before = facts.at(-1)?.seq
    if (!more || before === undefined) break
  }
  return found.toReversed()
}

async function follow(context: Context, filter: Filter, from: number | undefined): Promise<void> {
  let after = from
  while (true) {
    const read = async (): Promise<void> => {
      const client = await context.connect()
      for await (const { event, data } of client.events(routes.feed, { query: { after } }, { signal: context.signal })) {
        const parsed = factWire.safeParse(data)
        if (!parsed.success) {
          context.note(`Ignored an event that is no fact: ${event}`)
          continue
        }
        after = parsed.data.seq
        if (matches(parsed.data, filter)) context.event(parsed.data, () => factLine(parsed.data, context))
      }
    }
    await patiently(read, 'the ledger', context.signal)
    await systemClock.sleep(500, context.signal)
  }
}

/** The same as the server's filter; the feed itself carries every fact. */
export function matches(fact: FactWire, { kind, subject, actor, text }: Filter): boolean {
  if (kind !== undefined && !(kind.endsWith('.') ? fact.kind.startsWith(kind) : fact.kind === kind)) return false
  if (subject !== undefined && fact.subject !== subject) return false
  if (actor !== undefined && fact.actor !== actor) return false
  return text === undefined || fact.says.toLowerCase().includes(text.toLowerCase())
}

async function verify(context: Context): Promise<ExitCode> {
  const verdict = await (await context.connect()).call(routes.ledger.verify, {}, context.signal)
  const sentence = verdict.whole
    ? `${context.paint('green', '●')} The chain of ${sayCount(verdict.count, 'fact')} is whole. ${context.paint('dim', `head ${verdict.head}`)}`
    : `${context.paint('red', '✗')} The chain breaks at fact ${verdict.broken?.seq}: ${verdict.broken?.because}`
  context.answer({ verdict }, () => sentence)
  return verdict.whole ? exitCodes.ok : exitCodes.failed
}
