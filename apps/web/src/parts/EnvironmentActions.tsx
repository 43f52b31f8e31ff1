import { type Action, type EnvironmentWire, routes } from '@belay/protocol'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { client } from '../api.ts'
import { ActionButton } from './Allowed.tsx'
import { Confirm } from './Confirm.tsx'

type Doing = 'up' | 'down' | 'rollback' | 'extend' | 'remove'
/** How much more time one press gives; press again for more. */
const extendMs = 7_200_000

/** What can be done with an environment as a whole. */
export function EnvironmentActions({ environment: it }: { environment: EnvironmentWire }) {
  const [asked, setAsked] = useState<Doing>()
  const navigate = useNavigate()
  const params = { name: it.name }
  const busy = it.lease === null ? undefined : `${it.name} is taken: ${it.lease.reason} (${it.lease.owner}).`
  const toDeployment = (id: string | null | undefined) => (id ? navigate({ to: '/deployments/$id', params: { id } }) : Promise.resolve())

  const words: Record<
    Doing,
    {
      title: string
      says: string
      does: string
      danger?: boolean
      reason: 'may' | 'none'
      act: (reason: string | undefined) => Promise<unknown>
    }
  > = {
    up: {
      title: `Start ${it.name}?`,
      says:
        it.release === null
          ? 'It is empty: the newest release is deployed, then its services run.'
          : `Its services are started in ${it.release}.`,
      does: 'Start',
      reason: 'none',
      act: async () => toDeployment((await client.call(routes.environments.up, { params, body: {} })).deployment),
    },
    down: {
      title: `Stop ${it.name}?`,
      says: `Its services are stopped${it.kind === 'production' ? ', for all users' : ''}. Data and releases stay.`,
      does: 'Stop',
      danger: true,
      reason: 'none',
      act: () => client.call(routes.environments.down, { params, body: {} }),
    },
    rollback: {
      title: `Roll ${it.name} back?`,
      says: 'Undoes the last deployment that passed, step by step in reverse order: back to the release before it, with its own configuration.',
      does: 'Roll back',
      danger: true,
      reason: 'may',
      act: async (reason) => toDeployment((await client.call(routes.environments.rollback, { params, body: { reason } })).deployment?.id),
    },
    extend: {
      title: `Give ${it.name} more time?`,
      says: 'It lives two hours longer, counted from now.',
      does: 'Two hours from now',
      reason: 'none',
      act: () => client.call(routes.sandboxes.extend, { params, body: { ttlMs: extendMs } }),
    },
    remove: {
      title: `Remove ${it.name}?`,
      says: 'Its services are stopped and its files deleted, data included. This cannot be undone.',
      does: 'Remove',
      danger: true,
      reason: 'none',
      act: async () => {
        await client.call(routes.sandboxes.remove, { params })
        await navigate({ to: '/environments' })
      },
    },
  }
  const button = (doing: Doing, needs: Action, text: string, look = '', because: string | null = busy ?? null) => (
    <ActionButton needs={needs} look={look} because={because ?? undefined} onClick={() => setAsked(doing)}>
      {text}
    </ActionButton>
  )
  const ask = asked && words[asked]
  const hasServices = it.hosts.some((host) => host.services.some((service) => service.state === 'running' || service.state === 'failing'))
  return (
    <>
      {it.state === 'down' || it.state === 'empty'
        ? button('up', 'environment.up', 'Start', 'main')
        : hasServices && button('down', 'environment.down', 'Stop')}
      {it.release !== null && button('rollback', it.kind === 'production' ? 'deploy.production' : 'deploy', 'Roll back')}
      {it.kind === 'sandbox' && button('extend', 'sandbox.create', 'More time', '', null)}
      {it.kind === 'sandbox' && button('remove', 'sandbox.remove', 'Remove', 'danger')}
      {ask && (
        <Confirm
          title={ask.title}
          does={ask.does}
          danger={ask.danger ?? false}
          reason={ask.reason}
          act={ask.act}
          onClose={() => setAsked(undefined)}
        >
          {ask.says}
        </Confirm>
      )}
    </>
  )
}
