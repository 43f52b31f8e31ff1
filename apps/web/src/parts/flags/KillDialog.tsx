import { everyEnvironment, type FlagWire } from '@belay/protocol'
import { useState } from 'react'
import { ChangeDialog } from './ChangeDialog.tsx'
import { settingIn } from './exposure.ts'

/** The kill switch: at once, past every approval, never without a reason. */
export function KillDialog({ flag, environment, onClose }: { flag: FlagWire; environment: string; onClose: () => void }) {
  const [where, setWhere] = useState(environment)
  const [reason, setReason] = useState('')
  const why = reason.trim()
  const { setting } = settingIn(flag, where)
  return (
    <ChangeDialog
      title={`Kill ${flag.key}?`}
      flag={flag}
      change={why === '' ? undefined : { do: 'kill', environment: where, reason: why }}
      because={why === '' ? 'It needs a reason.' : undefined}
      does={where === everyEnvironment ? 'Kill it everywhere' : `Kill it in ${where}`}
      danger
      reason="own"
      now
      onClose={onClose}
    >
      <p className="soft">
        Everybody gets {setting.defaultVariant ?? "the code's own default"} within a second, without a second person's approval. Rings and
        rules stay as they are for when it is restored.
      </p>
      <label>
        Reason
        <input
          className="field"
          value={reason}
          onChange={(event) => setReason(event.target.value)}
          maxLength={500}
          data-autofocus
          placeholder="Needed: it goes into the ledger"
        />
      </label>
      {environment !== everyEnvironment && (
        <label>
          Where
          <select className="field" value={where} onChange={(event) => setWhere(event.target.value)}>
            <option value={environment}>{environment} only</option>
            <option value={everyEnvironment}>everywhere</option>
          </select>
        </label>
      )}
    </ChangeDialog>
  )
}
