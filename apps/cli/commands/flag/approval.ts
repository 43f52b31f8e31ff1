import { type Client, pageMax, proposalWire, type ProposalWire, routes } from '@belay/protocol'
import { type Command, Option } from 'commander'
import { changeText, exitCodeOfChange, proposalTable, proposalView } from '../../change-views.ts'
import { countOption, leaf } from '../../command.ts'
import { type Context, type GlobalOptions, runs } from '../../context.ts'
import type { ExitCode } from '../../exit-codes.ts'
import { fail } from '../../problems.ts'

const states = proposalWire.shape.state.options
type ListOptions = GlobalOptions & { readonly flag?: string; readonly state: (typeof states)[number]; readonly limit: number }
type ApproveOptions = GlobalOptions & { readonly hash?: string; readonly yes?: true }

export const approvalCommands = (): readonly Command[] => [
  leaf('proposals', 'changes that wait for a second person', [
    ['belay flag proposals', 'newest first'],
    ['belay flag proposals --state rejected --flag new-editor', 'what became of earlier ones'],
  ])
    .option('--flag <key>', 'only of this flag')
    .addOption(new Option('--state <state>', 'how it was decided').choices(states).default('open'))
    .option('--limit <count>', 'how many at most', countOption(1, pageMax), 30)
    .action(runs(list)),
  leaf('approve', 'approve somebody else’s change, and it is done', [
    ['belay flag approve p3', 'shows what changes and asks'],
    ['belay flag approve p3 --hash 3fa9…', 'only if the change still is the one that you read'],
  ])
    .argument('<proposal>', 'its id, from belay flag proposals')
    .option('--hash <hash>', 'the content hash of the change that you mean; refused when it is another by now')
    .option('-y, --yes', 'do not ask')
    .action(runs(approve)),
  leaf('reject', 'turn a proposed change down, or take your own back', [
    ['belay flag reject p3 --reason "not before Monday"', 'nothing is changed'],
  ])
    .argument('<proposal>', 'its id, from belay flag proposals')
    .option('--reason <text>', 'why; kept in the ledger')
    .action(runs(reject)),
  leaf('cancel', 'take back a scheduled change whose time has not come', [['belay flag cancel s2', 'belay flag show FLAG lists them']])
    .argument('<change>', 'the id of the scheduled change')
    .action(runs(cancel)),
]

async function list(context: Context, { flag, state, limit }: ListOptions): Promise<void> {
  const { proposals } = await (await context.connect()).call(routes.proposals.list, { query: { flag, state, limit } }, context.signal)
  context.answer({ proposals }, () =>
    proposals.length === 0 && context.look.terminal
      ? state === 'open'
        ? 'Nothing waits for approval.'
        : 'No such proposal.'
      : proposalTable(proposals, context),
  )
}

async function approve(context: Context, { hash, yes }: ApproveOptions, id: string): Promise<ExitCode> {
  const client = await context.connect()
  const read = hash === undefined ? await find(client, id, context.signal) : undefined
  if (context.mayAsk && !yes && read?.state === 'open') {
    context.tell(proposalView(read, context))
    const { confirm } = await import('@clack/prompts')
    if ((await confirm({ message: `Approve this change, which ${read.by} asked for?` })) !== true)
      throw fail('interrupted', { because: 'Not approved.' })
  }
  // Of one that is not known the server says so better.
  const body = { hash: hash ?? read?.hash ?? '' }
  const answer = await client.call(routes.proposals.approve, { params: { id }, body }, context.signal)
  context.answer(
    answer,
    () => `${context.paint('green', '●')} Approved ${id}, hash ${body.hash.slice(0, 12)}.\n${changeText(answer, context)}`,
  )
  return exitCodeOfChange(answer)
}

async function find(client: Client, id: string, signal: AbortSignal): Promise<ProposalWire | undefined> {
  const { proposals } = await client.call(routes.proposals.list, { query: { limit: pageMax } }, signal)
  return proposals.find((proposal) => proposal.id === id)
}

async function reject(context: Context, { reason }: GlobalOptions & { readonly reason?: string }, id: string): Promise<void> {
  const proposal = await (await context.connect()).call(routes.proposals.reject, { params: { id }, body: { reason } }, context.signal)
  context.answer({ proposal }, () => `Turned down ${id}: ${proposal.says.replace(/\.$/, '')}. Nothing is changed.`)
}

async function cancel(context: Context, _: GlobalOptions, id: string): Promise<void> {
  const scheduled = await (await context.connect()).call(routes.schedule.cancel, { params: { id } }, context.signal)
  context.answer({ scheduled }, () => `Taken back: ${scheduled.says.replace(/\.$/, '')}. ${scheduled.flag} stays as it is.`)
}
