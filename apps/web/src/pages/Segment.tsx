import { sayCount } from '@belay/base'
import { routes, type SegmentWire } from '@belay/protocol'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { ask, client } from '../api.ts'
import { ActionButton, useWhyNot } from '../parts/Allowed.tsx'
import { Answered, Failure } from '../parts/Answered.tsx'
import { Confirm } from '../parts/Confirm.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { readKeys } from '../parts/flags/keys.ts'
import { RuleField, ruleProblem } from '../parts/flags/RuleField.tsx'
import { putDraft, readRule, sameRule, textOf, useDraft } from '../parts/flags/rules/draft.ts'
import { conditionsOf } from '../parts/flags/rules/rules.ts'
import { sayConditions } from '../parts/flags/rules/say.ts'
import { UsedBy } from '../parts/flags/UsedBy.tsx'
import { PageHead, Panel } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import '../parts/flags/segment.css'

const page = getRouteApi('/segments/$key')
type Change = Parameters<typeof client.call<typeof routes.segments.change>>[1]['body']

function useAskAgain() {
  const queries = useQueryClient()
  return () => void queries.invalidateQueries({ queryKey: ['segments'] })
}

/** Changes the segment as it was on the screen; what others did since is refused by the server in its own words. */
function useChange(segment: SegmentWire, onDone: () => void) {
  const askAgain = useAskAgain()
  return useMutation({
    mutationFn: (body: Change) => client.call(routes.segments.change, { params: { key: segment.key }, body }),
    onSuccess: onDone,
    onSettled: askAgain,
  })
}

export function SegmentPage() {
  const { key } = page.useParams()
  const { text } = page.useSearch()
  const navigate = useNavigate({ from: '/segments/$key' })
  const segment = useQuery({
    ...ask(routes.segments.show, { params: { key }, query: { text } }),
    placeholderData: (before) => (before?.segment.key === key ? before : undefined),
  })
  const [removing, setRemoving] = useState(false)
  return (
    <Answered query={segment} height={360}>
      {({ segment: it, keys, more }) => (
        <>
          <PageHead
            title={it.kind === 'list' ? `${it.key}: ${sayCount(it.size, 'key')}` : `${it.key}: ${sayConditions(conditionsOf(it.rule))}`}
            tab={it.key}
            over={
              <Link to="/segments" className="link soft">
                Segments
              </Link>
            }
            sub={
              <>
                {it.description !== '' && <>{it.description} · </>}version {it.version}, changed <Time at={it.changedAt} /> by{' '}
                {it.changedBy}
                <div className="row segment-use">
                  Used by <UsedBy names={it.usedBy} all />
                </div>
              </>
            }
          >
            <ActionButton
              needs="flag.change"
              look="danger"
              because={it.usedBy.length > 0 ? `${it.usedBy.join(', ')} use it.` : undefined}
              onClick={() => setRemoving(true)}
            >
              Remove
            </ActionButton>
          </PageHead>
          {it.kind === 'rule' ? (
            <RulePanel key={it.key} segment={it} />
          ) : (
            <ListPanel
              key={it.key}
              segment={it}
              keys={keys}
              more={more}
              text={text}
              onText={(value) => void navigate({ search: (before) => ({ ...before, text: value }), replace: true, resetScroll: false })}
            />
          )}
          {removing && (
            <Confirm
              title={`Remove ${it.key}?`}
              does="Remove"
              danger
              reason="none"
              act={async () => {
                await client.call(routes.segments.remove, { params: { key: it.key } })
                await navigate({ to: '/segments' })
              }}
              onClose={() => setRemoving(false)}
            >
              Nothing uses it. What was in it cannot be brought back.
            </Confirm>
          )}
        </>
      )}
    </Answered>
  )
}

function RulePanel({ segment }: { segment: SegmentWire }) {
  const id = `segment ${segment.key}`
  const draft = useDraft(id)
  const mayNot = useWhyNot('flag.change')
  const text = draft?.text ?? textOf(segment.rule)
  const read = readRule(text)
  const dirty = draft !== undefined && (read.error !== undefined || !sameRule(read.value, segment.rule))
  const behind = draft !== undefined && draft.from < segment.version && !sameRule(draft.was, segment.rule)
  const saving = useChange(segment, () => putDraft(id, undefined))
  const because = dirty ? (ruleProblem(text) ?? (behind ? 'It was changed meanwhile; look at that first.' : undefined)) : 'Nothing to save.'
  return (
    <Panel
      title="Rule"
      aside={
        <>
          {dirty && <span className="chip is-held">not saved</span>}
          {draft !== undefined && (
            <button type="button" className="btn small" onClick={() => putDraft(id, undefined)}>
              Drop
            </button>
          )}
          <ActionButton
            needs="flag.change"
            look={`small ${dirty ? 'main' : ''}`}
            because={because}
            onClick={() => read.error === undefined && saving.mutate({ version: segment.version, rule: read.value })}
          >
            Save
          </ActionButton>
        </>
      }
    >
      {behind && draft !== undefined && (
        <div className="because is-held" role="alert">
          {segment.changedBy} changed the rule meanwhile (version {segment.version}). It is now:
          <pre>{textOf(segment.rule)}</pre>
          <button type="button" className="btn small" onClick={() => putDraft(id, { ...draft, from: segment.version, was: segment.rule })}>
            I have seen it: mine instead
          </button>
        </div>
      )}
      {saving.error !== null && <Failure error={saving.error} />}
      <RuleField
        text={text}
        readOnly={mayNot !== undefined}
        onChange={(next) => putDraft(id, { text: next, from: draft?.from ?? segment.version, was: draft?.was ?? segment.rule })}
      />
    </Panel>
  )
}

