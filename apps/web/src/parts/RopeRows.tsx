import type { DeploymentSummaryWire } from '@belay/protocol'
import { Link } from '@tanstack/react-router'
import { isMoving, ropeWords, type Word } from '../words.ts'
import { Chip } from './Chip.tsx'
import { fallingNow, type RopeRow } from './rope/geometry.ts'
import { Rope } from './rope/Rope.tsx'

/** Longer than three lines beside the picture: the tip has it whole. */
const longWhy = 150

const falling: Word = { tone: 'fall', says: 'falling' }

/**
 * The reason, with the deployment's name as the way to it. A reason that does not name it has it added: at the end, or
 * before a long one, whose end is not in sight.
 */
function Because({ text, deployment }: { text: string; deployment: string | null }) {
  if (deployment === null) return text
  const link = (
    <Link to="/deployments/$id" params={{ id: deployment }} className="link nowrap">
      {deployment}
    </Link>
  )
  const at = text.search(new RegExp(`\\b${deployment.replace(/\W/g, '\\$&')}\\b`))
  if (text.length > longWhy && (at === -1 || at > longWhy))
    return (
      <>
        {link}: {text}
      </>
    )
  if (at === -1)
    return (
      <>
        {text} {link}
      </>
    )
  return (
    <>
      {text.slice(0, at)}
      {link}
      {text.slice(at + deployment.length)}
    </>
  )
}

function Row({ row, its }: { row: RopeRow; its: DeploymentSummaryWire | undefined }) {
  const isFalling = its?.state === 'undoing'
  const progress = its !== undefined && isMoving(its.state) && its.itemsTotal > 0 ? its.itemsDone / its.itemsTotal : undefined
  return (
    <div className="rope-row">
      <div className="who">
        <Link to="/releases/$name" params={{ name: row.release }} className="mono link" data-row="">
          {row.release}
        </Link>
        <Chip word={isFalling ? falling : ropeWords[row.state]} />
      </div>
      <Rope row={isFalling ? fallingNow(row) : row} progress={isFalling ? undefined : progress} />
      <div className="soft rope-why" data-tip={row.because.length > longWhy ? row.because : undefined}>
        <Because text={row.because} deployment={row.deployment} />
      </div>
    </div>
  )
}

/** Releases on the rope: name, picture, reason in words. */
export function RopeRows({ rows, deployments }: { rows: readonly RopeRow[]; deployments: readonly DeploymentSummaryWire[] }) {
  return (
    <div>
      {rows.map((row) => (
        <Row key={row.release} row={row} its={deployments.find((it) => it.id === row.deployment)} />
      ))}
    </div>
  )
}
