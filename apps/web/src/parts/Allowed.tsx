import { type Action, may, whyNot } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { askMe } from '../api.ts'

/** Why the person looking may not do this; undefined when they may. */
export function useWhyNot(action: Action): string | undefined {
  const { data: me } = useQuery(askMe)
  if (!me) return 'Asking who you are.'
  const who = { role: me.role, scopes: me.scopes ?? undefined }
  return may(who, action) ? undefined : whyNot(who, action)
}

type ButtonProps = {
  readonly needs: Action
  readonly onClick: () => void
  readonly children: ReactNode
  readonly look?: string
  /** A reason of the thing itself, beside the person's role: nothing is deployed there, it runs already. */
  readonly because?: string | undefined
  readonly tip?: string
}

/** A button for an action. Who may not press it can still reach it and read why. */
export function ActionButton({ needs, onClick, children, look = '', because, tip }: ButtonProps) {
  const why = useWhyNot(needs) ?? because
  return (
    <button
      type="button"
      className={`btn ${look}`}
      aria-disabled={why !== undefined}
      aria-description={why}
      data-tip={why ?? tip}
      onClick={() => why === undefined && onClick()}
    >
      {children}
    </button>
  )
}
