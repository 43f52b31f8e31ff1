import { Problem, sayCount, sayDuration } from '@belay/base'
import { type EnvironmentWire, type PlanWire, routes } from '@belay/protocol'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { ask, client } from '../api.ts'
import { useWhyNot } from './Allowed.tsx'
import { Answered, Failure } from './Answered.tsx'
import { FormDialog } from './Dialog.tsx'
import { Empty } from './Empty.tsx'
import { chartOfPlan } from './timeline/bars.ts'
import { sayUnchanged } from './WhatIsIn.tsx'
import { type Chosen, Timeline } from './timeline/Timeline.tsx'

const order: readonly EnvironmentWire['kind'][] = ['private', 'sandbox', 'qa', 'production']

/** The plan as it would run, and what is worth knowing before saying yes. */
function Preview({ plan }: { plan: PlanWire }) {
  const [chosen, setChosen] = useState<Chosen>()
  const chart = useMemo(() => chartOfPlan(plan), [plan])
  const item = plan.items.find((it) => it.index === chosen?.item)
  if (plan.items.length === 0)
    return <Empty title="Nothing to do">Every service of {plan.environment} already runs this very build and configuration.</Empty>
  const hosts = new Set(plan.items.map((it) => it.host)).size
  const waves = new Set(plan.items.map((it) => it.wave)).size
  return (
    <>
      <p>
        {sayCount(plan.items.length, 'step')} on {sayCount(hosts, 'host')}, {sayCount(waves, 'turn')} one after the other
        {plan.expectedMs === null ? ', never timed yet' : `, about ${sayDuration(plan.expectedMs)} as rehearsed`}
        {plan.from !== null && `; from ${plan.from}`}.
      </p>
      {plan.warnings.map((warning) => (
        <p key={warning} className="is-held warning">
          {warning}
        </p>
      ))}
      <div className="plan-preview">
        <Timeline chart={chart} chosen={chosen} onChoose={setChosen} label="The plan: steps on hosts" />
      </div>
      <p className="soft plan-item">
        {item ? (
          <>
            <code>{item.action}</code>
            {item.undo === null ? '; has no undo' : `; undo: ${item.undo}`}
            {item.changesDatabase && '; changes a database'}
            {`; at most ${sayDuration(item.timeLimitMs)}`}
          </>
        ) : (
          `Choose a step to see what it does. ${plan.unchanged.length > 0 ? `${sayUnchanged(plan)}.` : ''}`
        )}
      </p>
    </>
  )
}

/** Deploys a release: where to, the plan before anything is done, a reason, and past a refusal only by force. */
export function DeployDialog({
  release,
  to,
  onTo,
  onClose,
}: {
  release: string
  to: string | undefined
  onTo: (environment: string) => void
  onClose: () => void
}) {
  const navigate = useNavigate()
  const environments = useQuery(ask(routes.environments.list, {}))
  const sorted = [...(environments.data?.environments ?? [])].sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
  const environment = sorted.find((it) => it.name === to)
  const plan = useQuery({
    ...ask(routes.deployments.plan, { body: { environment: to ?? '', release } }),
    enabled: environment !== undefined,
    staleTime: 0,
  })
  const [reason, setReason] = useState('')
  const [force, setForce] = useState(false)

  const mayNot = useWhyNot(environment?.kind === 'production' ? 'deploy.production' : 'deploy')
  const mayNotForce = useWhyNot('deploy.force')
  const starting = useMutation({
    mutationFn: () =>
      client.call(routes.deployments.start, {
        body: { environment: to ?? '', release, force, reason: reason.trim() === '' ? undefined : reason.trim() },
      }),
    onSuccess: ({ id }) => navigate({ to: '/deployments/$id', params: { id } }),
  })
  const refused = starting.error instanceof Problem && starting.error.code === 'not-rehearsed'
  const waitsFor =
    mayNot ?? (plan.data === undefined ? 'The plan is not there yet.' : force && reason.trim() === '' ? 'Force needs a reason.' : undefined)

  return (
    <FormDialog
      title={`Deploy ${release}${environment ? ` to ${environment.name}` : ''}`}
      onClose={onClose}
      onSubmit={() => starting.mutate()}
      does={environment ? `Deploy to ${environment.name}` : 'Deploy'}
      busy={starting.isPending}
      because={environment === undefined ? 'Choose an environment.' : waitsFor}
      danger={force}
      wide
    >
      <label>
        To
        <select
          className="field"
          value={environment?.name ?? ''}
          onChange={(event) => {
            starting.reset()
            onTo(event.target.value)
          }}
          data-autofocus
        >
          <option value="" disabled>
            Choose an environment
          </option>
          {sorted.map((it) => (
            <option key={it.name} value={it.name}>
              {it.name} ({it.kind}, {it.release === null ? 'empty' : `runs ${it.release}`})
            </option>
          ))}
        </select>
      </label>
      {environment && (
        <div className="plan-frame">
          <Answered query={plan} height={240}>
            {(it) => <Preview plan={it} />}
          </Answered>
        </div>
      )}
      <label>
        Reason
        <input
          className="field"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          maxLength={500}
          placeholder={force ? 'Needed: it goes into the ledger' : 'Goes into the ledger; may be left out'}
        />
      </label>
      {starting.error && <Failure error={starting.error} />}
      {refused && (
        <label className="tick">
          <input
            type="checkbox"
            checked={force}
            disabled={mayNotForce !== undefined}
            onChange={(event) => setForce(event.target.checked)}
          />
          <span>
            Deploy all the same
            <br />
            <small>{mayNotForce ?? 'Overrides the refusal. Who did it, and why, becomes a fact.'}</small>
          </span>
        </label>
      )}
    </FormDialog>
  )
}
