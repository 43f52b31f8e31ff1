import { type FactWire, routes } from '@belay/protocol'
import { useMutation, useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'react'
import { ask, client } from '../api.ts'
import { Answered, Failure } from '../parts/Answered.tsx'
import { Chip, Sign } from '../parts/Chip.tsx'
import { CopyButton } from '../parts/Command.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { PageHead } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'
import { useLedger } from '../parts/useLedger.ts'
import { pathOfSubject } from '../paths.ts'
import '../parts/ledger.css'

const page = getRouteApi('/ledger')
const rowPx = 31
/** So many rows before the end the next page is asked for. */
const aheadRows = 40

export function LedgerPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/ledger' })
  const { kind, subject, actor, text, fact } = search
  const filter = useMemo(() => ({ kind, subject, actor, text }), [kind, subject, actor, text])
  const { list, facts, freshCount } = useLedger(filter)
  const now = useQuery(ask(routes.now, {}))
  const filtered = Object.values(filter).some((it) => it !== undefined)

  const box = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({ count: facts.length, getScrollElement: () => box.current, estimateSize: () => rowPx, overscan: 15 })
  useKeptPlace(box, freshCount)
  const rows = virtual.getVirtualItems()
  const last = rows.at(-1)?.index ?? 0
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list
  useEffect(() => {
    if (hasNextPage && !isFetchingNextPage && last >= facts.length - aheadRows) void fetchNextPage()
  }, [hasNextPage, isFetchingNextPage, fetchNextPage, last, facts.length])

  const set = (change: Partial<typeof search>) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  return (
    <div className="ledger-page">
      <PageHead
        title="Ledger"
        sub={
          <>
            Everything that happened, who did it, to what. Each fact carries the hash of the one before
            {now.data && `; ${now.data.facts.toLocaleString('en')} so far`}.
          </>
        }
      >
        <Verify />
      </PageHead>
      <div className="filters">
        <FilterField label="Text" placeholder="Text in the sentence" value={text} onChange={(value) => set({ text: value })} />
        <FilterField label="Kind" placeholder="Kind: deployment." value={kind} onChange={(value) => set({ kind: value })} main={false} />
        <FilterField
          label="Subject"
          placeholder="Subject: release:v2"
          value={subject}
          onChange={(value) => set({ subject: value })}
          main={false}
        />
        <FilterField label="Actor" placeholder="Who" value={actor} onChange={(value) => set({ actor: value })} main={false} />
        {filtered && (
          <button
            type="button"
            className="btn plain"
            onClick={() => set({ kind: undefined, subject: undefined, actor: undefined, text: undefined })}
          >
            Clear
          </button>
        )}
      </div>
      <div className={fact === undefined ? '' : 'ledger-beside'}>
        <div className="panel ledger-panel">
          {list.error && <Failure error={list.error} retry={() => void list.refetch()} />}
          {/* Focusable so that the keyboard can scroll it. */}
          <div className="ledger" ref={box} tabIndex={0} role="group" aria-label="Facts, newest first">
            <div style={{ height: virtual.getTotalSize() }}>
              {rows.map((row) => {
                const it = facts[row.index]
                return it === undefined ? null : <Row key={it.seq} fact={it} top={row.start} open={it.seq === fact} />
              })}
            </div>
            {list.data !== undefined && facts.length === 0 && (
              <Empty title={filtered ? 'No fact fits this filter' : 'Nothing has happened yet'}>
                {filtered
                  ? 'A kind is exact, or a beginning that ends with a dot: deployment.'
                  : 'The first release, the first deployment, every sign-in will be here.'}
              </Empty>
            )}
          </div>
        </div>
        {fact !== undefined && (
          <FactPanel seq={fact} known={facts.find((it) => it.seq === fact)} onClose={() => set({ fact: undefined })} />
        )}
      </div>
    </div>
  )
}

/** New facts are put in above; who has scrolled down keeps looking at the same ones. */
function useKeptPlace(box: React.RefObject<HTMLDivElement | null>, freshCount: number): void {
  const before = useRef(freshCount)
  useLayoutEffect(() => {
    const added = freshCount - before.current
    before.current = freshCount
    if (added > 0 && box.current && box.current.scrollTop > 0) box.current.scrollTop += added * rowPx
  }, [box, freshCount])
}

