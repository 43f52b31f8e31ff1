import { sayCount } from '@belay/base'
import { type NetworkFacetsWire, type NetworkRank, type SessionRowWire } from '@belay/protocol'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useCallback, useMemo } from 'react'
import { Trouble, Waiting } from '../parts/calls/Notices.tsx'
import { Popup } from '../parts/calls/Popup.tsx'
import { Command } from '../parts/Command.tsx'
import { Empty } from '../parts/Empty.tsx'
import { FilterField } from '../parts/FilterField.tsx'
import { DropZone, LocalFiles } from '../parts/network/Drop.tsx'
import { isLocal, type LocalCapture, openFiles, useLocalCaptures } from '../parts/network/local/captures.ts'
import { findRows, gradesOf, rowOf } from '../parts/network/rows.ts'
import { limitNames, type NetworkSearch } from '../parts/network/search.ts'
import { SessionTable } from '../parts/network/SessionTable.tsx'
import { TimePick } from '../parts/network/TimePick.tsx'
import { useFacets, useRangeNow, useSessions } from '../parts/network/useNetwork.ts'
import { limitWords } from '../parts/network/words.ts'
import { PageHead } from '../parts/Page.tsx'
import { Pick } from '../parts/Pick.tsx'
import '../parts/calls/calls.css'
import '../parts/network/network.css'

const page = getRouteApi('/network')
const grades = ['good', 'fair', 'poor'] as const
const nothing: Partial<NetworkSearch> = {
  range: undefined,
  from: undefined,
  to: undefined,
  host: undefined,
  port: undefined,
  limited: undefined,
  grade: undefined,
  text: undefined,
}

