import { sayCount } from '@belay/base'
import { routes } from '@belay/protocol'
import { type Comparison, compareSessions } from '@belay/tcp'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { ask } from '../api.ts'
import { Answered } from '../parts/Answered.tsx'
import { Empty } from '../parts/Empty.tsx'
import { Notes } from '../parts/calls/Notices.tsx'
import { CostTable, Measures } from '../parts/network/compare/Measures.tsx'
import { DropZone, LocalFiles } from '../parts/network/Drop.tsx'
import { isLocal, type LocalCapture, openFiles, useLocalCaptures } from '../parts/network/local/captures.ts'
import type { CompareSearch } from '../parts/network/search.ts'
import { asTitle } from '../parts/network/words.ts'
import { useFacets } from '../parts/network/useNetwork.ts'
import { PageHead, Panel } from '../parts/Page.tsx'
import '../parts/calls/calls.css'
import '../parts/network/network.css'

const page = getRouteApi('/network/compare')

export function NetworkComparePage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/network/compare' })
  const facets = useFacets(undefined).data
  const locals = useLocalCaptures()
  const set = (change: CompareSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false })
  const onFiles = (files: readonly File[]) => {
    const [first, second] = openFiles(files)
    if (second !== undefined) set({ a: first, b: second })
    else if (search.a === undefined) set({ a: first })
    else set({ b: first })
  }
  const { a, b } = search
  const both = a !== undefined && b !== undefined
  const options = [
    ...locals.map((it) => ({ id: it.id, name: `${it.name} (in this tab)` })),
    ...(facets?.captures ?? []).map((it) => ({ id: it.id, name: it.label === '' ? it.name : `${it.label}: ${it.name}` })),
    ...(facets?.environments ?? []).map((it) => ({ id: `environment:${it}`, name: `all of ${it}` })),
  ]
  const name = (id: string) => options.find((it) => it.id === id)?.name ?? id
  const bar = (
    <>
      <div className="calls-bar compare-pick">
        {(['a', 'b'] as const).map((side) => (
          <label key={side} className="compare-side">
            <span className="strong">{side.toUpperCase()}</span>
            <select
              className="field"
              aria-label={`Capture ${side.toUpperCase()}`}
              data-filter={side === 'a' ? '' : undefined}
              value={search[side] ?? ''}
              onChange={(event) => set({ [side]: event.target.value === '' ? undefined : event.target.value })}
            >
              <option value="">choose…</option>
              {search[side] !== undefined && !options.some((it) => it.id === search[side]) && (
                <option value={search[side]}>{search[side]}</option>
              )}
              {options.map((it) => (
                <option key={it.id} value={it.id}>
                  {it.name}
                </option>
              ))}
            </select>
          </label>
        ))}
        <button type="button" className="btn small" disabled={a === undefined && b === undefined} onClick={() => set({ a: b, b: a })}>
          Swap
        </button>
        <DropZone onFiles={onFiles}>or drop two captures here. They are compared in this browser and sent nowhere.</DropZone>
      </div>
      <LocalFiles captures={locals.filter((it) => it.state !== 'done')} />
    </>
  )
  if (!both)
    return (
      <>
        <Head sub="Two captures beside each other: which solution serves better, by how much, and whether that is shown." />
        {bar}
        <div className="panel">
          <Empty title="Choose two captures" command="belay tcp compare A.pcap B.pcap">
            Sessions are paired by what they are for, and their distributions compared, not only their means. The same in a terminal:
          </Empty>
        </div>
      </>
    )
  if (isLocal(a) !== isLocal(b))
    return (
      <>
        <Head sub="" />
        {bar}
        <div className="panel">
          <Empty title="One is on the server, the other in this tab" command="belay tcp send FILE">
            Open the other file here too, or send this one to the server.
          </Empty>
        </div>
      </>
    )
  return isLocal(a) ? (
    <Local a={locals.find((it) => it.id === a)} b={locals.find((it) => it.id === b)} bar={bar} />
  ) : (
    <Kept a={a} b={b} bar={bar} name={name} />
  )
}

