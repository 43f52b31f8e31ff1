import { type Action, type DeploymentSummaryWire, type DeploymentWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useNavigate } from '@tanstack/react-router'
import { askMe, client } from '../api.ts'
import { ActionButton } from './Allowed.tsx'
import { Confirm } from './Confirm.tsx'
import { lowerFirst, nameDeployment } from '../words.ts'

type Offer = DeploymentSummaryWire['offers'][number]
type Words = {
  readonly does: string
  readonly asks: (it: DeploymentWire) => string
  readonly says: (it: DeploymentWire) => string
  readonly danger?: boolean
  readonly look?: string
  readonly needs: Action
}

/** Within a sentence: "v5 to production", "the rehearsal of v5 on qa". */
const sayIt = (it: DeploymentWire): string => (it.kind === 'deploy' ? nameDeployment(it) : `the ${lowerFirst(nameDeployment(it))}`)

const offers: Readonly<Record<Offer, Words>> = {
  approve: {
    does: 'Approve',
    look: 'main',
    needs: 'deployment.approve',
    asks: (it) => `Approve ${sayIt(it)}?`,
    says: (it) =>
      `You approve the plan with the content hash ${it.planHash.slice(0, 12)} and no other: ${it.itemsTotal} steps, as shown. It begins at once.`,
  },
  abort: {
    does: 'Abort',
    danger: true,
    look: 'danger',
    needs: 'deployment.steer',
    asks: (it) => `Abort ${sayIt(it)}?`,
    says: (it) =>
      `What runs now is let come to its end, then all that was switched is brought back${it.from === null ? '' : ` to ${it.from}`}, in reverse order.`,
  },
  rerun: {
    does: 'Run it again',
    look: 'main',
    needs: 'deployment.steer',
    asks: () => 'Run the interrupted step again?',
    says: () =>
      'The step is run once more from its beginning, then the deployment goes on. Right when it may run twice, or did not run at all.',
  },
  continue: {
    does: 'It did end: go on',
    needs: 'deployment.steer',
    asks: () => 'Take the step as done and go on?',
    says: () => 'The step is taken to have ended well and is not run again. Right only when you have looked and it did.',
  },
  undo: {
    does: 'Undo all',
    danger: true,
    look: 'danger',
    needs: 'deployment.steer',
    asks: (it) => `Undo ${sayIt(it)}?`,
    says: (it) =>
      `All that was switched is brought back${it.from === null ? '' : ` to ${it.from}`}, in reverse order, each step by its undo.`,
  },
  rollback: {
    does: 'Roll back',
    danger: true,
    look: 'danger',
    needs: 'deploy',
    asks: (it) => `Roll ${it.environment} back${it.from === null ? '' : ` to ${it.from}`}?`,
    says: (it) =>
      `Undoes this deployment: ${it.from === null ? 'the services are stopped, nothing was there before' : `${it.environment} goes back to ${it.from} with its own configuration`}, step by step in reverse order.`,
  },
}

async function carryOut(it: DeploymentWire, offer: Offer, reason: string | undefined): Promise<string> {
  const params = { id: it.id }
  switch (offer) {
    case 'approve':
      return (await client.call(routes.deployments.approve, { params, body: { planHash: it.planHash } })).id
    case 'abort':
      return (await client.call(routes.deployments.abort, { params, body: { reason } })).id
    case 'rollback': {
      const { deployment } = await client.call(routes.environments.rollback, { params: { name: it.environment }, body: { reason } })
      return deployment?.id ?? it.id
    }
    default:
      return (await client.call(routes.deployments.resume, { params, body: { how: offer, reason } })).id
  }
}

/** What a person may do with a deployment now, as buttons, each with a question before it is done. */
export function Offers({ deployment }: { deployment: DeploymentWire }) {
  const [asked, setAsked] = useState<Offer>()
  const navigate = useNavigate()
  const { data: me } = useQuery(askMe)
  const words = asked && offers[asked]
  return (
    <>
      {deployment.offers.map((offer) => (
        <ActionButton
          key={offer}
          needs={offers[offer].needs}
          look={offers[offer].look ?? ''}
          because={offer === 'approve' && me?.actor === deployment.actor ? 'You started it; somebody else has to approve.' : undefined}
          onClick={() => setAsked(offer)}
        >
          {offers[offer].does}
        </ActionButton>
      ))}
      {asked && words && (
        <Confirm
          title={words.asks(deployment)}
          does={words.does}
          danger={words.danger ?? false}
          reason={asked === 'approve' ? 'none' : 'may'}
          onClose={() => setAsked(undefined)}
          act={async (reason) => {
            const id = await carryOut(deployment, asked, reason)
            if (id !== deployment.id) await navigate({ to: '/deployments/$id', params: { id } })
          }}
        >
          {words.says(deployment)}
        </Confirm>
      )}
    </>
  )
}
