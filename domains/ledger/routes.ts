import type { Api } from '@belay/http'
import { routes } from '@belay/protocol'
import type { Ledger } from './ledger.ts'

/** Registers the ledger's doors and the live feed. */
export function ledgerRoutes<Who>(api: Api<Who>, ledger: Ledger): void {
  api.handle(routes.ledger.list, ({ query }) => ledger.list(query))
  api.handle(routes.ledger.verify, ({ signal }) => ledger.verify({ signal }))
  api.events(routes.feed, async function* ({ query, lastEventId, signal }) {
    // Whoever names no fact wants what happens from now on.
    const after = seqOf(lastEventId) ?? query.after ?? (await ledger.head()).seq
    for await (const fact of ledger.follow({ after, signal })) yield { id: fact.seq, data: fact }
  })
}

function seqOf(lastEventId: string | undefined): number | undefined {
  return lastEventId !== undefined && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined
}
