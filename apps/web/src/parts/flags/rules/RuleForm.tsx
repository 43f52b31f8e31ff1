import { useState } from 'react'
import { SplitFields } from '../SplitFields.tsx'
import { ConditionRow } from './ConditionRow.tsx'
import { sayJson } from './jsonText.ts'
import type { Condition, Rule, Rules, Serve } from './rules.ts'
import { sayConditions, sayServed } from './say.ts'

export type Names = { readonly variants: readonly string[]; readonly rings: readonly string[]; readonly segments: readonly string[] }

const emptyCondition: Condition = { kind: 'compare', attribute: '', operator: '==', value: '' }
const memberOf = (of: 'segment' | 'ring', names: readonly string[]): Condition => ({ kind: 'member', of, name: names[0] ?? '', not: false })

/** What a rule gives: a variant, or several by weight. */
function ServeFields({
  serve,
  variants,
  nth,
  onChange,
}: {
  serve: Serve
  variants: readonly string[]
  nth: string
  onChange: (serve: Serve) => void
}) {
  const known = serve.kind === 'variant' && !variants.includes(serve.variant) ? [serve.variant, ...variants] : variants
  return (
    <div className="serve">
      <span className="soft">serve</span>
      <select
        className="field mono"
        aria-label={`Served by ${nth}`}
        value={serve.kind === 'variant' ? `v ${serve.variant}` : serve.kind}
        onChange={(event) => {
          const { value } = event.target
          if (value === 'split') onChange({ kind: 'split', by: null, weights: variants.map((it) => [it, 1]) })
          else if (value.startsWith('v ')) onChange({ kind: 'variant', variant: value.slice(2) })
        }}
      >
        {known.map((it) => (
          <option key={it} value={`v ${it}`}>
            {it}
          </option>
        ))}
        <option value="split">several, by weight</option>
        {serve.kind === 'json' && <option value="json">what the JSON says</option>}
      </select>
      {serve.kind === 'json' && <pre className="json-part">{sayJson(serve.json)}</pre>}
      {serve.kind === 'split' && (
        <div className="serve-split">
          <SplitFields
            variants={variants}
            weights={serve.weights}
            legend={`Weights, ${nth}`}
            onChange={(weights) => onChange(weights.length === 0 ? { kind: 'variant', variant: variants[0] ?? '' } : { ...serve, weights })}
          />
          <label>
            By the hash of
            <input
              className="field mono"
              value={serve.by ?? ''}
              placeholder="targetingKey"
              onChange={(event) => onChange({ ...serve, by: event.target.value === '' ? null : event.target.value })}
            />
          </label>
        </div>
      )}
    </div>
  )
}

function RuleCard({
  rule,
  index,
  count,
  names,
  wrong,
  open,
  onOpen,
  onChange,
  onMove,
  onRemove,
}: {
  rule: Rule
  index: number
  count: number
  names: Names
  wrong: readonly string[]
  open: boolean
  onOpen: (open: boolean) => void
  onChange: (rule: Rule) => void
  onMove: (by: 1 | -1) => void
  onRemove: () => void
}) {
  const its = `rule ${index + 1}`
  const setCondition = (at: number, it: Condition) =>
    onChange({ ...rule, conditions: rule.conditions.map((one, nth) => (nth === at ? it : one)) })
  return (
    <li className={`rule ${wrong.length > 0 ? 'rule-wrong' : ''}`} aria-label={`Rule ${index + 1}`}>
      <div className="rule-head">
        <span className="rule-number">{index + 1}</span>
        <button type="button" className="rule-says" aria-expanded={open} onClick={() => onOpen(!open)}>
          <span>
            <span className="soft">{rule.conditions.length === 0 ? 'always: ' : 'if '}</span>
            {sayConditions(rule)}
          </span>
          <span className="rule-serves">
            <span className="soft">serve</span> <code>{sayServed(rule.serve)}</code>
          </span>
        </button>
        <span className="push row rule-tools">
          <button type="button" className="btn small plain" aria-label={`Move ${its} up`} disabled={index === 0} onClick={() => onMove(-1)}>
            ↑
          </button>
          <button
            type="button"
            className="btn small plain"
            aria-label={`Move ${its} down`}
            disabled={index === count - 1}
            onClick={() => onMove(1)}
          >
            ↓
          </button>
          <button type="button" className="btn small plain" aria-label={`Remove ${its}`} onClick={onRemove}>
            ✕
          </button>
        </span>
      </div>
      {open && (
        <div className="rule-fields">
          {rule.conditions.length > 1 && (
            <span>
              <select
                className="field"
                aria-label={`How many conditions of ${its}`}
                value={rule.match}
                onChange={(event) => onChange({ ...rule, match: event.target.value as Rule['match'] })}
              >
                <option value="all">all</option>
                <option value="any">any</option>
              </select>{' '}
              of these hold
            </span>
          )}
          {rule.conditions.map((it, at) => (
            <ConditionRow
              // A condition is known by its place: all of it can be edited.
              key={at}
              it={it}
              nth={`condition ${at + 1} of ${its}`}
              rings={names.rings}
              segments={names.segments}
              onChange={(changed) => setCondition(at, changed)}
              onRemove={() => onChange({ ...rule, conditions: rule.conditions.filter((_, nth) => nth !== at) })}
            />
          ))}
          <div className="rule-add row">
            {(
              [
                ['condition', emptyCondition],
                ['segment', memberOf('segment', names.segments)],
                ['ring', memberOf('ring', names.rings)],
              ] as const
            ).map(([says, it]) => (
              <button
                key={says}
                type="button"
                className="btn small plain"
                aria-label={`Add a ${says} to ${its}`}
                onClick={() => onChange({ ...rule, conditions: [...rule.conditions, it] })}
              >
                + {says}
              </button>
            ))}
          </div>
          <ServeFields serve={rule.serve} variants={names.variants} nth={its} onChange={(serve) => onChange({ ...rule, serve })} />
        </div>
      )}
      {wrong.map((says) => (
        <p key={says} className="ink-fall">
          {says}
        </p>
      ))}
    </li>
  )
}

