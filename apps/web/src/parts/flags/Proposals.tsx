import { type ProposalWire, routes } from '@belay/protocol'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { askMe, client } from '../../api.ts'
import { upperFirst } from '../../words.ts'
import { ActionButton } from '../Allowed.tsx'
import { Confirm } from '../Confirm.tsx'
import { FormDialog } from '../Dialog.tsx'
import { Panel } from '../Page.tsx'
import { Time } from '../Time.tsx'
import { DiffLines } from './DiffLines.tsx'
import './proposals.css'

/** More would push away what one came for. */
const shownMax = 3

/** What is approved: this very content, by its hash. */
function ApproveDialog({ it, onClose }: { it: ProposalWire; onClose: () => void }) {
  const queries = useQueryClient()
  const approving = useMutation({
    mutationFn: () => client.call(routes.proposals.approve, { params: { id: it.id }, body: { hash: it.hash } }),
    onSuccess: () => {
      for (const topic of ['flags', 'flag-proposals']) void queries.invalidateQueries({ queryKey: [topic] })
      onClose()
    },
  })
  return (
    <FormDialog
      title={`Approve ${it.id}?`}
      onClose={onClose}
      onSubmit={() => approving.mutate()}
      does="Approve"
      busy={approving.isPending}
      error={approving.error}
      ready
      wide
    >
      <p>
        {upperFirst(it.says)}
        <span className="soft">
          {', '}proposed by {it.by}
          {it.reason !== null && `: ${it.reason}`}
        </span>
      </p>
      <DiffLines diff={it.diff} />
      <p className="soft">
        You approve the flag as it would become, with the content hash <code data-tip={it.hash}>{it.hash.slice(0, 12)}</code> and no other.{' '}
        {it.at === null ? (
          'It is done at once.'
        ) : (
          <>
            It is done <Time at={it.at} />.
          </>
        )}
      </p>
    </FormDialog>
  )
}

function Proposal({ it, named }: { it: ProposalWire; named: boolean }) {
  const [asked, setAsked] = useState<'approve' | 'reject'>()
  const queries = useQueryClient()
  const { data: me } = useQuery(askMe)
  const mine = me?.actor === it.by
  return (
    <li>
      <div>
        <p>
          {named && (
            <>
              <Link to="/flags/$key" params={{ key: it.flag }} className="mono strong link">
                {it.flag}
              </Link>
              {': '}
            </>
          )}
          {named ? it.says : upperFirst(it.says)}
        </p>
        <p className="soft">
          proposed by {it.by} <Time at={it.createdAt} />
          {it.reason !== null && <>, “{it.reason}”</>}
          {it.at !== null && (
            <>
              , to be done <Time at={it.at} />
            </>
          )}
          {it.environments.length > 0 && <>, touches {it.environments.join(', ')}</>}, hash{' '}
          <code data-tip={it.hash}>{it.hash.slice(0, 12)}</code>
        </p>
      </div>
      <span className="row">
        <ActionButton
          needs="flag.approve"
          look="main small"
          because={mine ? 'You made it; somebody else has to approve.' : undefined}
          onClick={() => setAsked('approve')}
        >
          Look and approve
        </ActionButton>
        <ActionButton needs="flag.change" look="small" onClick={() => setAsked('reject')}>
          {mine ? 'Take back' : 'Reject'}
        </ActionButton>
      </span>
      {asked === 'approve' && <ApproveDialog it={it} onClose={() => setAsked(undefined)} />}
      {asked === 'reject' && (
        <Confirm
          title={mine ? `Take ${it.id} back?` : `Reject ${it.id}?`}
          does={mine ? 'Take back' : 'Reject'}
          danger
          reason="may"
          act={async (reason) => {
            await client.call(routes.proposals.reject, { params: { id: it.id }, body: { reason } })
            for (const topic of ['flags', 'flag-proposals']) void queries.invalidateQueries({ queryKey: [topic] })
          }}
          onClose={() => setAsked(undefined)}
        >
          {`${upperFirst(it.says)}: nothing of it is done.`}
        </Confirm>
      )}
    </li>
  )
}

/** Changes that wait for a second person. `named`: on a page of many flags. */
export function Proposals({ proposals, named = false }: { proposals: readonly ProposalWire[]; named?: boolean }) {
  const [all, setAll] = useState(false)
  const shown = all ? proposals : proposals.slice(0, shownMax)
  if (proposals.length === 0) return null
  return (
    <Panel
      title={proposals.length === 1 ? 'A change waits for a second person' : `${proposals.length} changes wait for a second person`}
      className="is-waiting"
    >
      <ul className="proposals">
        {shown.map((it) => (
          <Proposal key={it.id} it={it} named={named} />
        ))}
      </ul>
      {shown.length < proposals.length && (
        <button type="button" className="btn small" style={{ marginTop: 8 }} onClick={() => setAll(true)}>
          And {proposals.length - shown.length} more
        </button>
      )}
    </Panel>
  )
}