function Head({ comparison, sub }: { comparison?: Comparison; sub: string }) {
  return (
    <PageHead
      title={asTitle(comparison?.sentences[0] ?? 'Compare two captures')}
      tab="Compare networks"
      over={
        <>
          <Link to="/network" className="link soft">
            Network
          </Link>
          <span className="soft">/</span>
          <span className="soft">Compare</span>
        </>
      }
      sub={sub}
    />
  )
}

function Kept({ a, b, bar, name }: { a: string; b: string; bar: React.ReactNode; name: (id: string) => string }) {
  const compared = useQuery({ ...ask(routes.network.compare, { query: { a, b } }), staleTime: 60_000 })
  return (
    <>
      {compared.data === undefined && (
        <>
          <Head sub={`${name(a)} and ${name(b)}`} />
          {bar}
        </>
      )}
      <Answered query={compared} height={480}>
        {(it) => (
          <>
            <Head
              comparison={it.comparison as Comparison}
              sub={`A: ${it.a.name}, ${sayCount(it.a.sessions, 'session')}${it.a.of > it.a.sessions ? ` of ${it.a.of}` : ''} · B: ${it.b.name}, ${sayCount(it.b.sessions, 'session')}${it.b.of > it.b.sessions ? ` of ${it.b.of}` : ''}`}
            />
            {bar}
            <Notes notes={it.notes} />
            <Shown comparison={it.comparison as Comparison} />
          </>
        )}
      </Answered>
    </>
  )
}

function Local({ a, b, bar }: { a: LocalCapture | undefined; b: LocalCapture | undefined; bar: React.ReactNode }) {
  const [left, right] = [a?.state === 'done' ? a.records : undefined, b?.state === 'done' ? b.records : undefined]
  const comparison = useMemo(
    () => (left === undefined || right === undefined ? undefined : compareSessions(left, right, { seed: 1 })),
    [left, right],
  )
  if (a === undefined || b === undefined)
    return (
      <>
        <Head sub="" />
        {bar}
        <div className="panel">
          <Empty title="That file is no longer here">
            Files that are analysed in a tab are gone when it is closed or loaded anew. Open them again.
          </Empty>
        </div>
      </>
    )
  if (comparison === undefined)
    return (
      <>
        <Head sub={`A: ${a.name} · B: ${b.name}`} />
        {bar}
        <div className="waiting" style={{ height: 480 }} role="status" aria-label="Reading" />
      </>
    )
  const side = (it: LocalCapture) =>
    `${it.name}, ${sayCount(it.records.length, 'session')}${it.left > 0 ? ` of ${it.records.length + it.left}` : ''}`
  return (
    <>
      <Head comparison={comparison} sub={`A: ${side(a)} · B: ${side(b)}`} />
      {bar}
      <Shown comparison={comparison} />
    </>
  )
}

function Shown({ comparison }: { comparison: Comparison }) {
  const { sentences, method, purposes, unmatched, costs } = comparison
  const left = unmatched.a + unmatched.b
  return (
    <>
      {sentences.length > 1 && (
        <ul className="compare-sentences">
          {sentences.slice(1).map((it) => (
            <li key={it}>{it}</li>
          ))}
        </ul>
      )}
      <Panel title="Measure by measure">
        <Measures comparison={comparison} />
      </Panel>
      <div className="session-top">
        <Panel title="What was compared with what">
          <p className="soft compare-method">{method}</p>
          {purposes.length > 0 && (
            <table className="list figures-table">
              <thead>
                <tr>
                  <th>Sessions to</th>
                  <th className="num">A</th>
                  <th className="num">B</th>
                </tr>
              </thead>
              <tbody>
                {purposes.map((it) => (
                  <tr key={`${it.port} ${it.size}`}>
                    <th scope="row">
                      port {it.port}, {it.size}
                    </th>
                    <td className="num">{it.a}</td>
                    <td className="num">{it.b}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {left > 0 && (
            <p className="soft compare-method">{`${sayCount(left, 'session')} had no like on the other side and ${left === 1 ? 'was' : 'were'} left out.`}</p>
          )}
        </Panel>
        <Panel title="What it costs">
          <CostTable costs={costs} />
        </Panel>
      </div>
    </>
  )
}
