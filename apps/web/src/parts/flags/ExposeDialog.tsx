import { everyEnvironment, type FlagWire, type RingWire } from '@belay/protocol'
import { useId, useState } from 'react'
import { ChangeDialog } from './ChangeDialog.tsx'
import { type Exposure, sayPercent, settingIn, usualServe } from './exposure.ts'
import { SplitFields } from './SplitFields.tsx'

const shares = [1, 5, 10, 25, 50, 100]

/** "Variant V to rings up to R, p% of R": chosen here, planned by the server while it is chosen. */
export function ExposeDialog({
  flag,
  environment,
  rings,
  begin,
  onClose,
}: {
  flag: FlagWire
  environment: string
  rings: readonly RingWire[]
  /** Where the fields begin; null: nobody. */
  begin: Exposure | null
  onClose: () => void
}) {
  const { setting } = settingIn(flag, environment)
  const serve = begin?.serve ?? usualServe(flag, setting)
  const [ring, setRing] = useState(begin?.ring ?? '')
  const [percent, setPercent] = useState(begin?.percent ?? 100)
  const [weights, setWeights] = useState<readonly (readonly [string, number])[]>(Object.entries(serve))
  const [bucketBy, setBucketBy] = useState(begin?.bucketBy ?? '')
  const id = useId()
  const exposure: Exposure | null =
    ring === '' ? null : { serve: Object.fromEntries(weights), ring, percent, bucketBy: bucketBy.trim() === '' ? null : bucketBy.trim() }
  const because =
    weights.length === 0
      ? 'It serves no variant.'
      : Number.isNaN(percent) || percent < 0 || percent > 100
        ? 'The share is 0 to 100%.'
        : undefined
  return (
    <ChangeDialog
      title={`${flag.key} in ${environment === everyEnvironment ? 'every environment' : environment}`}
      flag={flag}
      change={because === undefined ? { do: 'expose', environment, exposure } : undefined}
      because={because}
      does={exposure === null ? 'Down to nobody' : percent === 100 ? `Expose up to ${ring}` : `Expose to ${sayPercent(percent)} of ${ring}`}
      wide
      onClose={onClose}
    >
      <label>
        To rings up to
        <select className="field" value={ring} onChange={(event) => setRing(event.target.value)} data-autofocus>
          <option value="">nobody</option>
          {rings.map((it) => (
            <option key={it.name} value={it.name}>
              {it.name} ({it.says})
            </option>
          ))}
        </select>
      </label>
      {ring !== '' && (
        <>
          <div className="labelled">
            <label htmlFor={id}>Share of {ring}</label>
            <div className="share-row">
              <input
                type="range"
                min={0}
                max={100}
                step={1}
                value={Number.isNaN(percent) ? 0 : percent}
                aria-label={`Share of ${ring}, coarse`}
                onChange={(event) => setPercent(event.target.valueAsNumber)}
              />
              <input
                id={id}
                className="field num"
                type="number"
                min={0}
                max={100}
                step={0.001}
                value={Number.isNaN(percent) ? '' : percent}
                onChange={(event) => setPercent(event.target.valueAsNumber)}
              />
              %
              {shares.map((it) => (
                <button key={it} type="button" className="btn small" aria-pressed={it === percent} onClick={() => setPercent(it)}>
                  {it}%
                </button>
              ))}
            </div>
          </div>
          <SplitFields variants={Object.keys(flag.variants)} weights={weights} onChange={setWeights} legend="Serve" />
          <label>
            Whose hash decides
            <input
              className="field mono"
              value={bucketBy}
              maxLength={100}
              onChange={(event) => setBucketBy(event.target.value)}
              placeholder="targetingKey"
            />
            <small>An attribute that all who shall see the same have in common, such as account. Empty: the targeting key.</small>
          </label>
        </>
      )}
    </ChangeDialog>
  )
}
