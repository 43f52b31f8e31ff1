import { canonicalJson } from '@belay/base'
import { flagKinds, type FlagChangeInput, type FlagPageWire, type FlagWire, routes } from '@belay/protocol'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ask } from '../../api.ts'
import { ActionButton, useWhyNot } from '../Allowed.tsx'
import { Panel } from '../Page.tsx'
import { Time } from '../Time.tsx'
import { ChangeDialog } from './ChangeDialog.tsx'
import { kindSays } from './NewFlagDialog.tsx'
import { rowsOf, VariantFields, type VariantRow, variantsOf } from './VariantFields.tsx'
import './form.css'

type Fields = {
  readonly description: string
  readonly kind: FlagWire['kind']
  readonly owner: string
  readonly expires: string
  readonly tags: string
  readonly needs: readonly FlagWire['prerequisites'][number][]
  readonly variants: readonly VariantRow[]
  readonly metadata: readonly VariantRow[]
}
type Edit = Extract<FlagChangeInput, { do: 'edit' }>['set']

const dayOf = (at: number | null): string => (at === null ? '' : new Date(at).toISOString().slice(0, 10))
const fieldsOf = (flag: FlagWire): Fields => ({
  description: flag.description,
  kind: flag.kind,
  owner: flag.owner ?? '',
  expires: dayOf(flag.expiresAt),
  tags: flag.tags.join(', '),
  needs: flag.prerequisites,
  variants: rowsOf(flag.variants),
  metadata: rowsOf(flag.metadata),
})

/** What the fields would change, member by member, so that two who edit different ones do not collide. */
function editOf(flag: FlagWire, it: Fields): { set: Edit; error: string | undefined } {
  const variants = variantsOf(it.variants)
  const metadata = it.metadata.length === 0 ? { variants: {}, error: undefined } : metadataOf(it.metadata)
  const wanted: Edit = {
    description: it.description,
    kind: it.kind,
    owner: it.owner.trim() === '' ? null : it.owner.trim(),
    expiresAt: it.expires === dayOf(flag.expiresAt) ? flag.expiresAt : it.expires === '' ? null : Date.parse(it.expires),
    tags: it.tags
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
    prerequisites: [...it.needs],
    ...(variants.variants ? { variants: variants.variants } : {}),
    ...(metadata.variants ? { metadata: metadata.variants as Edit['metadata'] } : {}),
  }
  const differs = Object.entries(wanted).filter(([member, value]) => canonicalJson(value) !== canonicalJson(flag[member as keyof FlagWire]))
  const need = it.needs.find((one) => one.flag === '' || one.variant === '')
  return {
    set: Object.fromEntries(differs) as Edit,
    error: variants.error ?? metadata.error ?? (need && 'A prerequisite names a flag and its variant.'),
  }
}

function metadataOf(rows: readonly VariantRow[]) {
  const read = rows.map((row) => variantsOf([row]))
  const error = read.find((it) => it.error !== undefined)?.error
  const values: Record<string, unknown> = Object.assign({}, ...read.map((it) => it.variants ?? {}))
  const odd = Object.entries(values).find(([, value]) => !['string', 'number', 'boolean'].includes(typeof value))
  if (error !== undefined) return { variants: undefined, error: 'Each member of the metadata has a name.' }
  return odd
    ? { variants: undefined, error: `Metadata are texts, numbers, true or false; ${odd[0]} is none.` }
    : { variants: values, error: undefined }
}

