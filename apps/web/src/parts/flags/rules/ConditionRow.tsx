import type { JsonWire } from '@belay/protocol'
import { sayJson } from './jsonText.ts'
import { knownAttributes } from './KnownAttributes.tsx'
import { type Condition, type Operator, operators, takesList, takesText, takesValue } from './rules.ts'
import { ValueField } from './ValueField.tsx'
import { asText } from './values.ts'

/** What fits the operator, made of the value that is there: one becomes a list of one, and back. */
function fit(operator: Operator, value: JsonWire): JsonWire {
  if (!takesValue(operator)) return null
  const first = Array.isArray(value) ? (value[0] ?? '') : value
  if (takesList(operator)) return Array.isArray(value) ? value : first === null || first === '' ? [] : [first]
  return takesText(operator) ? asText(first) : (first ?? '')
}

function Compare({
  it,
  nth,
  segments,
  onChange,
}: {
  it: Extract<Condition, { kind: 'compare' }>
  nth: string
  segments: readonly string[]
  onChange: (it: Condition) => void
}) {
  return (
    <>
      <input
        className="field mono"
        aria-label={`Attribute, ${nth}`}
        value={it.attribute}
        list={knownAttributes}
        placeholder="attribute"
        onChange={(event) => onChange({ ...it, attribute: event.target.value })}
      />
      <select
        className="field"
        aria-label={`Comparison, ${nth}`}
        value={it.operator}
        onChange={(event) => {
          const operator = event.target.value as Operator
          onChange({ ...it, operator, value: fit(operator, it.value) })
        }}
      >
        {Object.entries(operators).map(([operator, says]) => (
          <option key={operator} value={operator}>
            {says}
          </option>
        ))}
      </select>
      {!takesValue(it.operator) ? (
        <span />
      ) : it.operator === 'in_segment' ? (
        <select
          className="field mono"
          aria-label={`Segment, ${nth}`}
          value={asText(it.value)}
          onChange={(event) => onChange({ ...it, value: event.target.value })}
        >
          <Names names={segments} chosen={asText(it.value)} />
        </select>
      ) : (
        <ValueField
          label={`Value, ${nth}`}
          value={it.value}
          kind={takesList(it.operator) ? 'list' : takesText(it.operator) ? 'text' : 'any'}
          onChange={(value) => onChange({ ...it, value })}
        />
      )}
    </>
  )
}

function Names({ names, chosen }: { names: readonly string[]; chosen: string }) {
  return (
    <>
      {!names.includes(chosen) && <option value={chosen}>{chosen === '' ? 'choose' : `${chosen} (not there)`}</option>}
      {names.map((it) => (
        <option key={it}>{it}</option>
      ))}
    </>
  )
}

/** One thing that has to hold. */
export function ConditionRow({
  it,
  nth,
  rings,
  segments,
  onChange,
  onRemove,
}: {
  it: Condition
  nth: string
  rings: readonly string[]
  segments: readonly string[]
  onChange: (it: Condition) => void
  onRemove: () => void
}) {
  return (
    <div className={`condition condition-${it.kind}`}>
      {it.kind === 'compare' && <Compare it={it} nth={nth} segments={segments} onChange={onChange} />}
      {it.kind === 'member' && (
        <>
          <span className="soft">the {it.of}</span>
          <select
            className="field"
            aria-label={`Membership, ${nth}`}
            value={it.not ? 'not' : 'in'}
            onChange={(event) => onChange({ ...it, not: event.target.value === 'not' })}
          >
            <option value="in">has them in it</option>
            <option value="not">does not have them in it</option>
          </select>
          <select
            className="field mono"
            aria-label={`${it.of === 'ring' ? 'Ring' : 'Segment'}, ${nth}`}
            value={it.name}
            onChange={(event) => onChange({ ...it, name: event.target.value })}
          >
            <Names names={it.of === 'ring' ? rings : segments} chosen={it.name} />
          </select>
        </>
      )}
      {it.kind === 'json' && (
        <pre className="json-part" data-tip="The form has no fields for this; the JSON beside it has">
          {sayJson(it.json)}
        </pre>
      )}
      <button type="button" className="btn small plain" aria-label={`Remove ${nth}`} onClick={onRemove}>
        ✕
      </button>
    </div>
  )
}
