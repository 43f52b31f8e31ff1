import { checkRule } from '@belay/flag-evaluator'
import type { JsonWire } from '@belay/protocol'
import { useState } from 'react'
import { ConditionRow } from './rules/ConditionRow.tsx'
import { readRule, textOf } from './rules/draft.ts'
import { JsonEditor } from './rules/JsonEditor.tsx'
import { KnownAttributes } from './rules/KnownAttributes.tsx'
import { sayJson } from './rules/jsonText.ts'
import { type Condition, type Rule, conditionJsonOf, conditionsOf } from './rules/rules.ts'
import './rules/rules.css'

const empty: Condition = { kind: 'compare', attribute: '', operator: '==', value: '' }

/** Why the rule cannot be taken as it stands. */
export function ruleProblem(text: string): string | undefined {
  const read = readRule(text)
  if (read.error !== undefined) return `Line ${read.error.line}, column ${read.error.column}: ${read.error.says}.`
  if (read.value === null) return 'It needs a rule.'
  const missing = conditionsOf(read.value).conditions.some((it) => it.kind === 'compare' && it.attribute.trim() === '')
  return missing ? 'Name the attribute to look at.' : checkRule(read.value)[0]?.message
}

/** One rule that fits somebody or does not: as conditions, or as JSON, in step. */
export function RuleField({ text, onChange, readOnly = false }: { text: string; onChange: (text: string) => void; readOnly?: boolean }) {
  const [json, setJson] = useState(false)
  const read = readRule(text)
  const put = (rule: Pick<Rule, 'match' | 'conditions'>) => onChange(rule.conditions.length === 0 ? '' : textOf(conditionJsonOf(rule)))
  const value: JsonWire = read.error === undefined ? read.value : null
  const rule = value === null ? { match: 'all' as const, conditions: [] } : conditionsOf(value)
  const showJson = json || read.error !== undefined
  return (
    <fieldset className="rules-form" disabled={readOnly} aria-label="Rule">
      <KnownAttributes />
      <div className="rule-head">
        {rule.conditions.length > 1 ? (
          <span>
            <select
              className="field"
              aria-label="How many conditions"
              value={rule.match}
              onChange={(event) => put({ ...rule, match: event.target.value as Rule['match'] })}
            >
              <option value="all">all</option>
              <option value="any">any</option>
            </select>{' '}
            of these hold
          </span>
        ) : (
          <span className="soft">whoever this fits</span>
        )}
        <button type="button" className="btn small push" aria-pressed={showJson} onClick={() => setJson(!json)}>
          JSON
        </button>
      </div>
      {showJson ? (
        <JsonEditor
          label="Rule as JSON"
          text={text}
          wrong={read.error === undefined ? [] : [{ place: read.error, says: read.error.says }]}
          onChange={onChange}
          placeholder={sayJson({ ends_with: [{ var: 'email' }, '@example.test'] })}
          readOnly={readOnly}
        />
      ) : (
        <>
          {rule.conditions.map((it, at) => (
            <ConditionRow
              // A condition is known by its place: all of it can be edited.
              key={at}
              it={it}
              nth={`condition ${at + 1}`}
              rings={[]}
              segments={[]}
              onChange={(changed) => put({ ...rule, conditions: rule.conditions.map((one, nth) => (nth === at ? changed : one)) })}
              onRemove={() => put({ ...rule, conditions: rule.conditions.filter((_, nth) => nth !== at) })}
            />
          ))}
          <div>
            <button type="button" className="btn small" onClick={() => put({ ...rule, conditions: [...rule.conditions, empty] })}>
              Add a condition
            </button>
          </div>
        </>
      )}
    </fieldset>
  )
}