function Row({ fact, top, open }: { fact: FactWire; top: number; open: boolean }) {
  return (
    <Link
      to="/ledger"
      search={(before) => ({ ...before, fact: fact.seq })}
      replace
      resetScroll={false}
      className={`ledger-row ${open ? 'ledger-open' : ''}`}
      style={{ transform: `translateY(${top}px)`, height: rowPx }}
      data-row=""
    >
      <span className="num soft">{fact.seq.toLocaleString('en')}</span>
      <span className="soft">
        <Time at={fact.at} as="clock" />
      </span>
      <span className="mono soft clip">{fact.kind}</span>
      <span className="soft clip ledger-actor">{fact.actor}</span>
      <span className="clip">{fact.says}</span>
    </Link>
  )
}

function FactPanel({ seq, known, onClose }: { seq: number; known: FactWire | undefined; onClose: () => void }) {
  // Asked for by itself when a link leads to a fact that the list does not hold.
  const fetched = useQuery({
    ...ask(routes.ledger.list, { query: { after: Math.max(0, seq - 1), order: 'oldest', limit: 1 } }),
    enabled: known === undefined,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const found = known ?? fetched.data?.facts.find((it) => it.seq === seq)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && onClose()
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [onClose])
  return (
    <aside className="panel fact-panel" aria-label={`Fact ${seq}`}>
      <div className="panel-head">
        <h2>Fact {seq.toLocaleString('en')}</h2>
        <button type="button" className="btn small plain push" onClick={onClose}>
          Close
        </button>
      </div>
      {found ? (
        <Fact fact={found} />
      ) : (
        <Answered query={fetched}>{() => <Empty title={`There is no fact ${seq}`}>The ledger is shorter than that.</Empty>}</Answered>
      )}
    </aside>
  )
}

function Fact({ fact }: { fact: FactWire }) {
  const path = pathOfSubject(fact.subject)
  return (
    <>
      <p className="fact-says">{fact.says}</p>
      <dl className="facts">
        <dt>When</dt>
        <dd>
          <Time at={fact.at} as="clock" />, <Time at={fact.at} />
        </dd>
        <dt>Who</dt>
        <dd>
          <Link to="/ledger" search={{ actor: fact.actor }} className="link">
            {fact.actor}
          </Link>
        </dd>
        <dt>Kind</dt>
        <dd>
          <Link to="/ledger" search={{ kind: fact.kind }} className="mono link">
            {fact.kind}
          </Link>
        </dd>
        <dt>Subject</dt>
        <dd>
          <Link to="/ledger" search={{ subject: fact.subject }} className="mono link">
            {fact.subject}
          </Link>{' '}
          {path && (
            <Link to={path} className="link soft">
              open
            </Link>
          )}
        </dd>
        <dt>Hash</dt>
        <dd className="mono">{fact.hash}</dd>
        <dt>Previous</dt>
        <dd className="mono">
          {fact.seq > 1 ? (
            <Link to="/ledger" search={(before) => ({ ...before, fact: fact.seq - 1 })} className="link">
              {fact.previous}
            </Link>
          ) : (
            fact.previous
          )}
        </dd>
      </dl>
      <div className="panel-head" style={{ margin: '14px 0 6px' }}>
        <h2>Data</h2>
        <span className="push">
          <CopyButton text={JSON.stringify(fact, null, 2)} label="Copy as JSON" />
        </span>
      </div>
      <pre className="fact-data">{JSON.stringify(fact.data, null, 2)}</pre>
    </>
  )
}

function Verify() {
  const verifying = useMutation({ mutationFn: () => client.call(routes.ledger.verify, {}) })
  const verdict = verifying.data
  return (
    <>
      <button type="button" className="btn" disabled={verifying.isPending} onClick={() => verifying.mutate()}>
        {verifying.isPending ? 'Recomputing the chain…' : 'Verify'}
      </button>
      <span role="status">
        {verdict?.whole && (
          <Chip
            word={{ tone: 'top', says: `whole: all ${verdict.count.toLocaleString('en')} links hold` }}
            tip={`Hash of the last fact\n${verdict.head}`}
          />
        )}
        {verdict?.broken && (
          <Link to="/ledger" search={{ fact: verdict.broken.seq }} className="chip is-fall">
            <Sign tone="fall" />
            broken at fact {verdict.broken.seq.toLocaleString('en')}: {verdict.broken.because}
          </Link>
        )}
      </span>
      {verifying.error && <Failure error={verifying.error} />}
    </>
  )
}
