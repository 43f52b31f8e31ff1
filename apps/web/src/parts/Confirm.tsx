import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { FormDialog } from './Dialog.tsx'

type ConfirmProps = {
  readonly title: string
  readonly children: ReactNode
  /** The word on the button that does it. */
  readonly does: string
  readonly danger?: boolean
  /** `may`: a reason can be given and goes into the ledger. `must`: it has to be. `none`: the API takes none. */
  readonly reason: 'may' | 'must' | 'none'
  readonly act: (reason: string | undefined) => Promise<unknown>
  readonly onClose: () => void
}

/** Asks before something is done, takes the reason for it, and shows a refusal in its own words. */
export function Confirm({ title, children, does, danger = false, reason, act, onClose }: ConfirmProps) {
  const [why, setWhy] = useState('')
  const doing = useMutation({ mutationFn: () => act(why.trim() === '' ? undefined : why.trim()), onSuccess: onClose })
  return (
    <FormDialog
      title={title}
      onClose={onClose}
      onSubmit={() => doing.mutate()}
      does={does}
      busy={doing.isPending}
      because={reason === 'must' && why.trim() === '' ? 'It needs a reason.' : undefined}
      error={doing.error}
      danger={danger}
      ready={reason === 'none'}
    >
      <div className="soft">{children}</div>
      {reason !== 'none' && (
        <label>
          Reason
          <input
            className="field"
            value={why}
            onChange={(event) => setWhy(event.target.value)}
            maxLength={500}
            data-autofocus
            placeholder={reason === 'must' ? 'Needed: it goes into the ledger' : 'Goes into the ledger; may be left out'}
          />
        </label>
      )}
    </FormDialog>
  )
}
