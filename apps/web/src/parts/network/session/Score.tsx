import type { SessionRecord } from '@belay/tcp'
import { Sign } from '../../Chip.tsx'
import { digits, gradeWords } from '../words.ts'

/** The score, and what was taken off a hundred for what. */
export function Score({ score }: { score: SessionRecord['score'] }) {
  const { tone, says } = gradeWords[score.grade]
  const off = score.parts.filter((it) => it.penalty > 0)
  return (
    <>
      <p className="score-line">
        <span className={`score-figure ink-${tone}`}>{Math.round(score.value)}</span>
        <span className="soft">of 100</span>
        <span className={`chip is-${tone}`}>
          <Sign tone={tone} />
          {says}
        </span>
        <span className="soft" data-tip={score.confidenceBecause}>
          {score.confidence} confidence
        </span>
      </p>
      {off.length === 0 ? (
        <p className="soft">Nothing was taken off.</p>
      ) : (
        <table className="list score-parts">
          <thead className="hidden">
            <tr>
              <th>Taken off</th>
              <th>For what</th>
            </tr>
          </thead>
          <tbody>
            {off.map((it) => (
              <tr key={it.name}>
                <td className="num strong nowrap">−{digits(it.penalty)}</td>
                <td>
                  <span className="strong">{it.name}</span> <span className="soft">{it.because}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}
