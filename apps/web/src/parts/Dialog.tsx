import { Modal } from '@mantine/core'
import type { ReactNode } from 'react'
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
