import { routes } from '@belay/protocol'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ask, client } from '../api.ts'
import { useWhyNot } from './Allowed.tsx'
import { FormDialog } from './Dialog.tsx'

export function RehearseDialog({ release, onClose }: { release: string; onClose: () => void }) {
  const navigate = useNavigate()
  const environments = useQuery(ask(routes.environments.list, {}))
  const stages = environments.data?.environments.filter((it) => it.kind === 'qa' || it.kind === 'sandbox') ?? []
  const [environment, setEnvironment] = useState('')
  const [undo, setUndo] = useState(true)
  const [chaos, setChaos] = useState(false)
  const mayNot = useWhyNot('rehearsal.start')
  const starting = useMutation({
    mutationFn: () =>
      client.call(routes.rehearsals.start, { body: { release, undo, chaos, environment: environment === '' ? undefined : environment } }),
    onSuccess: ({ id }) => navigate({ to: '/rehearsals/$id', params: { id } }),
  })
  return (
    <FormDialog
      title={`Rehearse ${release}`}
      onClose={onClose}
      onSubmit={() => starting.mutate()}
      does="Rehearse"
      busy={starting.isPending}
      because={mayNot}
      error={starting.error}
    >
      <p className="soft">
        Brings the stage to production's present release, runs the very steps that production would run, times each, then runs the tests.
      </p>
      <label>
        On
        <select className="field" value={environment} onChange={(event) => setEnvironment(event.target.value)} data-autofocus>
          <option value="">the environment of kind qa</option>
          {stages.map((it) => (
            <option key={it.name} value={it.name}>
              {it.name}
            </option>
          ))}
        </select>
      </label>
      <label className="tick">
        <input type="checkbox" checked={undo} onChange={(event) => setUndo(event.target.checked)} />
        <span>
          Try the undo as well
          <br />
          <small>After the tests every step is undone, then deployed again.</small>
        </span>
      </label>
      <label className="tick">
        <input type="checkbox" checked={chaos} onChange={(event) => setChaos(event.target.checked)} />
        <span>
          Kill the controller after every step
          <br />
          <small>Shows that an interruption at any point ends well. Takes longer.</small>
        </span>
      </label>
    </FormDialog>
  )
}
