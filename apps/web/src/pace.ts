/**
 * How often to ask again for what no fact tells: steps that come to their end, a service that dies. The feed tells all
 * that is a fact at once; a tab that nobody sees asks for nothing.
 */
import type { DeploymentSummaryWire } from '@belay/protocol'
import { isMoving } from './words.ts'

const movingMs = 1_000
const calmMs = 10_000
/** Services come and go without a fact; on the page that shows them they are looked at this often. */
export const servicesMs = 4_000

/** The pace of a view that shows these deployments. */
export const paceOf = (deployments: readonly Pick<DeploymentSummaryWire, 'state'>[] | undefined): number =>
  deployments?.some((it) => isMoving(it.state)) ? movingMs : calmMs
