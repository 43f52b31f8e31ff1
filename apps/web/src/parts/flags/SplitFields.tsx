import { sayPercent } from './exposure.ts'
import './change.css'

type Weights = readonly (readonly [string, number])[]

/** One variant, or several by weight. */
export function SplitFields({
  variants,
  weights,
  onChange,
  legend,
}: {
  variants: readonly string[]
  weights: Weights
  onChange: (weights: Weights) => void
  legend: string
}) {
  const sum = weights.reduce((total, [, weight]) => total + weight, 0)
  const free = variants.filter((it) => !weights.some(([variant]) => variant === it))
  const set = (nth: number, entry: readonly [string, number]) => onChange(weights.map((it, index) => (index === nth ? entry : it)))
  return (
    <div className="labelled" role="group" aria-label={legend}>
      {legend}
      <div className="weights">
        {weights.map(([variant, weight], nth) => (
          <div key={variant} className="weight-row">
            <select
              className="field mono"
              aria-label={`Variant ${nth + 1}`}
              value={variant}
              onChange={(event) => set(nth, [event.target.value, weight])}
            >
              {[variant, ...free].map((it) => (
                <option key={it}>{it}</option>
              ))}
            </select>
            {weights.length > 1 && (
              <>
                <input
                  className="field num"
                  type="number"
                  min={0}
                  max={100_000}
                  step={1}
                  aria-label={`Weight of ${variant}`}
                  value={weight}
                  onChange={(event) => set(nth, [variant, Math.max(0, Math.round(event.target.valueAsNumber || 0))])}
                />
                <span className="num soft">{sum === 0 ? '–' : sayPercent(Math.round((weight / sum) * 1_000) / 10)}</span>
                <button
                  type="button"
                  className="btn small plain"
                  aria-label={`Serve ${variant} no more`}
                  onClick={() => onChange(weights.filter((_, index) => index !== nth))}
                >
                  ✕
                </button>
              </>
            )}
          </div>
        ))}
      </div>
      {free[0] !== undefined && (
        <div>
          <button type="button" className="btn small" onClick={() => onChange([...weights, [free[0] ?? '', weights[0]?.[1] ?? 1]])}>
            And another variant, by weight
          </button>
        </div>
      )}
    </div>
  )
}
