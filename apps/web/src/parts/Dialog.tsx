import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
import { Failure } from './Answered.tsx'
import './dialog.css'

/** A question in front of the page. Escape, the cross and a click beside it close it. */
export function Dialog({
  title,
  onClose,
  children,
  wide = false,
}: {
  title: string
  onClose: () => void
  children: ReactNode
  wide?: boolean
}) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={wide ? 920 : 480}
      yOffset="9vh"
      closeButtonProps={{ 'aria-label': 'Close' }}
      overlayProps={{ backgroundOpacity: 0.4 }}
      transitionProps={{ duration: 0 }}
    >
      {children}
    </Modal>
  )
}

/** The row of buttons at the end of a dialog. */
export function DialogEnd({ children }: { children: ReactNode }) {
  return <div className="dialog-end">{children}</div>
}

type FormDialogProps = {
  readonly title: string
  readonly onClose: () => void
  readonly onSubmit: () => void
  /** The word on the button that does it. */
  readonly does: string
  readonly busy: boolean
  /** Why it cannot be done as it stands: the button says so and does nothing. */
  readonly because?: string | undefined
  /** The last refusal, in its own words. */
  readonly error?: unknown
  readonly danger?: boolean
  readonly wide?: boolean
  /** The keyboard begins at the button: there is nothing to fill in. */
  readonly ready?: boolean
  readonly leave?: string
  readonly children: ReactNode
}

/** The frame of every question with an answer: fields, the refusal if there was one, leave it or do it. */
export function FormDialog({
  title,
  onClose,
  onSubmit,
  does,
  busy,
  because,
  error,
  danger,
  wide,
  ready,
  leave,
  children,
}: FormDialogProps) {
  return (
    <Dialog title={title} onClose={onClose} wide={wide ?? false}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          if (because === undefined && !busy) onSubmit()
        }}
      >
        {children}
        {error != null && <Failure error={error} />}
        <DialogEnd>
          <button type="button" className="btn" onClick={onClose}>
            {leave ?? 'Leave it'}
          </button>
          <button
            type="submit"
            className={`btn main ${danger ? 'danger' : ''}`}
            aria-disabled={because !== undefined || busy}
            aria-description={because}
            data-tip={because}
            data-autofocus={ready ? true : undefined}
          >
            {busy ? 'Asking…' : does}
          </button>
        </DialogEnd>
      </form>
    </Dialog>
  )
}
