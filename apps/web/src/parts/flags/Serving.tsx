import {
  everyEnvironment,
  type FlagChangeInput,
  type FlagPageWire,
  type FlagWire,
  type RingWire,
  type ScheduledWire,
  routes,
} from '@belay/protocol'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { client } from '../../api.ts'
import { flagWords, upperFirst } from '../../words.ts'
import { ActionButton, useWhyNot } from '../Allowed.tsx'
import { Confirm } from '../Confirm.tsx'
import { Panel } from '../Page.tsx'
import { Time } from '../Time.tsx'
import { ChangeDialog } from './ChangeDialog.tsx'
import { ExposeDialog } from './ExposeDialog.tsx'
import { type Exposure, killIn, sayServe, settingIn, stepDown, stepUp, usualServe } from './exposure.ts'
import { KillDialog } from './KillDialog.tsx'
import { Ladder } from './Ladder.tsx'
import { RulesEditor } from './rules/RulesEditor.tsx'
import { sayEnvironment } from './useLadder.ts'

type Asked =
  | { readonly do: 'expose'; readonly begin: Exposure | null }
  | { readonly do: 'kill' }
  | { readonly do: 'change'; readonly title: string; readonly does: string; readonly danger?: boolean; readonly change: FlagChangeInput }

/** How a flag is served in one environment: kill switch, ladder, rules, what everybody else gets, what is planned. */
export function Serving({
  page,
  environment,
  rings,
  json,
  onJson,
}: {
  page: FlagPageWire
  environment: string
  rings: readonly RingWire[]
  json: boolean
  onJson: (json: boolean) => void
}) {
  const { flag } = page
  const [asked, setAsked] = useState<Asked>()
  const close = () => setAsked(undefined)
  return (
    <>
      <Kill flag={flag} environment={environment} onRestore={setAsked} />
      <Rope page={page} environment={environment} rings={rings} onAsk={setAsked} />
      <RulesEditor
        key={`${flag.key} ${environment}`}
        flag={flag}
        environment={environment}
        rings={rings.map((it) => it.name)}
        json={json}
        onJson={onJson}
      />
      <Scheduled scheduled={page.scheduled} />
      {asked?.do === 'expose' && <ExposeDialog flag={flag} environment={environment} rings={rings} begin={asked.begin} onClose={close} />}
      {asked?.do === 'kill' && <KillDialog flag={flag} environment={environment} onClose={close} />}
      {asked?.do === 'change' && (
        <ChangeDialog
          title={asked.title}
          flag={flag}
          change={asked.change}
          does={asked.does}
          danger={asked.danger ?? false}
          onClose={close}
        />
      )}
    </>
  )
}

function Kill({ flag, environment, onRestore }: { flag: FlagWire; environment: string; onRestore: (asked: Asked) => void }) {
  const kill = killIn(flag, environment)
  if (kill === undefined) return null
  const { setting } = settingIn(flag, environment)
  return (
    <div className="because is-fall kill-line">
      <span>
        Killed {kill.where === everyEnvironment ? 'everywhere' : `in ${kill.where}`} <Time at={kill.at} /> by {kill.by}: {kill.reason}.
        Everybody gets {setting.defaultVariant ?? "the code's own default"}, whatever stands below.
      </span>
      <ActionButton
        needs="flag.kill"
        look="small"
        onClick={() =>
          onRestore({
            do: 'change',
            title: `Take the kill of ${flag.key} back?`,
            does: 'Restore',
            change: { do: 'restore', environment: kill.where },
          })
        }
      >
        Restore
      </ActionButton>
    </div>
  )
}

