import { type Action, actions, permissions, type Role, roles, routes } from '@belay/protocol'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { ask, askMe, client } from '../api.ts'
import { useWhyNot } from '../parts/Allowed.tsx'
import { Answered, Failure } from '../parts/Answered.tsx'
import { Command } from '../parts/Command.tsx'
import { Confirm } from '../parts/Confirm.tsx'
import { Empty } from '../parts/Empty.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import { TokenDialog } from '../parts/TokenDialog.tsx'

type Removing = { readonly title: string; readonly says: string; readonly does: string; readonly act: () => Promise<unknown> }

export function AccessPage() {
  const whyNot = useWhyNot('access.manage')
  return (
    <>
      <PageHead title="Access" sub="Who may sign in and do what, and which programs may." />
      {whyNot === undefined ? (
        <>
          <Users />
          <Tokens />
        </>
      ) : (
        <p className="because is-held">{whyNot}</p>
      )}
      <Panel title="What each role may do">
        <RoleTable />
      </Panel>
    </>
  )
}

/** The feed says when users and tokens change; this does not wait for it. */
function useAskAgain() {
  const queries = useQueryClient()
  return (topic: 'users' | 'tokens') => queries.invalidateQueries({ queryKey: [topic] })
}

function Users() {
  const users = useQuery(ask(routes.users.list, {}))
  const { data: me } = useQuery(askMe)
  const askAgain = useAskAgain()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('developer')
  const [removing, setRemoving] = useState<Removing>()
  const adding = useMutation({
    mutationFn: (it: { name: string; role: Role }) => client.call(routes.users.add, { body: it }),
    onSuccess: () => askAgain('users'),
  })
  const linking = useMutation({
    mutationFn: (who: string) => client.call(routes.users.link, { params: { name: who }, body: {} }).then((it) => ({ ...it, who })),
  })
  return (
    <Panel title="People">
      <Answered query={users} height={120}>
        {(it) => (
          <div className="scroll-x">
            <table className="list">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Role</th>
                  <th className="num">Seen</th>
                  <th className="num">Added</th>
                  <th>
                    <span className="hidden">What can be done</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {it.users.map((user) => (
                  <tr key={user.name}>
                    <td className="strong">
                      {user.name}
                      {user.name === me?.actor && <span className="soft"> (you)</span>}
                    </td>
                    <td>
                      <select
                        className="field"
                        aria-label={`Role of ${user.name}`}
                        value={user.role}
                        disabled={user.name === me?.actor}
                        onChange={(event) => adding.mutate({ name: user.name, role: event.target.value as Role })}
                      >
                        {roles.map((one) => (
                          <option key={one}>{one}</option>
                        ))}
                      </select>
                    </td>
                    <td className="num soft">{user.lastSeenAt === null ? 'never' : <Time at={user.lastSeenAt} />}</td>
                    <td className="num soft">
                      <Time at={user.createdAt} />
                    </td>
                    <td className="right nowrap">
                      <button type="button" className="btn small" onClick={() => linking.mutate(user.name)}>
                        Sign-in link
                      </button>{' '}
                      <button
                        type="button"
                        className="btn small danger"
                        disabled={user.name === me?.actor}
                        onClick={() =>
                          setRemoving({
                            title: `Remove ${user.name}?`,
                            says: 'Access, sessions and tokens of this person end at once. What they did stays in the ledger.',
                            does: 'Remove',
                            act: () => client.call(routes.users.remove, { params: { name: user.name } }).then(() => askAgain('users')),
                          })
                        }
                      >
                        Remove
                      </button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Answered>
      {linking.data && (
        <p className="because is-climb" style={{ marginTop: 10 }}>
          Give this to {linking.data.who}. It signs in once, until <Time at={linking.data.expiresAt} as="clock" />:{' '}
          <Command>{linking.data.url}</Command>
        </p>
      )}
      <form
        className="row"
        style={{ marginTop: 12 }}
        onSubmit={(event) => {
          event.preventDefault()
          adding.mutate({ name: name.trim(), role }, { onSuccess: () => setName('') })
        }}
      >
        <input
          className="field"
          aria-label="Name of a new person"
          placeholder="Name"
          required
          maxLength={64}
          pattern="[\w.@\-]{1,64}"
          title="Letters, digits, and . @ - _"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <select
          className="field"
          aria-label="Role of the new person"
          value={role}
          onChange={(event) => setRole(event.target.value as Role)}
        >
          {roles.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <button type="submit" className="btn" disabled={adding.isPending}>
          Add
        </button>
      </form>
      {(adding.error ?? linking.error) && <Failure error={adding.error ?? linking.error} />}
      {removing && <Removal it={removing} onClose={() => setRemoving(undefined)} />}
    </Panel>
  )
}

function Removal({ it, onClose }: { it: Removing; onClose: () => void }) {
  return (
    <Confirm title={it.title} does={it.does} danger reason="none" act={it.act} onClose={onClose}>
      {it.says}
    </Confirm>
  )
}

function Tokens() {
  const tokens = useQuery(ask(routes.tokens.list, {}))
  const askAgain = useAskAgain()
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<Removing>()
  return (
    <Panel
      title="Tokens for programs"
      aside={
        <button type="button" className="btn small" onClick={() => setMaking(true)}>
          New token
        </button>
      }
    >
      <Answered query={tokens} height={80}>
        {(it) =>
          it.tokens.length === 0 ? (
            <Empty title="No token yet" command="belay token create ci --scope release.push">
              A CI server signs in with one, narrowed to what it has to do:
            </Empty>
          ) : (
            <div className="scroll-x">
              <table className="list">
                <thead>
                  <tr>
                    <th>Name</th>
                    <th>Role</th>
                    <th>May</th>
                    <th>By</th>
                    <th className="num">Used</th>
                    <th className="num">Ends</th>
                    <th>
                      <span className="hidden">What can be done</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {it.tokens.map((token) => (
                    <tr key={token.id}>
                      <td className="strong">{token.name}</td>
                      <td>{token.role}</td>
                      <td className="soft">{token.scopes.length === 0 ? 'look only' : token.scopes.join(', ')}</td>
                      <td className="soft">{token.createdBy}</td>
                      <td className="num soft">{token.lastUsedAt === null ? 'never' : <Time at={token.lastUsedAt} />}</td>
                      <td className="num soft">
                        <Time at={token.expiresAt} />
                      </td>
                      <td className="right">
                        <button
                          type="button"
                          className="btn small danger"
                          onClick={() =>
                            setRemoving({
                              title: `End the token ${token.name}?`,
                              says: 'Whatever uses it is refused from now on.',
                              does: 'End it',
                              act: () => client.call(routes.tokens.revoke, { params: { id: token.id } }).then(() => askAgain('tokens')),
                            })
                          }
                        >
                          End
                        </button>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answered>
      {making && <TokenDialog onClose={() => setMaking(false)} onMade={() => void askAgain('tokens')} />}
      {removing && <Removal it={removing} onClose={() => setRemoving(undefined)} />}
    </Panel>
  )
}

const actionSays: Readonly<Record<Action, string>> = {
  look: 'See everything',
  'release.cut': 'Cut a release',
  'release.push': 'Push a release that a CI server built',
  'environment.up': 'Start an environment',
  'environment.down': 'Stop an environment',
  'sandbox.create': 'Make a sandbox, give it more time',
  'sandbox.remove': 'Remove a sandbox',
  'rehearsal.start': 'Rehearse',
  deploy: 'Deploy anywhere but production',
  'deploy.production': 'Deploy to production',
  'deploy.force': 'Deploy past a refusal, with a reason',
  'deployment.approve': "Approve somebody else's plan",
  'deployment.steer': 'Abort, resume, undo',
  'flag.change': 'Make and change flags, rings and segments',
  'flag.production': 'Change what production serves',
  'flag.kill': 'Throw the kill switch, with a reason',
  'flag.approve': "Approve somebody else's change of a flag",
  'flag.keys': 'Make and end client keys',
  'calls.import': 'Import access logs',
  'network.send': 'Send TCP sessions of captures',
  'access.manage': 'Manage people and tokens',
}

function RoleTable() {
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>Action</th>
            {roles.map((role) => (
              <th key={role}>{role}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {actions.map((action) => (
            <tr key={action}>
              <td data-tip={action}>{actionSays[action]}</td>
              {roles.map((role) => (
                <td key={role} className={roles.indexOf(role) >= roles.indexOf(permissions[action]) ? '' : 'soft'}>
                  {roles.indexOf(role) >= roles.indexOf(permissions[action]) ? 'yes' : '–'}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
