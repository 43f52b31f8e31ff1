import { everyEnvironment, type FlagWire, type JsonWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ask } from '../../../api.ts'
import { ActionButton, useWhyNot } from '../../Allowed.tsx'
import { Panel } from '../../Page.tsx'
import { ChangeDialog } from '../ChangeDialog.tsx'
import { settingIn } from '../exposure.ts'
import { Meanwhile } from '../Meanwhile.tsx'
import { putDraft, readRule, sameRule, textOf, useDraft } from './draft.ts'
import { JsonEditor } from './JsonEditor.tsx'
import { KnownAttributes } from './KnownAttributes.tsx'
import { problemsOf, sayPlace } from './problems.ts'
import { RuleForm } from './RuleForm.tsx'
import { rulesOf, targetingOf } from './rules.ts'
import './rules.css'

/** More segments than one would choose from a list; others can be named in the JSON. */
const segmentsMax = 500

/**
 * The rules of one environment, as a form and as JSON in step: both show one and the same text, and what the form
 * cannot show it leaves as it is. Nothing is saved before its difference was seen.
 */
export function RulesEditor({
  flag,
  environment,
  rings,
  json,
  onJson,
}: {
  flag: FlagWire
  environment: string
  rings: readonly string[]
  json: boolean
  onJson: (json: boolean) => void
}) {
  const { setting } = settingIn(flag, environment)
  const id = `flag ${flag.key} ${environment}`
  const draft = useDraft(id)
  const [saving, setSaving] = useState(false)
  const mayNot = useWhyNot('flag.change')
  const { data: listed } = useQuery(ask(routes.segments.list, { query: { limit: segmentsMax } }))
  const segments = listed?.segments.map((it) => it.key) ?? []

  const text = draft?.text ?? textOf(setting.targeting)
  const read = readRule(text)
  // Others may have changed something else: then there is nothing to look at, and the draft goes on from there.
  const from = draft === undefined || sameRule(draft.was, setting.targeting) ? flag.version : draft.from
  const behind = from < flag.version
  const dirty = draft !== undefined && (read.error !== undefined || !sameRule(read.value, setting.targeting))
  const variants = Object.keys(flag.variants)
  const found =
    read.error === undefined
      ? problemsOf(read.value, { variants, rings, segments: listed === undefined || listed.more ? undefined : segments })
      : []

  const setText = (next: string) => {
    const now = readRule(next)
    const back =
      now.error === undefined && sameRule(now.value, setting.targeting) && sameRule(draft?.was ?? setting.targeting, setting.targeting)
    putDraft(id, back && next === textOf(setting.targeting) ? undefined : { text: next, from, was: draft?.was ?? setting.targeting })
  }
  const setRule = (next: JsonWire) => setText(textOf(next))
  const drop = () => putDraft(id, undefined)
  const wrong =
    read.error === undefined
      ? found.map((it) => ({ place: read.placeOf(it.path), says: it.says }))
      : [{ place: read.error, says: read.error.says }]
  const because =
    read.error !== undefined
      ? `Line ${read.error.line}, column ${read.error.column}: ${read.error.says}.`
      : found[0] && `${sayPlace(found[0].path)}: ${found[0].says}.`

  return (
    <Panel
      title="Rules, asked before the rings"
      aside={
        <>
          {dirty && <span className="chip is-held">not saved</span>}
          <button type="button" className="btn small" aria-pressed={json} onClick={() => onJson(!json)}>
            JSON
          </button>
          {draft !== undefined && (
            <button type="button" className="btn small" onClick={drop}>
              Drop
            </button>
          )}
          <ActionButton
            needs="flag.change"
            look={`small ${dirty ? 'main' : ''}`}
            because={
              dirty ? (because ?? (behind ? 'The rules were changed meanwhile; look at that first.' : undefined)) : 'Nothing to save.'
            }
            onClick={() => setSaving(true)}
          >
            Save…
          </ActionButton>
        </>
      }
    >
      {behind && draft !== undefined && (
        <Meanwhile flag={flag.key} since={from}>
          <button
            type="button"
            className="btn small"
            onClick={() => putDraft(id, { ...draft, from: flag.version, was: setting.targeting })}
          >
            Keep mine, on top of it
          </button>
          <button type="button" className="btn small" onClick={drop}>
            Take what is there
          </button>
        </Meanwhile>
      )}
      <KnownAttributes />
      <div className={json ? 'rules-beside' : ''}>
        <fieldset className="rules-form" disabled={mayNot !== undefined} aria-label="Rules">
          {read.error === undefined ? (
            <>
              {read.value === null && <p className="soft">No rule: everybody is asked for by the rings alone.</p>}
              <RuleForm
                rules={rulesOf(read.value)}
                names={{ variants, rings, segments }}
                wrongOf={(nth) => found.filter((it) => sayPlace(it.path) === `Rule ${nth + 1}`).map((it) => it.says)}
                onChange={(rules) => setRule(targetingOf(rules))}
              />
            </>
          ) : (
            <p className="soft">The JSON cannot be read yet; the form follows as soon as it can.</p>
          )}
        </fieldset>
        {json && (
          <JsonEditor
            label="Rules as JSON"
            text={text}
            wrong={wrong}
            onChange={setText}
            readOnly={mayNot !== undefined}
            placeholder={'{ "if": [{ "==": [{ "var": "plan" }, "pro"] }, "on"] }'}
          />
        )}
      </div>
      {saving && read.error === undefined && (
        <ChangeDialog
          title={`Rules of ${flag.key} in ${environment === everyEnvironment ? 'every environment' : environment}`}
          flag={flag}
          from={from}
          change={{ do: 'configure', environment, setting: { targeting: read.value } }}
          does="Save"
          wide
          onClose={() => setSaving(false)}
          onDone={drop}
        />
      )}
    </Panel>
  )
}
