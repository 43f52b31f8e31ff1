import { type EnvironmentWire, everyEnvironment, type RingWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import { ask } from '../../api.ts'

const none: readonly RingWire[] = []

/** The ladder, lowest ring first. */
export function useLadder(): { readonly rings: readonly RingWire[]; readonly names: readonly string[] } {
  const { data } = useQuery(ask(routes.rings.list, {}))
  const rings = data?.rings ?? none
  return useMemo(() => ({ rings, names: rings.map((it) => it.name) }), [rings])
}

const order: readonly EnvironmentWire['kind'][] = ['production', 'qa', 'private', 'sandbox']

/** Environments as flags are looked at: production first. */
export function useEnvironments(): readonly Pick<EnvironmentWire, 'name' | 'kind'>[] {
  const { data } = useQuery(ask(routes.environments.list, {}))
  return useMemo(() => [...(data?.environments ?? [])].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind)), [data])
}

export const sayEnvironment = (environment: string): string => (environment === everyEnvironment ? 'every environment' : environment)
