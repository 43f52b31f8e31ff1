import { Problem } from '@belay/base'
import { type ChangeAnswerWire, type FlagChangeInput, type FlagWire, routes } from '@belay/protocol'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { ask, client } from '../../api.ts'
import { useWhyNot } from '../Allowed.tsx'
import { Answered } from '../Answered.tsx'
import { Dialog, DialogEnd, FormDialog } from '../Dialog.tsx'
import { Time } from '../Time.tsx'
import { DiffLines } from './DiffLines.tsx'
import { Meanwhile } from './Meanwhile.tsx'
import './change.css'

export const isChanged = (error: unknown): boolean => error instanceof Problem && error.code === 'flag-changed'
/** The value of a field for a local date and time, as milliseconds; undefined: at once. */
const momentOf = (local: string): number | undefined => {
  const at = new Date(local).getTime()
  return Number.isNaN(at) ? undefined : at
}

/** What became of it when it was not simply done: it waits for a person or for its time. */
function Outcome({ answer, onClose }: { answer: ChangeAnswerWire; onClose: () => void }) {
  const { proposal, scheduled } = answer
  return (
    <Dialog title={proposal ? 'A second person has to approve' : 'It waits for its time'} onClose={onClose}>
      <div className="form">
        <p>{answer.says}</p>
        {proposal && (
          <p className="soft">
            Proposal {proposal.id}, content hash <code>{proposal.hash.slice(0, 12)}</code>. It stands on top of Flags until somebody else
            approves this very content.
          </p>
        )}
        {scheduled && (
          <p className="soft">
            It is done <Time at={scheduled.at} />, on what the flag is then. Until then it can be cancelled on the flag's page.
          </p>
        )}
        <DialogEnd>
          <button type="button" className="btn main" onClick={onClose} data-autofocus>
            Close
          </button>
        </DialogEnd>
      </div>
    </Dialog>
  )
}

/**
 * A change of a flag, asked about before it is done: what would differ, a reason, perhaps a later time. It is made
 * from the version that was on the screen when the dialog opened; what others did since is shown first.
 */
export function ChangeDialog({
  title,
  flag,
  from,
  change,
  does,
  danger = false,
  reason = 'may',
  now = false,
  because,
  wide = false,
  children,
  onClose,
  onDone,
}: {
  title: string
  flag: FlagWire
  /** The version that the change was made from, when it is older than what is shown: a draft. */
  from?: number
  /** Undefined: it cannot be said yet; `because` tells why. */
  change: FlagChangeInput | undefined
  does: string
  danger?: boolean
  /** `own`: the change itself carries it. */
  reason?: 'may' | 'own'
  /** It is done at once, whatever others did, and nobody waits for a plan: a kill. */
  now?: boolean
  because?: string | undefined
  wide?: boolean
  children?: ReactNode
  onClose: () => void
  onDone?: (answer: ChangeAnswerWire) => void
}) {
  const queries = useQueryClient()
  const [version, setVersion] = useState(from ?? flag.version)
  const [why, setWhy] = useState('')
  const [later, setLater] = useState('')
  const mayNot = useWhyNot(change?.do === 'kill' || change?.do === 'restore' ? 'flag.kill' : 'flag.change')
  const params = { key: flag.key }
  const doing = useMutation({
    mutationFn: (it: FlagChangeInput) =>
      client.call(routes.flags.change, {
        params,
        body: {
          change: it,
          version: now ? undefined : version,
          reason: reason === 'own' || why.trim() === '' ? undefined : why.trim(),
          at: momentOf(later),
        },
      }),
    onSuccess: (answer) => {
      void queries.invalidateQueries({ queryKey: ['flags'] })
      void queries.invalidateQueries({ queryKey: ['flag-proposals'] })
      onDone?.(answer)
      if (answer.outcome === 'done' || answer.outcome === 'same') onClose()
    },
    onError: (error) => {
      if (isChanged(error)) void queries.invalidateQueries({ queryKey: ['flags'] })
    },
  })
  const plan = useQuery({
    ...ask(routes.flags.change, { params, body: { change: change ?? { do: 'archive' }, plan: true } }),
    // Once it is done, planning it again would only tell that it is done.
    enabled: !now && change !== undefined && mayNot === undefined && !doing.isPending && !doing.isSuccess,
    staleTime: 0,
    placeholderData: (before) => before,
  })
  if (doing.data) return <Outcome answer={doing.data} onClose={onClose} />

  const behind = !now && flag.version > version
  const wrong = plan.error instanceof Problem ? plan.error.message : undefined
  const waitsFor =
    mayNot ??
    because ??
    (behind
      ? 'The flag was changed meanwhile; look at that first.'
      : change === undefined || (!now && plan.data === undefined)
        ? 'The plan is not there yet.'
        : undefined) ??
    wrong ??
    (plan.data?.diff.length === 0 ? 'Nothing would differ.' : undefined)
  return (
    <FormDialog
      title={title}
      onClose={onClose}
      onSubmit={() => change && doing.mutate(change)}
      does={later === '' ? does : 'Do it then'}
      busy={doing.isPending}
      because={waitsFor}
      error={isChanged(doing.error) ? undefined : doing.error}
      danger={danger}
      wide={wide}
    >
      {children}
      {behind && (
        <Meanwhile flag={flag.key} since={version}>
          <button type="button" className="btn small" onClick={() => setVersion(flag.version)}>
            I have seen it: mine on top
          </button>
        </Meanwhile>
      )}
      {!now && mayNot === undefined && change !== undefined && (
        <div className="plan-frame change-plan">
          <Answered query={plan} height={90}>
            {(it) => (
              <>
                <p className="soft">{it.diff.length === 0 ? 'Nothing would differ.' : `It would ${it.says}.`}</p>
                {it.diff.length > 0 && <DiffLines diff={it.diff} />}
              </>
            )}
          </Answered>
        </div>
      )}
      {reason === 'may' && (
        <div className="change-fields">
          <label>
            Reason
            <input
              className="field"
              value={why}
              onChange={(event) => setWhy(event.target.value)}
              maxLength={500}
              placeholder="Goes into the ledger; may be left out"
            />
          </label>
          <label>
            When
            <input className="field" type="datetime-local" value={later} onChange={(event) => setLater(event.target.value)} />
            <small>{later === '' ? 'At once, unless a time is given' : 'At this time, on what the flag is then'}</small>
          </label>
        </div>
      )}
    </FormDialog>
  )
}
