/** Changes that a second person must approve: bound to a content hash, void when the flag is edited meanwhile. */
import { requires, type Who } from '@belay/access'
import type { Clock } from '@belay/base'
import { contentHash } from '@belay/base/node'
import type { Ledger } from '@belay/ledger'
import type { ChangeAnswerWire, ProposalWire } from '@belay/protocol'
import type { Db } from '@belay/store'
import { asPlan, type Change, contentOf } from './model/change.ts'
import { flagProblem } from './problems.ts'
import type { Schedule } from './schedule.ts'
import * as rows from './store.ts'
import { factKind, isProduction, type Weighed, type Writer } from './writer.ts'

export function openApprovals({ ledger, clock, writer, schedule }: { ledger: Ledger; clock: Clock; writer: Writer; schedule: Schedule }) {
  async function propose(
    tx: Db,
    p: Weighed & { change: Change; reason: string | null; at: number | null; by: string },
  ): Promise<ProposalWire> {
    const { key, version } = p.before
    const hash = contentHash({ flag: key, version, at: p.at, change: p.change, becomes: contentOf(p.after) })
    // Asked for twice is asked for once.
    const same = (await rows.listProposals(tx, { flag: key, state: 'open', limit: 500 })).find((it) => it.hash === hash && it.by === p.by)
    if (same) return same
    const proposal = await rows.insertProposal(tx, (id) => ({
      id,
      flag: key,
      change: p.change,
      says: asPlan(p.says),
      reason: p.reason,
      by: p.by,
      createdAt: clock.now(),
      at: p.at,
      hash,
      version,
      environments: p.touches.filter(({ approval }) => approval).map(({ name }) => name),
      diff: p.diff,
      state: 'open',
      decidedBy: null,
      decidedAt: null,
    }))
    await tellProposal(
      tx,
      proposal,
      'made',
      p.by,
      `proposed ${proposal.id}: ${proposal.says}; ${proposal.environments.join(' and ')} asks for a second person`,
    )
    return proposal
  }

  const tellProposal = (tx: Db, { id, flag, hash, reason }: ProposalWire, what: string, actor: string, says: string) =>
    ledger.append(tx, { actor, kind: `flag-proposal.${what}`, subject: `flag:${flag}`, says, data: { proposal: id, hash, reason } })

  /** The change of a proposal that a second person approved: done, or put on the calendar. */
  async function approve(tx: Db, id: string, hash: string, who: Who): Promise<ChangeAnswerWire> {
    const proposal = await rows.readProposal(tx, id)
    if (!proposal) throw flagProblem('proposal-unknown', { id })
    if (proposal.state !== 'open') throw flagProblem('proposal-closed', { id, state: proposal.state })
    if (proposal.hash !== hash) throw flagProblem('proposal-hash-differs', { id, hash: proposal.hash })
    if (proposal.by === who.actor) throw flagProblem('proposal-own', { id, by: proposal.by })
    const { change: what, reason, by } = proposal
    const { before, after, diff, says, touches } = await writer.weigh(tx, proposal.flag, what, by)
    if (touches.some(isProduction)) requires(who, 'flag.production')
    const decided: ProposalWire = { ...proposal, state: 'approved', decidedBy: who.actor, decidedAt: clock.now() }
    await rows.putProposal(tx, decided)
    await tellProposal(tx, decided, 'approved', who.actor, `approved ${id} of ${by}: ${proposal.says}`)
    const answer = { says, diff, proposal: decided, scheduled: null }
    if (proposal.at !== null && proposal.at > clock.now())
      return {
        ...answer,
        outcome: 'scheduled',
        flag: before,
        scheduled: await schedule.add(tx, { flag: before, change: what, says, reason, at: proposal.at, by }),
      }
    await writer.commit(tx, after, { kind: factKind(what), says, reason, diff, data: { approvedBy: who.actor, proposal: id, hash } })
    return { ...answer, outcome: 'done', flag: after }
  }

  async function reject(tx: Db, id: string, reason: string | undefined, who: Who): Promise<ProposalWire> {
    const proposal = await rows.readProposal(tx, id)
    if (!proposal) throw flagProblem('proposal-unknown', { id })
    if (proposal.state !== 'open') throw flagProblem('proposal-closed', { id, state: proposal.state })
    const decided: ProposalWire = { ...proposal, state: 'rejected', decidedBy: who.actor, decidedAt: clock.now() }
    await rows.putProposal(tx, decided)
    const what = proposal.by === who.actor ? `took back ${id}` : `rejected ${id} of ${proposal.by}`
    await tellProposal(tx, decided, 'rejected', who.actor, `${what}: ${proposal.says}${reason === undefined ? '' : ` (${reason})`}`)
    return decided
  }

  return { propose, approve, reject }
}
