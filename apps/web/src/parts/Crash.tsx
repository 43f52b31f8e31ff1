import type { ErrorComponentProps } from '@tanstack/react-router'
import { Failure } from './Answered.tsx'
import { PageHead } from './Page.tsx'

/** A broken promise of the page's own code: said, with a way on, instead of a blank. */
export function Crash({ error, reset }: ErrorComponentProps) {
  return (
    <>
      <PageHead title="This page broke" sub="The rest of Belay goes on; only this view failed to draw." />
      <Failure error={error} retry={reset} />
    </>
  )
}
