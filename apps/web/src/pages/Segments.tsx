import { sayCount } from '@belay/base'
import { flagKeyPattern, type JsonWire, routes, type SegmentWire } from '@belay/protocol'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { client } from '../api.ts'
import { ActionButton, useWhyNot } from '../parts/Allowed.tsx'
import { Answered } from '../parts/Answered.tsx'
import { FormDialog } from '../parts/Dialog.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { keysMax, readKeys } from '../parts/flags/keys.ts'
import { RuleField, ruleProblem } from '../parts/flags/RuleField.tsx'
import { readRule } from '../parts/flags/rules/draft.ts'
import { UsedBy } from '../parts/flags/UsedBy.tsx'
import { PageHead } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import '../parts/flags/form.css'
import { KeyField } from '../parts/KeyField.tsx'

const page = getRouteApi('/segments')
const pageSegments = 200

export function SegmentsPage() {
  const { text, new: making } = page.useSearch()
  const navigate = useNavigate({ from: '/segments' })
  const list = useInfiniteQuery({
    queryKey: ['segments', 'pages', text],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      client.call(routes.segments.list, { query: { text, after: pageParam, limit: pageSegments } }, signal),
    getNextPageParam: (last) => (last.more ? last.segments.at(-1)?.key : undefined),
    placeholderData: (before) => before,
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list
  const total = list.data?.pages[0]?.total
  const set = (change: { text?: string | undefined; new?: 'yes' | undefined }) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
  return (
    <>
      <PageHead
        title="Segments"
        sub={total === undefined ? 'Named audiences.' : `${sayCount(total, 'segment')}: audiences with a name, for rules and rings.`}
      >
        <ActionButton needs="flag.change" look="main" onClick={() => set({ new: 'yes' })}>
          New segment
        </ActionButton>
      </PageHead>
      <div className="filters">
        <FilterField label="Find segments" placeholder="Key or words" value={text} onChange={(value) => set({ text: value })} />
      </div>
      <Answered query={list} height={260}>
        {({ pages }) => {
          const segments = pages.flatMap((it) => it.segments)
          return (
            <div className="panel">
              {segments.length === 0 ? (
                text === undefined ? (
                  <Empty title="No segment yet" command="belay segment create early-access">
                    A segment names an audience once: by a rule, or by a list of up to a million keys. Make one:
                  </Empty>
                ) : (
                  <Empty title={`No segment fits “${text}”`} />
                )
              ) : (
                <Table segments={segments} />
              )}
              {hasNextPage && (
                <button type="button" className="btn" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
                  More
                </button>
              )}
            </div>
          )
        }}
      </Answered>
      {making === 'yes' && <NewSegmentDialog onClose={() => set({ new: undefined })} />}
    </>
  )
}

function Table({ segments }: { segments: readonly SegmentWire[] }) {
  return (
    <div className="scroll-x">
      <table className="list">
        <thead>
          <tr>
            <th>Segment</th>
            <th>Who</th>
            <th className="num">Keys</th>
            <th>Used by</th>
            <th className="num">Changed</th>
            <th>By</th>
          </tr>
        </thead>
        <tbody>
          {segments.map((it) => (
            <tr key={it.key}>
              <td className="nowrap">
                <Link to="/segments/$key" params={{ key: it.key }} className="mono strong link" data-row="">
                  {it.key}
                </Link>
              </td>
              <td className="soft why">
                <span>{it.description !== '' ? it.description : it.kind === 'list' ? `a list, by ${it.by}` : 'whoever its rule fits'}</span>
              </td>
              <td className="num">{it.kind === 'list' ? it.size.toLocaleString('en') : <span className="soft">rule</span>}</td>
              <td>
                <UsedBy names={it.usedBy} />
              </td>
              <td className="num soft">
                <Time at={it.changedAt} />
              </td>
              <td className="soft nowrap">{it.changedBy}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function NewSegmentDialog({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const mayNot = useWhyNot('flag.change')
  const [key, setKey] = useState('')
  const [description, setDescription] = useState('')
  const [kind, setKind] = useState<SegmentWire['kind']>('rule')
  const [rule, setRule] = useState('')
  const [keys, setKeys] = useState('')
  const [by, setBy] = useState('targetingKey')
  const making = useMutation({
    mutationFn: (its: { rule?: JsonWire; keys?: string[]; by?: string }) =>
      client.call(routes.segments.create, { body: { key, description, ...its } }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['segments'] })
      return navigate({ to: '/segments/$key', params: { key } })
    },
  })
  const wrongKey = key !== '' && !flagKeyPattern.test(key)
  const read = readKeys(keys)
  const because =
    mayNot ??
    (key === ''
      ? 'It needs a key.'
      : wrongKey
        ? 'The key begins with a letter or digit, then letters, digits and . _ - : / up to 200 characters.'
        : kind === 'rule'
          ? ruleProblem(rule)
          : read.error)
  return (
    <FormDialog
      title="New segment"
      onClose={onClose}
      onSubmit={() => making.mutate(kind === 'rule' ? { rule: readRule(rule).value ?? null } : { keys: read.keys, by })}
      does="Create"
      busy={making.isPending}
      because={because}
      error={making.error}
    >
      <KeyField label="Key" value={key} lengthMax={200} placeholder="early-access" wrong={wrongKey} onChange={setKey} />
      <label>
        Who they are
        <input className="field" value={description} maxLength={2_000} onChange={(event) => setDescription(event.target.value)} />
      </label>
      <label>
        Made of
        <select className="field" value={kind} onChange={(event) => setKind(event.target.value as typeof kind)}>
          <option value="rule">a rule over attributes</option>
          <option value="list">a list of keys</option>
        </select>
      </label>
      {kind === 'rule' ? (
        <RuleField text={rule} onChange={setRule} />
      ) : (
        <>
          <label>
            Keys, one a line
            <textarea
              className="field area"
              rows={6}
              value={keys}
              onChange={(event) => setKeys(event.target.value)}
              placeholder={'user-1\nuser-2'}
            />
            <small>
              {read.keys.length > 0 && `${sayCount(read.keys.length, 'key')}. `}Up to {keysMax.toLocaleString('en')} here; a file of up to
              1,000,000 on the segment's own page.
            </small>
          </label>
          <label>
            Of which attribute
            <input className="field mono" value={by} maxLength={100} onChange={(event) => setBy(event.target.value)} required />
          </label>
        </>
      )}
    </FormDialog>
  )
}