/** Rings with what can be done to climb, fall back, switch off and kill. */
function Rope({
  page: { flag, standings },
  environment,
  rings,
  onAsk,
}: {
  page: FlagPageWire
  environment: string
  rings: readonly RingWire[]
  onAsk: (asked: Asked) => void
}) {
  const { setting, own } = settingIn(flag, environment)
  const names = rings.map((it) => it.name)
  const { exposure } = setting
  const serve = exposure?.serve ?? usualServe(flag, setting)
  const [up, down] = [stepUp(names, exposure, serve), stepDown(names, exposure)]
  const killed = killIn(flag, environment) !== undefined
  const off = setting.state === 'DISABLED'
  const mayNot = useWhyNot('flag.change') ?? (flag.archivedAt === null ? undefined : 'The flag is archived.')
  const whyNot = flag.archivedAt === null ? undefined : 'The flag is archived.'
  const state = standings.find((it) => it.environment === environment)?.state ?? 'resting'
  const where = sayEnvironment(environment)
  const configure = (title: string, does: string, change: FlagChangeInput, danger = false): void =>
    onAsk({ do: 'change', title, does, change, danger })
  return (
    <Panel
      title={`Rings in ${where}`}
      aside={
        <>
          {environment !== everyEnvironment &&
            (own ? (
              <>
                <span className="soft">a setting of its own</span>
                <ActionButton
                  needs="flag.change"
                  look="small"
                  because={whyNot}
                  onClick={() => configure(`Let ${where} be as every environment?`, 'As everywhere', { do: 'inherit', environment }, true)}
                >
                  As everywhere
                </ActionButton>
              </>
            ) : (
              <>
                <span className="soft">as in every environment</span>
                <ActionButton
                  needs="flag.change"
                  look="small"
                  because={whyNot}
                  tip={`${where} gets a copy of the setting that counts for it now; from then on it is changed alone`}
                  onClick={() =>
                    configure(`Give ${where} a setting of its own?`, 'Give it its own', { do: 'configure', environment, setting: {} })
                  }
                >
                  Give it its own
                </ActionButton>
              </>
            ))}
          <ActionButton
            needs="flag.change"
            look="small"
            because={whyNot}
            onClick={() =>
              off
                ? configure(`Turn ${flag.key} on in ${where}?`, 'Turn on', { do: 'on', environment })
                : configure(`Turn ${flag.key} off in ${where}?`, 'Turn off', { do: 'off', environment }, true)
            }
          >
            {off ? 'Turn on…' : 'Turn off…'}
          </ActionButton>
          <ActionButton
            needs="flag.kill"
            look="small danger"
            because={killed ? 'It is killed already.' : whyNot}
            tip="Everybody gets the default, at once; whatever was set stays for when it is restored"
            onClick={() => onAsk({ do: 'kill' })}
          >
            Kill…
          </ActionButton>
        </>
      }
    >
      {flag.prerequisites.length > 0 && (
        <p className="prerequisites">
          Asked only where{' '}
          {flag.prerequisites.map((it, index) => (
            <span key={it.flag}>
              {index > 0 && ' and '}
              <Link to="/flags/$key" params={{ key: it.flag }} className="mono link">
                {it.flag}
              </Link>{' '}
              is <code>{it.variant}</code>
            </span>
          ))}
          .
        </p>
      )}
      {rings.length > 0 && (
        <Ladder
          rings={rings}
          exposure={exposure}
          tone={exposure === null ? 'none' : flagWords[state].tone === 'none' ? 'climb' : flagWords[state].tone}
          cut={killed || off}
          whyNot={mayNot}
          onChoose={(ring) =>
            onAsk({
              do: 'expose',
              begin: ring === exposure?.ring ? exposure : { serve, bucketBy: exposure?.bucketBy ?? null, ring, percent: 100 },
            })
          }
        />
      )}
      <div className="ladder-tools">
        <ActionButton
          needs="flag.change"
          because={whyNot ?? (down ? undefined : 'Nobody is served by rings.')}
          onClick={() => down && onAsk({ do: 'expose', begin: down.exposure })}
        >
          ↓ {down?.says ?? 'Down'}
        </ActionButton>
        <ActionButton
          needs="flag.change"
          look="main"
          because={whyNot ?? (up ? undefined : exposure === null ? 'There is no ring.' : 'It is on top: everybody gets it.')}
          onClick={() => up && onAsk({ do: 'expose', begin: up.exposure })}
        >
          ↑ {up?.says ?? 'Up'}
        </ActionButton>
        <ActionButton
          needs="flag.change"
          because={whyNot}
          onClick={() => onAsk({ do: 'expose', begin: exposure ?? { serve, ring: names[0] ?? '', percent: 100, bucketBy: null } })}
        >
          Share, variants…
        </ActionButton>
        <span className="soft">
          {exposure === null ? 'The rings serve nobody' : `The rings serve ${sayServe(exposure.serve)}`}
          {exposure?.bucketBy ? `, by the hash of ${exposure.bucketBy}` : ''}
        </span>
        <label className="push row">
          <span className="soft">everybody else gets</span>
          <select
            className="field mono"
            value={setting.defaultVariant === null ? '' : `v ${setting.defaultVariant}`}
            disabled={mayNot !== undefined}
            onChange={(event) => {
              const { value } = event.target
              const defaultVariant = value === '' ? null : value.slice(2)
              configure(`What everybody else gets in ${where}`, `Serve ${defaultVariant ?? "the code's default"}`, {
                do: 'configure',
                environment,
                setting: { defaultVariant },
              })
            }}
          >
            {Object.keys(flag.variants).map((it) => (
              <option key={it} value={`v ${it}`}>
                {it}
              </option>
            ))}
            <option value="">the code's own default</option>
          </select>
        </label>
      </div>
    </Panel>
  )
}

function Scheduled({ scheduled }: { scheduled: readonly ScheduledWire[] }) {
  const [cancelling, setCancelling] = useState<ScheduledWire>()
  const queries = useQueryClient()
  const waiting = scheduled.filter((it) => it.state === 'waiting' || it.state === 'failed')
  if (waiting.length === 0) return null
  return (
    <Panel title="At a later time">
      <div className="scroll-x">
        <table className="list">
          <thead>
            <tr>
              <th>When</th>
              <th>What</th>
              <th>By</th>
              <th>
                <span className="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {waiting.map((it) => (
              <tr key={it.id}>
                <td className="nowrap">
                  <Time at={it.at} />{' '}
                  <span className="soft">
                    <Time at={it.at} as="clock" />
                  </span>
                </td>
                <td className="why">
                  <span>
                    {upperFirst(it.says)}
                    {it.reason !== null && `: ${it.reason}`}
                    {it.because !== null && <span className="ink-fall"> It could not be done: {it.because}</span>}
                  </span>
                </td>
                <td className="soft">{it.by}</td>
                <td className="right">
                  {it.state === 'waiting' && (
                    <ActionButton needs="flag.change" look="small" onClick={() => setCancelling(it)}>
                      Cancel
                    </ActionButton>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {cancelling && (
        <Confirm
          title="Take this change back?"
          does="Take it back"
          danger
          reason="none"
          act={async () => {
            await client.call(routes.schedule.cancel, { params: { id: cancelling.id } })
            await queries.invalidateQueries({ queryKey: ['flags'] })
          }}
          onClose={() => setCancelling(undefined)}
        >
          {`${upperFirst(cancelling.says)}: it is not done when its time comes.`}
        </Confirm>
      )}
    </Panel>
  )
}
