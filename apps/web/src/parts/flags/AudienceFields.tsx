import { routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { ask } from '../../api.ts'
import { RuleField, ruleProblem } from './RuleField.tsx'

/** Who is meant: a rule, or everybody in a segment. */
export type Audience = { readonly kind: 'rule'; readonly text: string } | { readonly kind: 'segment'; readonly segment: string }
export const emptyAudience: Audience = { kind: 'rule', text: '' }

export const audienceProblem = (it: Audience): string | undefined =>
  it.kind === 'segment' ? (it.segment === '' ? 'Choose a segment.' : undefined) : ruleProblem(it.text)

/** More than one would choose from. */
const segmentsMax = 500

export function AudienceFields({ audience, onChange }: { audience: Audience; onChange: (audience: Audience) => void }) {
  const segments = useQuery(ask(routes.segments.list, { query: { limit: segmentsMax } }))
  return (
    <>
      <label>
        Who is in it
        <select
          className="field"
          value={audience.kind}
          onChange={(event) => onChange(event.target.value === 'segment' ? { kind: 'segment', segment: '' } : { kind: 'rule', text: '' })}
        >
          <option value="rule">whoever a rule fits</option>
          <option value="segment">whoever is in a segment</option>
        </select>
      </label>
      {audience.kind === 'segment' ? (
        <label>
          Segment
          <select
            className="field mono"
            value={audience.segment}
            onChange={(event) => onChange({ kind: 'segment', segment: event.target.value })}
          >
            <option value="">choose</option>
            {segments.data?.segments.map((it) => (
              <option key={it.key}>{it.key}</option>
            ))}
          </select>
        </label>
      ) : (
        <RuleField text={audience.text} onChange={(text) => onChange({ kind: 'rule', text })} />
      )}
    </>
  )
}