export function NetworkPage() {
  const search = page.useSearch()
  const navigate = useNavigate({ from: '/network' })
  const nowAt = useRangeNow()
  const facets = useFacets(search.environment).data
  const locals = useLocalCaptures()
  const chosen = useMemo(() => new Set((search.capture ?? '').split(',').filter((it) => it !== '')), [search.capture])
  const here = [...chosen].some(isLocal)
  const set = useCallback(
    (change: Partial<NetworkSearch>) =>
      void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  )
  const list = useSessions(search, !here)
  const { hasNextPage, isFetching, fetchNextPage } = list
  const onMore = useCallback(() => {
    if (hasNextPage && !isFetching) void fetchNextPage()
  }, [hasNextPage, isFetching, fetchNextPage])

  const localRows = useMemo(
    () => (here ? locals.filter((it) => chosen.has(it.id)).flatMap((it) => it.records.map((record) => rowOf(it, record))) : none),
    [here, locals, chosen],
  )
  const found = useMemo(() => (here ? findRows(localRows, search, nowAt) : none), [here, localRows, search, nowAt])
  const kept = useMemo(() => list.data?.pages.flatMap((it) => it.sessions) ?? none, [list.data])
  const rows = here ? found : kept
  const head = list.data?.pages[0]
  const total = here ? found.length : (head?.total ?? 0)
  const counts = here ? gradesOf(found) : head?.grades
  const gone = here && !locals.some((it) => chosen.has(it.id))
  const reading = locals.some((it) => chosen.has(it.id) && it.state === 'reading')
  const narrowed = Object.keys(nothing).some((it) => search[it as keyof NetworkSearch] !== undefined)
  const never = !here && !narrowed && chosen.size === 0 && facets !== undefined && facets.firstAt === null && total === 0
  const loaded = here || head !== undefined

  const onFiles = (files: readonly File[]) => set({ ...nothing, capture: openFiles(files).join(','), environment: undefined })
  const onChoose = (id: string, on: boolean) => {
    const next = [...chosen].filter((it) => isLocal(it) && it !== id)
    if (on) next.push(id)
    set({ capture: next.length === 0 ? undefined : next.join(',') })
  }
  const [first, second] = [...chosen]
  return (
    <>
      <PageHead
        title={titleOf(total, counts, loaded && !never && !gone, rows)}
        tab="Network"
        sub="How good each TCP session was, and why. Captures dropped on this page are analysed in this browser and sent nowhere."
      >
        <span className="push">
          <DropZone onFiles={onFiles} />
        </span>
        <Link to="/network/compare" search={{ a: first, b: second }} className="btn">
          Compare…
        </Link>
      </PageHead>
      <div className="calls-bar">
        <FilterField label="Find sessions" placeholder="Address, capture, reason" value={search.text} onChange={(text) => set({ text })} />
        <FilterField label="Host" placeholder="Host, or 10.0." value={search.host} onChange={(host) => set({ host })} main={false} />
        <PortField value={search.port} onChange={(port) => set({ port })} />
      </div>
      <div className="chips">
        {(facets?.environments.length ?? 0) > 1 && !here && (
          <Pick
            label="Environment"
            value={search.environment}
            options={facets?.environments ?? []}
            onChange={(environment) => set({ environment })}
          />
        )}
        <CapturePick facets={facets} locals={locals} chosen={chosen} onChange={(capture) => set({ capture })} />
        <Popup label="limited by" name="What limits it" value={search.limited === undefined ? undefined : limitWords[search.limited].short}>
          {(close) => (
            <Options
              options={limitNames.map((it) => ({ key: it, says: limitWords[it].short }))}
              chosen={search.limited}
              onChoose={(limited) => {
                set({ limited })
                close()
              }}
            />
          )}
        </Popup>
        <Popup label="score" name="Score" value={search.grade}>
          {(close) => (
            <Options
              options={grades.map((it) => ({ key: it, says: it }))}
              chosen={search.grade}
              onChoose={(grade) => {
                set({ grade })
                close()
              }}
            />
          )}
        </Popup>
        <TimePick times={search} onChange={set} />
        {narrowed && (
          <button type="button" className="btn small plain" onClick={() => set(nothing)}>
            Clear
          </button>
        )}
      </div>
      <LocalFiles captures={locals} chosen={chosen} onChoose={onChoose} />
      {!here && <Trouble error={facets?.store.state === 'down' ? null : list.error} retry={() => void list.refetch()} />}
      {!here && facets?.store.state === 'down' && <p className="store-notice is-held">The column store is away: {facets.store.because}</p>}
      {never ? (
        <Begin />
      ) : gone ? (
        <div className="panel">
          <Empty title="That capture was open in a tab that is gone">
            Files are analysed in the browser and kept nowhere. Open it again, or{' '}
            <button type="button" className="link-button" onClick={() => set({ capture: undefined })}>
              look at what the server has
            </button>
            .
          </Empty>
        </div>
      ) : !loaded ? (
        list.error === null && <Waiting height={480} />
      ) : rows.length === 0 ? (
        <div className="panel">
          <Empty title={reading ? 'No session has ended yet' : 'No session fits'}>
            {narrowed && (
              <button type="button" className="btn small" onClick={() => set(nothing)}>
                Show all
              </button>
            )}
          </Empty>
        </div>
      ) : (
        <div className={!here && list.isPlaceholderData ? 'is-old' : ''}>
          <SessionTable
            rows={rows}
            total={total}
            rank={search.rank ?? 'score'}
            onRank={(rank: NetworkRank) => set({ rank: rank === 'score' ? undefined : rank })}
            onMore={here ? undefined : onMore}
            busy={!here && list.isPlaceholderData}
          />
        </div>
      )}
      {head !== undefined && !here && head.notes.length > 0 && (
        <ul className="notes soft">
          {head.notes.map((it) => (
            <li key={it}>{it}</li>
          ))}
        </ul>
      )}
    </>
  )
}

const none: readonly SessionRowWire[] = []

function titleOf(
  total: number,
  counts: { good: number; fair: number; poor: number } | undefined,
  known: boolean,
  rows: readonly SessionRowWire[],
): string {
  if (!known || counts === undefined) return 'Network'
  if (total === 0) return 'No session'
  const { good, fair, poor } = counts
  const said = [
    poor > 0 ? `${poor.toLocaleString('en')} poor` : '',
    fair > 0 ? `${fair.toLocaleString('en')} fair` : '',
    good > 0 ? `${good.toLocaleString('en')} good` : '',
  ]
    .filter((it) => it !== '')
    .join(', ')
  const worst = rows[0]
  if (total === 1)
    return `1 session, ${worst?.grade}${worst === undefined || worst.limit === 'none' ? '' : `, limited by ${limitWords[worst.limit].short.toLowerCase()}`}`
  return poor + fair === 0 ? `${sayCount(total, 'session')}, all good` : `${sayCount(total, 'session')}: ${said}`
}

