/**
 * The rope, as numbers: rungs along a line, how far it has been climbed, and a fall as the path of a fall. Pure; the
 * component only draws it.
 */
import type { NowWire } from '@belay/protocol'

export type RopeRow = NowWire['rope'][number]
export type Rung = RopeRow['rungs'][number]

export type RungMark = { readonly x: number; readonly rung: Rung; readonly anchor: 'start' | 'middle' | 'end' }
export type RopePicture = {
  readonly height: number
  readonly lineY: number
  readonly labelY: number
  readonly timeY: number
  readonly marks: readonly RungMark[]
  /** The climbed stretch, from the first rung to here. */
  readonly climbedX: number
  /** Where the climber hangs, between two rungs while a deployment runs. */
  readonly tipX: number
  /** The path of the fall, from where it fell to the rung that held. */
  readonly fall: string | undefined
  /** The end of the fall, for its arrow. */
  readonly landX: number | undefined
}

const edgePx = 34
const lineY = 30
const labelY = 12
/** How deep a fall hangs under the rope: enough to be seen at a glance, shallow enough for a dense list. */
const fallDepthPx = 20

/** `progress`: how much of the way to the rung that is climbed now is done, 0 to 1; left out when nothing moves. */
export function drawRope(row: Pick<RopeRow, 'rungs' | 'state'>, widthPx: number, progress?: number): RopePicture {
  const { rungs } = row
  const stepPx = rungs.length > 1 ? (Math.max(widthPx, 2 * edgePx) - 2 * edgePx) / (rungs.length - 1) : 0
  const xOf = (index: number) => edgePx + index * stepPx
  const marks = rungs.map((rung, index): RungMark => ({ x: xOf(index), rung, anchor: 'middle' }))

  const reached = rungs.findLastIndex((rung) => rung.state === 'passed' || rung.state === 'now')
  const standing = rungs.findLastIndex((rung) => rung.state === 'now')
  // One that was forced on past a fall, or climbs again, has its mark there but does not lie on the ground.
  const fell = row.state === 'fallen' ? rungs.findLastIndex((rung) => rung.state === 'fell') : -1
  // A fall is caught by the last rung below it that was passed; nothing below means the ground, the first rung.
  const caught =
    fell === -1
      ? -1
      : Math.max(
          0,
          rungs.slice(0, fell).findLastIndex((rung) => rung.state === 'passed'),
        )

  const climbedTo = fell === -1 ? Math.max(0, reached) : caught
  const moves = progress !== undefined && standing > 0
  const tipX = moves ? xOf(standing - 1) + stepPx * Math.min(1, Math.max(0, progress)) : xOf(climbedTo)
  const landX = fell > 0 ? xOf(caught) : undefined
  return {
    height: fell > 0 ? lineY + fallDepthPx + 10 : lineY + 18,
    lineY,
    labelY,
    timeY: lineY + 16,
    marks,
    climbedX: moves ? Math.min(tipX, xOf(standing)) : xOf(climbedTo),
    tipX,
    landX,
    fall: landX === undefined ? undefined : fallPath(xOf(fell), landX),
  }
}

/** The row as it looks while its deployment is being undone: on its way down, whatever it was before. */
export function fallingNow(row: RopeRow): RopeRow {
  return { ...row, state: 'fallen', rungs: row.rungs.map((rung) => (rung.state === 'now' ? { ...rung, state: 'fell' } : rung)) }
}

/** A slack rope: straight down at first, then a swing back to what held it. */
function fallPath(fromX: number, toX: number): string {
  const round = (value: number) => Math.round(value * 10) / 10
  const deep = lineY + fallDepthPx * 1.35
  const reach = fromX - toX
  return `M${round(fromX)} ${lineY + 7}C${round(fromX - reach * 0.04)} ${deep} ${round(toX + reach * 0.3)} ${deep} ${round(toX + 9)} ${lineY + 8}`
}
