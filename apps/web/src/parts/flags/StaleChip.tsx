import type { FlagPageWire } from '@belay/protocol'
import { Chip } from '../Chip.tsx'

const says: Readonly<Record<FlagPageWire['stale'][number]['why'], string>> = {
  expired: 'expired',
  everywhere: 'everywhere on',
  'never-evaluated': 'never asked for',
}

/** Why a flag could go, in a word; the tip has the figures. */
export function StaleChip({ stale }: { stale: FlagPageWire['stale'] }) {
  const [first] = stale
  if (first === undefined) return null
  return <Chip word={{ tone: 'held', says: says[first.why] }} tip={stale.map((it) => it.says).join('\n')} />
}

export function WaitingChip({ count }: { count: number }) {
  return <Chip word={{ tone: 'held', says: count === 1 ? 'waits' : `${count} wait` }} tip="Changes that wait for a second person" />
}