/** What the flag is, apart from who gets it. */
export function About({ page }: { page: FlagPageWire }) {
  const { flag, neededBy } = page
  const [it, setIt] = useState<{ readonly from: number; readonly fields: Fields }>()
  const [asked, setAsked] = useState<'edit' | 'archive'>()
  const mayNot = useWhyNot('flag.change')
  const fields = it?.fields ?? fieldsOf(flag)
  const { set, error } = editOf(flag, fields)
  const changed = Object.keys(set).length > 0 || error !== undefined
  const put = (change: Partial<Fields>) => setIt({ from: it?.from ?? flag.version, fields: { ...fields, ...change } })
  const archived = flag.archivedAt !== null
  return (
    <>
      <Panel
        title="About"
        aside={
          <>
            {changed && (
              <button type="button" className="btn small" onClick={() => setIt(undefined)}>
                Drop
              </button>
            )}
            <ActionButton
              needs="flag.change"
              look={`small ${changed ? 'main' : ''}`}
              because={archived ? 'The flag is archived.' : (error ?? (changed ? undefined : 'Nothing to save.'))}
              onClick={() => setAsked('edit')}
            >
              Save…
            </ActionButton>
          </>
        }
      >
        <fieldset className="form about" disabled={mayNot !== undefined || archived}>
          <label>
            What it does
            <textarea
              className="field"
              rows={2}
              maxLength={2_000}
              value={fields.description}
              onChange={(event) => put({ description: event.target.value })}
            />
          </label>
          <div className="form-two">
            <label>
              Kind
              <select className="field" value={fields.kind} onChange={(event) => put({ kind: event.target.value as FlagWire['kind'] })}>
                {flagKinds.map((kind) => (
                  <option key={kind} value={kind}>
                    {kindSays[kind]}
                  </option>
                ))}
              </select>
            </label>
            <label>
              Owner
              <input className="field" maxLength={100} value={fields.owner} onChange={(event) => put({ owner: event.target.value })} />
            </label>
            <label>
              Should be gone by
              <input className="field" type="date" value={fields.expires} onChange={(event) => put({ expires: event.target.value })} />
            </label>
            <label>
              Tags
              <input
                className="field"
                value={fields.tags}
                onChange={(event) => put({ tags: event.target.value })}
                placeholder="parted by commas"
              />
            </label>
          </div>
          <VariantFields rows={fields.variants} onChange={(variants) => put({ variants })} />
          <Prerequisites own={flag.key} needs={fields.needs} onChange={(needs) => put({ needs })} />
          <VariantFields what="Metadata" one="member" rows={fields.metadata} onChange={(metadata) => put({ metadata })} />
        </fieldset>
      </Panel>
      <Panel title="What does not change">
        <dl className="facts">
          <dt>Salt</dt>
          <dd>
            <code>{flag.salt}</code> <span className="soft">hashed with the unit, by bucketing version {flag.bucketing}</span>
          </dd>
          <dt>Type</dt>
          <dd>{flag.type}</dd>
          <dt>Made</dt>
          <dd>
            <Time at={flag.createdAt} /> by {flag.createdBy}
          </dd>
          <dt>Last asked for</dt>
          <dd>{page.lastEvaluatedAt === null ? <span className="soft">never yet</span> : <Time at={page.lastEvaluatedAt} />}</dd>
          <dt>Needed by</dt>
          <dd>
            {neededBy.length === 0 ? (
              <span className="soft">no other flag</span>
            ) : (
              neededBy.map((key) => (
                <Link key={key} to="/flags/$key" params={{ key }} className="mono link" style={{ marginRight: 10 }}>
                  {key}
                </Link>
              ))
            )}
          </dd>
        </dl>
        <div className="row" style={{ marginTop: 14 }}>
          <ActionButton needs="flag.change" look={archived ? '' : 'danger'} onClick={() => setAsked('archive')}>
            {archived ? 'Take it back from the archive…' : 'Archive…'}
          </ActionButton>
          <span className="soft">
            {archived
              ? 'It is not served; the code gets its own default.'
              : 'An archived flag is no longer served; its history stays, and it can be taken back.'}
          </span>
        </div>
      </Panel>
      {asked === 'edit' && (
        <ChangeDialog
          title={`Change ${flag.key}`}
          flag={flag}
          from={it?.from ?? flag.version}
          change={{ do: 'edit', set }}
          does="Save"
          wide
          onClose={() => setAsked(undefined)}
          onDone={() => setIt(undefined)}
        />
      )}
      {asked === 'archive' && (
        <ChangeDialog
          title={archived ? `Take ${flag.key} back?` : `Archive ${flag.key}?`}
          flag={flag}
          change={{ do: archived ? 'unarchive' : 'archive' }}
          does={archived ? 'Take it back' : 'Archive'}
          danger={!archived}
          onClose={() => setAsked(undefined)}
        />
      )}
    </>
  )
}

/** Flags that have to give a certain variant before this one is asked at all. */
function Prerequisites({ own, needs, onChange }: { own: string; needs: Fields['needs']; onChange: (needs: Fields['needs']) => void }) {
  return (
    <div className="labelled" role="group" aria-label="Prerequisites">
      Asked only where
      {needs.map((need, nth) => (
        // A row is known by its place: all of it can be edited.
        <Prerequisite
          key={nth}
          own={own}
          need={need}
          nth={nth + 1}
          onChange={(changed) => onChange(needs.map((one, index) => (index === nth ? changed : one)))}
          onRemove={() => onChange(needs.filter((_, index) => index !== nth))}
        />
      ))}
      <div>
        <button type="button" className="btn small" onClick={() => onChange([...needs, { flag: '', variant: 'on' }])}>
          Add a prerequisite
        </button>
      </div>
    </div>
  )
}

/** As many as a list under a field can show. */
const offeredMax = 20

function Prerequisite({
  own,
  need,
  nth,
  onChange,
  onRemove,
}: {
  own: string
  need: Fields['needs'][number]
  nth: number
  onChange: (need: Fields['needs'][number]) => void
  onRemove: () => void
}) {
  const { data } = useQuery({
    ...ask(routes.flags.list, { query: { text: need.flag === '' ? undefined : need.flag, limit: offeredMax } }),
    placeholderData: (before) => before,
  })
  const offered = data?.flags.filter(({ key }) => key !== own) ?? []
  const variants = offered.find(({ key }) => key === need.flag)?.variants ?? []
  return (
    <div className="variant-row">
      <input
        className="field mono"
        aria-label={`Flag of prerequisite ${nth}`}
        value={need.flag}
        list={`prerequisite-${nth}`}
        placeholder="flag"
        onChange={(event) => onChange({ ...need, flag: event.target.value.trim() })}
      />
      <datalist id={`prerequisite-${nth}`}>
        {offered.map(({ key }) => (
          <option key={key} value={key} />
        ))}
      </datalist>
      <select
        className="field mono"
        aria-label={`Variant of prerequisite ${nth}`}
        value={need.variant}
        onChange={(event) => onChange({ ...need, variant: event.target.value })}
      >
        {[...new Set([need.variant, ...variants])].map((variant) => (
          <option key={variant} value={variant}>
            is {variant}
          </option>
        ))}
      </select>
      <button type="button" className="btn small plain" aria-label={`Remove prerequisite ${nth}`} onClick={onRemove}>
        ✕
      </button>
    </div>
  )
}
