import { sayCount } from '@belay/base'
import type { DeploymentSummaryWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { sayAgainst } from '../time.ts'
import { deploymentWords, isMoving, nameDeployment } from '../words.ts'
import { Chip } from './Chip.tsx'
import { Time } from './Time.tsx'
import { useNow } from './useNow.ts'
import './progress.css'

/** It goes, or went, the way that was rehearsed; only then is the rehearsal's time its measure. */
export const isOnCourse = (it: Pick<DeploymentSummaryWire, 'state'>): boolean => it.state === 'running' || it.state === 'passed'

/** How long it has taken so far, or took. */
export function Elapsed({ it }: { it: Pick<DeploymentSummaryWire, 'state' | 'startedAt' | 'endedAt' | 'expectedMs'> }) {
  const nowAt = useNow(1_000)
  if (it.startedAt === null) return <>not begun</>
  return <>{sayAgainst(Math.max(0, (it.endedAt ?? nowAt) - it.startedAt), isOnCourse(it) ? it.expectedMs : null)}</>
}

/** A deployment that is on its way or waits, as one line: what, how far, how long, why. */
export function ProgressRow({ it }: { it: DeploymentSummaryWire }) {
  const word = deploymentWords[it.state]
  const share = it.itemsTotal === 0 ? 1 : it.itemsDone / it.itemsTotal
  return (
    <div className={`progress-row tone-${word.tone}`}>
      <div className="row">
        <Link to="/deployments/$id" params={{ id: it.id }} className="strong link" data-row="">
          {nameDeployment(it)}
        </Link>
        <Chip word={word} />
      </div>
      <div
        className={`progress-bar ${it.state === 'undoing' ? 'progress-back' : ''}`}
        role="progressbar"
        aria-valuenow={it.itemsDone}
        aria-valuemin={0}
        aria-valuemax={it.itemsTotal}
        aria-label={`${it.itemsDone} of ${sayCount(it.itemsTotal, 'step')} done`}
      >
        <i style={{ width: `${share * 100}%` }} />
      </div>
      <div className="soft num progress-figures">
        {it.itemsDone} of {sayCount(it.itemsTotal, 'step')}
        {' · '}
        {isMoving(it.state) || it.endedAt !== null ? <Elapsed it={it} /> : <Time at={it.createdAt} />}
      </div>
      {it.because && <p className="soft progress-because">{it.because}</p>}
    </div>
  )
}