function PortField({ value, onChange }: { value: number | undefined; onChange: (port: number | undefined) => void }) {
  return (
    <FilterField
      label="Port"
      placeholder="Port"
      value={value === undefined ? undefined : String(value)}
      main={false}
      onChange={(typed) => {
        const port = typed === undefined || !/^\d{1,5}$/.test(typed) ? undefined : Number(typed)
        onChange(port !== undefined && port <= 65_535 ? port : undefined)
      }}
    />
  )
}

function Options<K extends string>({
  options,
  chosen,
  onChoose,
}: {
  options: readonly { readonly key: K; readonly says: string }[]
  chosen: K | undefined
  onChoose: (key: K | undefined) => void
}) {
  return (
    <div className="popup-list">
      <button type="button" className="popup-option" aria-pressed={chosen === undefined} onClick={() => onChoose(undefined)}>
        all
      </button>
      {options.map((it) => (
        <button key={it.key} type="button" className="popup-option" aria-pressed={chosen === it.key} onClick={() => onChoose(it.key)}>
          {it.says}
        </button>
      ))}
    </div>
  )
}

function CapturePick({
  facets,
  locals,
  chosen,
  onChange,
}: {
  facets: NetworkFacetsWire | undefined
  locals: readonly LocalCapture[]
  chosen: ReadonlySet<string>
  onChange: (capture: string | undefined) => void
}) {
  const known = facets?.captures ?? []
  if (known.length === 0 && locals.length === 0) return null
  const name = (id: string) => locals.find((it) => it.id === id)?.name ?? nameOf(known.find((it) => it.id === id)) ?? id
  const value = chosen.size === 0 ? undefined : chosen.size === 1 ? name([...chosen][0] ?? '') : `${chosen.size} of them`
  return (
    <Popup label="capture" name="Captures" value={value}>
      {(close) => {
        const choose = (id: string | undefined) => {
          onChange(id)
          close()
        }
        return (
          <div className="popup-list">
            <button type="button" className="popup-option" aria-pressed={chosen.size === 0} onClick={() => choose(undefined)}>
              all on the server
            </button>
            {locals.map((it) => (
              <button key={it.id} type="button" className="popup-option" aria-pressed={chosen.has(it.id)} onClick={() => choose(it.id)}>
                <span className="clip">{it.name}</span> <span className="soft nowrap">in this tab</span>
              </button>
            ))}
            {known.map((it) => (
              <button key={it.id} type="button" className="popup-option" aria-pressed={chosen.has(it.id)} onClick={() => choose(it.id)}>
                <span className="clip">{nameOf(it)}</span>
              </button>
            ))}
          </div>
        )
      }}
    </Popup>
  )
}
const nameOf = (it: NetworkFacetsWire['captures'][number] | undefined): string | undefined =>
  it === undefined ? undefined : it.label === '' ? it.name : `${it.label}: ${it.name}`

/** Nothing was ever captured: how to begin. */
function Begin() {
  return (
    <div className="panel">
      <Empty title="No TCP session was captured yet">A capture comes here in one of three ways.</Empty>
      <div className="ways">
        <section aria-label="A file, in this browser">
          <h3>A file, in this browser</h3>
          <p className="soft">
            Drop a capture on this page: pcap or pcapng, also in gzip or zstd. It is analysed in this browser, sent nowhere, and forgotten
            with the tab.
          </p>
        </section>
        <section aria-label="A file, for everybody">
          <h3>A file, for everybody</h3>
          <p className="soft">Analysed where it is; sessions and their segments are sent here, the payload never.</p>
          <Command>belay tcp send FILE</Command>
        </section>
        <section aria-label="What happens now">
          <h3>What happens now</h3>
          <p className="soft">On a host of your cloud, by tcpdump, or by the kernel’s own figures where capturing is not allowed.</p>
          <Command>belay tcp live --send</Command>
        </section>
      </div>
    </div>
  )
}
