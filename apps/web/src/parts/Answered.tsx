import { sentenceOf } from '@belay/base'
import type { ReactNode } from 'react'
import './answered.css'

/** What failed, in the error's own sentence, and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="failure is-fall" role="alert">
      <span>{sentenceOf(error)}</span>
      {retry && (
        <button type="button" className="btn small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/**
 * Shows a query's answer. While the first is on its way a quiet space of about its height holds the place; a failure
 * shows its sentence, above the last answer when there is one, and never a blank.
 */
export function Answered<T>({
  query,
  height = 120,
  children,
}: {
  query: { readonly data: T | undefined; readonly error: Error | null; readonly refetch: () => unknown }
  height?: number
  children: (answer: T) => ReactNode
}) {
  const { data, error } = query
  return (
    <>
      {error !== null && <Failure error={error} retry={() => void query.refetch()} />}
      {data !== undefined
        ? children(data)
        : error === null && <div className="waiting" style={{ height }} role="status" aria-label="Loading" />}
    </>
  )
}