/** Rules in the order in which they are asked. `wrongOf`: what is wrong with the nth, `count` for the last word. */
export function RuleForm({
  rules,
  names,
  wrongOf,
  onChange,
}: {
  rules: Rules
  names: Names
  wrongOf: (nth: number) => readonly string[]
  onChange: (rules: Rules) => void
}) {
  const [open, setOpen] = useState<number>()
  if (rules.kind === 'json')
    return (
      <div className="rule">
        <p className="soft">This is no list of rules, so it is shown as it is; edit it as JSON.</p>
        <pre className="json-part">{sayJson(rules.json)}</pre>
      </div>
    )
  const list = rules.rules
  const put = (next: readonly Rule[]) => onChange({ ...rules, rules: next })
  const first: Serve = { kind: 'variant', variant: names.variants[0] ?? '' }
  return (
    <>
      <ol className="rules">
        {list.map((rule, index) => (
          <RuleCard
            // A rule is known by its place: all of it can be edited.
            key={index}
            rule={rule}
            index={index}
            count={list.length}
            names={names}
            wrong={wrongOf(index)}
            open={open === index}
            onOpen={(wanted) => setOpen(wanted ? index : undefined)}
            onChange={(changed) => put(list.map((one, nth) => (nth === index ? changed : one)))}
            onRemove={() => {
              setOpen(undefined)
              put(list.filter((_, nth) => nth !== index))
            }}
            onMove={(by) => {
              const moved = list.filter((_, nth) => nth !== index)
              moved.splice(index + by, 0, rule)
              setOpen(open === index ? index + by : open === index + by ? index : open)
              put(moved)
            }}
          />
        ))}
        {rules.otherwise !== null && (
          <li className="rule" aria-label="Everybody else">
            <div className="rule-head">
              <span>else, whoever it is; the rings are not asked</span>
              <span className="push">
                <button
                  type="button"
                  className="btn small plain"
                  aria-label="Remove the rule for everybody else"
                  onClick={() => onChange({ ...rules, otherwise: null })}
                >
                  ✕
                </button>
              </span>
            </div>
            <ServeFields
              serve={rules.otherwise}
              variants={names.variants}
              nth="everybody else"
              onChange={(otherwise) => onChange({ ...rules, otherwise })}
            />
            {wrongOf(list.length).map((says) => (
              <p key={says} className="ink-fall">
                {says}
              </p>
            ))}
          </li>
        )}
      </ol>
      <div className="row">
        <button
          type="button"
          className="btn small"
          onClick={() => {
            setOpen(list.length)
            put([...list, { match: 'all', conditions: [emptyCondition], serve: first }])
          }}
        >
          Add a rule
        </button>
      </div>
    </>
  )
}
