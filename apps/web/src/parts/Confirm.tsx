import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { Failure } from './Answered.tsx'
import { Dialog, DialogEnd } from './Dialog.tsx'

type ConfirmProps = {
  readonly title: string
  readonly children: ReactNode
  /** The word on the button that does it. */
  readonly does: string
  readonly danger?: boolean
  /** `may`: a reason can be given and goes into the ledger. `none`: the API takes none. */
  readonly reason: 'may' | 'none'
  readonly act: (reason: string | undefined) => Promise<unknown>
  readonly onClose: () => void
}

/** Asks before something is done, takes the reason for it, and shows a refusal in its own words. */
export function Confirm({ title, children, does, danger = false, reason, act, onClose }: ConfirmProps) {
  const [why, setWhy] = useState('')
  const doing = useMutation({ mutationFn: () => act(why.trim() === '' ? undefined : why.trim()), onSuccess: onClose })
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          doing.mutate()
        }}
      >
        <div className="soft">{children}</div>
        {reason === 'may' && (
          <label>
            Reason
            <input
              className="field"
              value={why}
              onChange={(event) => setWhy(event.target.value)}
              maxLength={500}
              data-autofocus
              placeholder="Goes into the ledger; may be left out"
            />
          </label>
        )}
        {doing.error && <Failure error={doing.error} />}
        <DialogEnd>
          <button type="button" className="btn" onClick={onClose}>
            Leave it
          </button>
          <button
            type="submit"
            className={`btn main ${danger ? 'danger' : ''}`}
            disabled={doing.isPending}
            data-autofocus={reason === 'none' ? true : undefined}
          >
            {doing.isPending ? 'Asking…' : does}
          </button>
        </DialogEnd>
      </form>
    </Dialog>
  )
}
