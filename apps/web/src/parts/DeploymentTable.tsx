import type { DeploymentSummaryWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { deploymentWords, nameDeployment } from '../words.ts'
import { Chip } from './Chip.tsx'
import { Elapsed } from './Progress.tsx'
import { Time } from './Time.tsx'

export function DeploymentTable({ deployments }: { deployments: readonly DeploymentSummaryWire[] }) {
  return (
    <table className="list">
      <thead>
        <tr>
          <th>Deployment</th>
          <th>What</th>
          <th>State</th>
          <th>Why</th>
          <th className="num">Steps</th>
          <th className="num">Took</th>
          <th className="num">Begun</th>
          <th>By</th>
        </tr>
      </thead>
      <tbody>
        {deployments.map((it) => (
          <tr key={it.id}>
            <td>
              <Link to="/deployments/$id" params={{ id: it.id }} className="mono strong link" data-row="">
                {it.id}
              </Link>
            </td>
            <td className="nowrap">
              {nameDeployment(it)}
              {it.from !== null && <span className="soft"> from {it.from}</span>}
              {it.forced && (
                <span className="tag" style={{ marginLeft: 8 }} data-tip={it.reason ?? undefined}>
                  forced
                </span>
              )}
            </td>
            <td>
              <Chip word={deploymentWords[it.state]} />
            </td>
            <td className="soft why">
              <span>{it.because ?? it.reason}</span>
            </td>
            <td className="num nowrap">
              {it.itemsDone} / {it.itemsTotal}
            </td>
            <td className="num soft nowrap">
              <Elapsed it={it.endedAt === null ? it : { ...it, expectedMs: null }} />
            </td>
            <td className="num soft">
              <Time at={it.startedAt ?? it.createdAt} />
            </td>
            <td className="soft nowrap">{it.actor}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
