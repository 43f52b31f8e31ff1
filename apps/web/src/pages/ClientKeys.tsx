import { type ClientKeyWire, clientKeyKinds, routes } from '@belay/protocol'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ask, client } from '../api.ts'
import { ActionButton, useWhyNot } from '../parts/Allowed.tsx'
import { Answered } from '../parts/Answered.tsx'
import { Command, CopyButton } from '../parts/Command.tsx'
import { Confirm } from '../parts/Confirm.tsx'
import { Dialog, DialogEnd, FormDialog } from '../parts/Dialog.tsx'
import { Empty } from '../parts/Empty.tsx'
import { useEnvironments } from '../parts/flags/useLadder.ts'
import { PageHead } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import '../parts/flags/snippet.css'

const kindSays: Readonly<Record<ClientKeyWire['kind'], string>> = {
  client: 'client: may stand in a web page; asks for answers, nothing else',
  server: 'server: stays secret; also reads definitions and reports',
}

export function ClientKeysPage() {
  const keys = useQuery(ask(routes.clientKeys.list, {}))
  const [making, setMaking] = useState(false)
  const [revoking, setRevoking] = useState<ClientKeyWire>()
  const queries = useQueryClient()
  const askAgain = () => queries.invalidateQueries({ queryKey: ['client-keys'] })
  return (
    <>
      <PageHead title="Client keys" sub="With which services and pages ask for flags, each in one environment.">
        <ActionButton needs="flag.keys" look="main" onClick={() => setMaking(true)}>
          New key
        </ActionButton>
      </PageHead>
      <Answered query={keys} height={160}>
        {(it) => (
          <div className="panel scroll-x">
            {it.keys.length === 0 ? (
              <Empty title="No key yet">A service, or a page in a browser, says with its key which environment's flags it wants.</Empty>
            ) : (
              <table className="list">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Kind</th>
                    <th>Environment</th>
                    <th className="num">Used</th>
                    <th className="num">Made</th>
                    <th>By</th>
                    <th>
                      <span className="hidden">What can be done</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {it.keys.map((key) => (
                    <tr key={key.id}>
                      <td className="strong">{key.name}</td>
                      <td data-tip={kindSays[key.kind]}>{key.kind}</td>
                      <td>{key.environment}</td>
                      <td className="num soft">{key.lastUsedAt === null ? 'never' : <Time at={key.lastUsedAt} />}</td>
                      <td className="num soft">
                        <Time at={key.createdAt} />
                      </td>
                      <td className="soft">{key.createdBy}</td>
                      <td className="right">
                        <ActionButton needs="flag.keys" look="small danger" onClick={() => setRevoking(key)}>
                          End
                        </ActionButton>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
          </div>
        )}
      </Answered>
      {making && <NewKeyDialog onClose={() => setMaking(false)} onMade={() => void askAgain()} />}
      {revoking && (
        <Confirm
          title={`End the key ${revoking.name}?`}
          does="End it"
          danger
          reason="none"
          act={() => client.call(routes.clientKeys.revoke, { params: { id: revoking.id } }).then(askAgain)}
          onClose={() => setRevoking(undefined)}
        >
          Whatever asks with it is refused from now on, and goes on with what it knows last.
        </Confirm>
      )}
    </>
  )
}

/** What to write where the key is used. The stock providers need nothing of ours. */
function snippetOf(kind: ClientKeyWire['kind'], url: string, secret: string): string {
  return kind === 'client'
    ? `import { OpenFeature } from '@openfeature/web-sdk'
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'

await OpenFeature.setContext({ targetingKey: user.id, email: user.email })
await OpenFeature.setProviderAndWait(
  new OFREPWebProvider({ baseUrl: '${url}', headers: [['Authorization', 'Bearer ${secret}']] }),
)
const isOn = OpenFeature.getClient().getBooleanValue('inline-comments', false)`
    : `import { OpenFeature } from '@openfeature/server-sdk'
import { OFREPProvider } from '@openfeature/ofrep-provider'

await OpenFeature.setProviderAndWait(
  new OFREPProvider({ baseUrl: '${url}', headers: [['Authorization', \`Bearer \${process.env.BELAY_FLAGS_KEY}\`]] }),
)
const isOn = await OpenFeature.getClient().getBooleanValue('inline-comments', false, { targetingKey: user.id })`
}

function NewKeyDialog({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
  const environments = useEnvironments()
  const mayNot = useWhyNot('flag.keys')
  const [name, setName] = useState('')
  const [kind, setKind] = useState<ClientKeyWire['kind']>('server')
  const [chosen, setChosen] = useState<string>()
  const environment = chosen ?? environments[0]?.name ?? ''
  const making = useMutation({
    mutationFn: () => client.call(routes.clientKeys.create, { body: { name: name.trim(), kind, environment } }),
    onSuccess: onMade,
  })
  if (making.data) {
    const { key, secret } = making.data
    const snippet = snippetOf(key.kind, window.location.origin, secret)
    return (
      <Dialog title={`Key ${key.name} for ${key.environment}`} onClose={onClose} wide>
        <div className="form">
          <p>This is its secret. It is shown now and never again; only its hash is kept.</p>
          <Command>{secret}</Command>
          <div className="labelled">
            <span className="row">
              {key.kind === 'client' ? 'In a web page' : 'In a Node service, with the secret as BELAY_FLAGS_KEY'}
              <span className="push">
                <CopyButton text={snippet} />
              </span>
            </span>
            {/* Focusable so that the keyboard can scroll it. */}
            <pre className="snippet" tabIndex={0}>
              {snippet}
            </pre>
          </div>
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
      title="New client key"
      onClose={onClose}
      onSubmit={() => making.mutate()}
      does="Make it"
      busy={making.isPending}
      because={mayNot ?? (name.trim() === '' ? 'It needs a name.' : environment === '' ? 'There is no environment yet.' : undefined)}
      error={making.error}
    >
      <label>
        Name
        <input
          className="field"
          maxLength={64}
          value={name}
          onChange={(event) => setName(event.target.value)}
          placeholder="web"
          data-autofocus
        />
        <small>What uses it.</small>
      </label>
      <label>
        Kind
        <select className="field" value={kind} onChange={(event) => setKind(event.target.value as typeof kind)}>
          {clientKeyKinds.map((it) => (
            <option key={it} value={it}>
              {kindSays[it]}
            </option>
          ))}
        </select>
      </label>
      <label>
        Environment
        <select className="field" value={environment} onChange={(event) => setChosen(event.target.value)}>
          {environments.map((it) => (
            <option key={it.name}>{it.name}</option>
          ))}
        </select>
      </label>
    </FormDialog>
  )
}
