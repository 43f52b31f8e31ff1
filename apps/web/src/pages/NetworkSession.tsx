import { sayCount } from '@belay/base'
import type { SessionRecord } from '@belay/tcp'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useCallback } from 'react'
import { Answered } from '../parts/Answered.tsx'
import { Notes } from '../parts/calls/Notices.tsx'
import { Empty } from '../parts/Empty.tsx'
import { isLocal, splitId, traceFile, useLocalCaptures } from '../parts/network/local/captures.ts'
import type { SessionSearch } from '../parts/network/search.ts'
import { SessionView } from '../parts/network/session/SessionView.tsx'
import { askSegments, askSession } from '../parts/network/useNetwork.ts'
import { PageHead } from '../parts/Page.tsx'
import { Time } from '../parts/Time.tsx'

const page = getRouteApi('/network/sessions/$id')

export function NetworkSessionPage() {
  const { id } = page.useParams()
  return isLocal(id) ? <Local key={id} id={id} /> : <Kept key={id} id={id} />
}

function useChange() {
  const navigate = useNavigate({ from: '/network/sessions/$id' })
  return useCallback(
    (change: SessionSearch) => void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false }),
    [navigate],
  )
}

function Kept({ id }: { id: string }) {
  const search = page.useSearch()
  const onSearch = useChange()
  const session = useQuery(askSession(id))
  const traced = session.data?.traced === true
  const segments = useQuery({ ...askSegments(id), enabled: traced })
  return (
    <>
      {session.data === undefined && <PageHead title="Session" sub={id} />}
      <Answered query={session} height={640}>
        {(it) => (
          <SessionView
            record={it.record as SessionRecord}
            from={
              <Link to="/network" search={{ capture: it.captureId }} className="link soft">
                {it.label === '' ? it.record.capture : it.label}
              </Link>
            }
            segments={traced ? { columns: segments.data, error: segments.error, retry: () => void segments.refetch() } : 'not kept'}
            search={search}
            onSearch={onSearch}
            calls={it.calls}
            aside={it.host === '' ? undefined : ` · captured on ${it.host}`}
            notes={
              <>
                <Notes notes={it.notes} />
                {it.others.length > 0 && (
                  <p className="store-notice">
                    {`${sayCount(it.others.length, 'other capture')} saw this connection: `}
                    {it.others.map((one, at) => (
                      <span key={one.id}>
                        {at > 0 && ', '}
                        <Link to="/network/sessions/$id" params={{ id: one.id }} className="link">
                          {one.host === '' ? one.captureName : `${one.captureName} on ${one.host}`}
                        </Link>{' '}
                        (<Time at={one.startedMs} />)
                      </span>
                    ))}
                  </p>
                )}
              </>
            }
          />
        )}
      </Answered>
    </>
  )
}

function Local({ id }: { id: string }) {
  const search = page.useSearch()
  const onSearch = useChange()
  const { capture, number } = splitId(id)
  const its = useLocalCaptures().find((it) => it.id === capture)
  const record = its?.records.find((it) => it.number === number)
  const segments = useQuery({
    queryKey: ['network-local', id],
    queryFn: ({ signal }) => {
      if (its === undefined) throw new Error('The file is no longer open in this tab.')
      return traceFile(its, number, signal)
    },
    enabled: record !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    // A large session takes a hundred megabytes: not kept for who has left.
    gcTime: 30_000,
    retry: false,
    structuralSharing: false,
  })
  if (its === undefined || record === undefined)
    return (
      <>
        <PageHead
          title={its?.state === 'reading' ? 'This session is not read yet' : 'This session is gone'}
          sub={
            its === undefined
              ? 'It was analysed in a tab of this browser and nowhere else; closing or reloading the tab forgot it.'
              : its.name
          }
        />
        <div className="panel">
          <Empty title="Open the capture again" command="belay tcp send FILE">
            <Link to="/network" className="link">
              On the page Network
            </Link>{' '}
            you can open it in this browser; or send it to the server, so that it stays and others can see it:
          </Empty>
        </div>
      </>
    )
  return (
    <SessionView
      record={record}
      from={
        <Link to="/network" search={{ capture }} className="link soft">
          {its.name}
        </Link>
      }
      segments={{ columns: segments.data, error: segments.error, retry: () => void segments.refetch() }}
      search={search}
      onSearch={onSearch}
      calls={[]}
      aside=" · analysed in this tab only"
    />
  )
}
