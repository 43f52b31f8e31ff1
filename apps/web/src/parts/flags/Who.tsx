import { type ExplanationWire, type FlagWire, type JsonWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { ask } from '../../api.ts'
import { outcomeWords } from '../../words.ts'
import { Answered } from '../Answered.tsx'
import { Sign } from '../Chip.tsx'
import { Panel } from '../Page.tsx'
import { type Context, contextOf, contextOfRows, type ContextRow, rowsOfContext, sayContext, unitName } from './context.ts'
import { settingIn } from './exposure.ts'
import { JsonEditor } from './rules/JsonEditor.tsx'
import { KnownAttributes, knownAttributes } from './rules/KnownAttributes.tsx'
import { readJson, sayJson } from './rules/jsonText.ts'
import { rulesOf } from './rules/rules.ts'
import { sayConditions, sayServed } from './rules/say.ts'
import { asText } from './rules/values.ts'
import './who.css'

/** Typing pauses this long before the address and the question follow. */
const pauseMs = 250
const noRows: readonly ContextRow[] = [{ name: '', text: '' }]

const isObject = (value: JsonWire | undefined): value is Context => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Somebody's attributes, as rows or as JSON. The address follows what is typed. */
function ContextForm({ text, onChange }: { text: string | undefined; onChange: (text: string | undefined) => void }) {
  const begin = contextOf(text)
  const [unit, setUnit] = useState(asText(begin[unitName]))
  const [rows, setRows] = useState<readonly ContextRow[]>(() => [...rowsOfContext(begin), ...noRows])
  const [json, setJson] = useState<string>()
  const told = useRef(text)
  useEffect(() => {
    // The address changed by something else than this form: a link, the back button.
    if (text === told.current) return
    told.current = text
    const context = contextOf(text)
    setUnit(asText(context[unitName]))
    setRows([...rowsOfContext(context), ...noRows])
    setJson((was) => (was === undefined ? undefined : sayJson(context)))
  }, [text])

  const read = json === undefined ? undefined : readJson(json)
  const context = read === undefined ? contextOfRows(unit, rows) : isObject(read.value) ? read.value : undefined
  const wanted = context === undefined ? told.current : sayContext(context)
  const tell = useRef(onChange)
  tell.current = onChange
  useEffect(() => {
    if (wanted === told.current) return
    const timer = setTimeout(() => {
      told.current = wanted
      tell.current(wanted)
    }, pauseMs)
    return () => clearTimeout(timer)
  }, [wanted])

  const set = (nth: number, change: Partial<ContextRow>) => {
    const next = rows.map((it, index) => (index === nth ? { ...it, ...change } : it))
    // There is always one more to fill in.
    setRows(next.at(-1)?.name === '' ? next : [...next, ...noRows])
  }
  const toJson = () => {
    if (json === undefined) return setJson(sayJson(contextOfRows(unit, rows)))
    if (context !== undefined) {
      setUnit(asText(context[unitName]))
      setRows([...rowsOfContext(context), ...noRows])
    }
    setJson(undefined)
  }
  return (
    <Panel
      title="Who"
      aside={
        <button type="button" className="btn small" aria-pressed={json !== undefined} onClick={toJson}>
          JSON
        </button>
      }
    >
      {json === undefined ? (
        <div className="context">
          <KnownAttributes />
          <label htmlFor="context-unit" className="mono">
            {unitName}
          </label>
          <input
            id="context-unit"
            className="field mono"
            value={unit}
            placeholder="user-1"
            data-filter=""
            onChange={(event) => setUnit(event.target.value)}
          />
          {rows.map((row, nth) => (
            // A row is known by its place: its name is what is being typed.
            <div key={nth} className="context-row">
              <input
                className="field mono"
                aria-label={`Attribute ${nth + 1}`}
                value={row.name}
                list={knownAttributes}
                placeholder="attribute"
                onChange={(event) => set(nth, { name: event.target.value.trim() })}
              />
              <input
                className="field mono"
                aria-label={`Value of ${row.name || `attribute ${nth + 1}`}`}
                value={row.text}
                placeholder="value"
                onChange={(event) => set(nth, { text: event.target.value })}
              />
            </div>
          ))}
          <p className="soft">A value is a text, or JSON: 42, true, ["a", "b"]. The address of this page keeps it.</p>
        </div>
      ) : (
        <JsonEditor
          label="Context as JSON"
          text={json}
          wrong={
            read?.error !== undefined
              ? [{ place: read.error, says: read.error.says }]
              : context === undefined
                ? [{ place: { line: 1, column: 1, offset: 0 }, says: 'a context is an object' }]
                : []
          }
          onChange={setJson}
        />
      )}
    </Panel>
  )
}

const kindSays: Readonly<Record<ExplanationWire['steps'][number]['kind'], string>> = {
  state: 'state',
  kill: 'kill switch',
  prerequisite: 'prerequisite',
  rule: 'rule',
  ring: 'ring',
  share: 'share',
  default: 'default',
}

/** The steps that are rules, as the editor says them; what it cannot show stays as the server says it. */
function sayRules(targeting: JsonWire): readonly string[] {
  const it = rulesOf(targeting)
  if (it.kind === 'json') return []
  return [
    ...it.rules.map((rule) => `${rule.conditions.length === 0 ? '' : 'if '}${sayConditions(rule)}: ${sayServed(rule.serve)}`),
    ...(it.otherwise === null ? [] : [`else ${sayServed(it.otherwise)}`]),
  ]
}

/** decided, passed by, not asked. */
const stepSigns = { decided: <Sign tone="top" />, missed: '↓', unasked: '' } as const

function Explanation({ it, targeting }: { it: ExplanationWire; targeting: JsonWire }) {
  const { evaluation } = it
  const rules = sayRules(targeting)
  const firstRule = it.steps.findIndex(({ kind }) => kind === 'rule')
  const failed = evaluation.errorCode !== undefined
  return (
    <>
      <p className={`because ${failed ? 'is-fall' : 'is-climb'} verdict`} role="status">
        {it.because}
      </p>
      <ol className="steps" aria-label="Steps in the order in which they count">
        {it.steps.map((step, nth) => {
          const word = outcomeWords[step.outcome]
          return (
            // Steps have no names; their order is what they are.
            <li key={nth} className={`step-${step.outcome}`}>
              <span className={`step-sign ink-${word.tone}`} aria-hidden="true">
                {stepSigns[step.outcome]}
              </span>
              <span className="soft step-kind">{kindSays[step.kind]}</span>
              <span className="step-says">{step.kind === 'rule' ? (rules[nth - firstRule] ?? step.says) : step.says}</span>
              <span className="step-why">
                {step.outcome === 'unasked' ? '' : step.because}
                <span className="hidden">, {word.says}</span>
              </span>
            </li>
          )
        })}
      </ol>
      <dl className="facts">
        <dt>Gets</dt>
        <dd>
          {evaluation.variant === undefined ? (
            "the code's own default"
          ) : (
            <>
              <code className="strong">{evaluation.variant}</code> <code className="soft">{JSON.stringify(evaluation.value)}</code>
            </>
          )}{' '}
          <span className="soft">
            {evaluation.reason}
            {failed && `, ${evaluation.errorCode}: ${evaluation.errorMessage ?? ''}`}
          </span>
        </dd>
        <dt>In rings</dt>
        <dd>
          {it.rings.map((ring) => (
            <span key={ring.ring} className={`chip ${ring.member ? 'is-top' : ''}`} style={{ marginRight: 5 }}>
              <Sign tone={ring.member ? 'top' : 'none'} />
              {ring.member ? '' : 'not '}
              {ring.ring}
            </span>
          ))}
        </dd>
        <dt>In segments</dt>
        <dd>{it.segments.length === 0 ? <span className="soft">none</span> : it.segments.join(', ')}</dd>
      </dl>
    </>
  )
}

/** What one unit gets in one environment, and the outcome of every step that led there. */
export function Who({
  flag,
  environment,
  context,
  onContext,
}: {
  flag: FlagWire
  environment: string
  context: string | undefined
  onContext: (context: string | undefined) => void
}) {
  const explanation = useQuery({
    ...ask(routes.flags.explain, { params: { key: flag.key }, body: { environment, context: contextOf(context) } }),
    placeholderData: (before) => before,
  })
  return (
    <div className="who">
      <ContextForm text={context} onChange={onContext} />
      <Panel title={`What they get in ${environment}, and why`}>
        <Answered query={explanation} height={260}>
          {(it) => <Explanation it={it} targeting={settingIn(flag, environment).setting.targeting} />}
        </Answered>
      </Panel>
    </div>
  )
}
