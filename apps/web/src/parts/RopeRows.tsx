import type { DeploymentSummaryWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { isMoving, ropeWords } from '../words.ts'
import { Chip } from './Chip.tsx'
import { Rope } from './rope/Rope.tsx'
import type { RopeRow } from './rope/geometry.ts'

/** How much of the climb to the rung that is tried now is done; undefined when nothing moves there. */
function progressOf(row: RopeRow, deployments: readonly DeploymentSummaryWire[]): number | undefined {
  const its = deployments.find((it) => it.id === row.deployment && isMoving(it.state))
  return its === undefined || its.itemsTotal === 0 ? undefined : its.itemsDone / its.itemsTotal
}

/** Releases on the rope: name, picture, reason in words. */
export function RopeRows({ rows, deployments }: { rows: readonly RopeRow[]; deployments: readonly DeploymentSummaryWire[] }) {
  return (
    <div>
      {rows.map((row) => (
        <div className="rope-row" key={row.release}>
          <div className="who">
            <Link to="/releases/$name" params={{ name: row.release }} className="mono link" data-row="">
              {row.release}
            </Link>
            <Chip word={ropeWords[row.state]} />
          </div>
          <Rope row={row} progress={progressOf(row, deployments)} />
          <div className="soft">
            {row.because}
            {row.deployment && (
              <>
                {' '}
                <Link to="/deployments/$id" params={{ id: row.deployment }} className="link nowrap">
                  {row.deployment}
                </Link>
              </>
            )}
          </div>
        </div>
      ))}
    </div>
  )
}
