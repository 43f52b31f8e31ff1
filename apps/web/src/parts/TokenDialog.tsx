import { actions, may, type Role, roles, routes } from '@belay/protocol'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { client } from '../api.ts'
import { Command } from './Command.tsx'
import { Dialog, DialogEnd, FormDialog } from './Dialog.tsx'

const lives = [
  { says: 'one day', ms: 86_400_000 },
  { says: '30 days', ms: 30 * 86_400_000 },
  { says: '90 days', ms: 90 * 86_400_000 },
  { says: 'one year', ms: 365 * 86_400_000 },
] as const

export function TokenDialog({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('developer')
  const [scopes, setScopes] = useState<readonly string[]>(['release.push'])
  const [ttlMs, setTtlMs] = useState<number>(lives[2].ms)
  const making = useMutation({
    mutationFn: () =>
      client.call(routes.tokens.create, {
        body: { name: name.trim(), role, scopes: [...scopes].filter((it) => offered.includes(it)), ttlMs },
      }),
    onSuccess: onMade,
  })
  const offered: readonly string[] = actions.filter((action) => action !== 'look' && may({ role }, action))

  if (making.data) {
    return (
      <Dialog title={`Token ${making.data.token.name}`} onClose={onClose}>
        <div className="form">
          <p>This is its secret. It is shown now and never again; only its hash is kept.</p>
          <Command>{making.data.secret}</Command>
          <p className="soft">Give it to the program as BELAY_TOKEN.</p>
          <DialogEnd>
            <button type="button" className="btn main" onClick={onClose}>
              I have kept it
            </button>
          </DialogEnd>
        </div>
      </Dialog>
    )
  }
  return (
    <FormDialog
      title="New token"
      onClose={onClose}
      onSubmit={() => making.mutate()}
      does="Make it"
      busy={making.isPending}
      error={making.error}
    >
      <label>
        Name
        <input
          className="field"
          required
          maxLength={64}
          value={name}
          onChange={(event) => setName(event.target.value)}
          placeholder="ci"
          data-autofocus
        />
      </label>
      <label>
        Role
        <select className="field" value={role} onChange={(event) => setRole(event.target.value as Role)}>
          {roles.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
      <fieldset className="scopes">
        <legend>May, besides looking</legend>
        {offered.map((action) => (
          <label key={action} className="tick">
            <input
              type="checkbox"
              checked={scopes.includes(action)}
              onChange={(event) =>
                setScopes((before) => (event.target.checked ? [...before, action] : before.filter((it) => it !== action)))
              }
            />
            <code>{action}</code>
          </label>
        ))}
        {offered.length === 0 && <p className="soft">A viewer may only look.</p>}
      </fieldset>
      <label>
        Lives
        <select className="field" value={ttlMs} onChange={(event) => setTtlMs(Number(event.target.value))}>
          {lives.map((life) => (
            <option key={life.ms} value={life.ms}>
              {life.says}
            </option>
          ))}
        </select>
      </label>
    </FormDialog>
  )
}