function ListPanel({
  segment,
  keys,
  more,
  text,
  onText,
}: {
  segment: SegmentWire
  keys: readonly string[]
  more: boolean
  text: string | undefined
  onText: (text: string | undefined) => void
}) {
  const [typed, setTyped] = useState('')
  const [done, setDone] = useState<string>()
  const mayNot = useWhyNot('flag.change')
  const file = useRef<HTMLInputElement>(null)
  const askAgain = useAskAgain()
  const read = readKeys(typed)
  const changing = useChange(segment, () => setTyped(''))
  const uploading = useMutation({
    mutationFn: (it: File) =>
      client.call(routes.segments.upload, { params: { key: segment.key }, query: { version: segment.version }, upload: it }),
    onSuccess: (it) => setDone(`The list has ${sayCount(it.size, 'key')} now.`),
    onSettled: askAgain,
  })
  const change = (how: 'add' | 'remove', these: string[]) =>
    changing.mutate(
      { [how]: these },
      {
        onSuccess: (it) =>
          setDone(`${how === 'add' ? 'Added' : 'Removed'} ${sayCount(these.length, 'key')}; the list has ${sayCount(it.size, 'key')} now.`),
      },
    )
  const error = changing.error ?? uploading.error
  const because = mayNot ?? read.error ?? (read.keys.length === 0 ? 'Type or paste keys first.' : undefined)
  return (
    <div className="beside segment-list">
      <Panel
        title={`Keys, by ${segment.by}`}
        aside={
          <>
            <a
              className="btn small"
              href={routes.segments.download.path.replace(':key', encodeURIComponent(segment.key))}
              download={`${segment.key.replaceAll('/', '-')}.txt`}
            >
              Download
            </a>
          </>
        }
      >
        <div className="filters">
          <FilterField label="Find keys" placeholder="Part of a key" value={text} onChange={onText} />
        </div>
        {keys.length === 0 ? (
          <Empty title={text === undefined ? 'Nobody is in it yet' : `No key contains “${text}”`} />
        ) : (
          <ul className="keys">
            {keys.map((key) => (
              <li key={key}>
                <span className="mono clip">{key}</span>
                <button
                  type="button"
                  className="btn small plain"
                  aria-label={`Remove ${key}`}
                  disabled={mayNot !== undefined || changing.isPending}
                  onClick={() => change('remove', [key])}
                >
                  ✕
                </button>
              </li>
            ))}
          </ul>
        )}
        {more && <p className="soft">Some of {segment.size.toLocaleString('en')}; type part of a key to find it.</p>}
      </Panel>
      <Panel title="Change the list">
        <form className="form" onSubmit={(event) => event.preventDefault()}>
          <label>
            Keys, one a line
            <textarea className="field area" rows={6} value={typed} onChange={(event) => setTyped(event.target.value)} />
            <small>{read.keys.length > 0 ? sayCount(read.keys.length, 'key') : 'Or parted by commas'}</small>
          </label>
          <div className="row">
            <ActionButton needs="flag.change" look="main" because={because} onClick={() => change('add', read.keys)}>
              Add
            </ActionButton>
            <ActionButton needs="flag.change" because={because} onClick={() => change('remove', read.keys)}>
              Remove
            </ActionButton>
            <ActionButton
              needs="flag.change"
              tip="One key a line, up to 1,000,000; replaces the whole list"
              onClick={() => file.current?.click()}
            >
              {uploading.isPending ? 'Uploading…' : 'Replace by a file…'}
            </ActionButton>
            <input
              ref={file}
              type="file"
              hidden
              aria-label="File with one key a line"
              onChange={(event) => {
                const [chosen] = event.target.files ?? []
                if (chosen) uploading.mutate(chosen)
                event.target.value = ''
              }}
            />
          </div>
          <p role="status" className="soft">
            {done}
          </p>
          {error !== null && <Failure error={error} />}
        </form>
      </Panel>
    </div>
  )
}
