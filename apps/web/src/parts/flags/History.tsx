import { type FlagVersionWire, type FlagWire, routes } from '@belay/protocol'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client } from '../../api.ts'
import { ActionButton } from '../Allowed.tsx'
import { Answered } from '../Answered.tsx'
import { Panel } from '../Page.tsx'
import { Time } from '../Time.tsx'
import { ChangeDialog } from './ChangeDialog.tsx'
import { DiffLines } from './DiffLines.tsx'
import './history.css'

const pageVersions = 30

function Version({ it, newest, onRevert }: { it: FlagVersionWire; newest: boolean; onRevert: () => void }) {
  return (
    <li>
      <div className="version-head">
        <span className="version-number">{it.version}</span>
        <span className="version-says">
          <strong>{it.actor}</strong> {it.says}
          {it.reason !== null && <span className="soft">, “{it.reason}”</span>}
        </span>
        <span className="soft">
          <Time at={it.at} />
        </span>
        {newest ? (
          <span className="tag">as it is</span>
        ) : (
          <ActionButton needs="flag.change" look="small" onClick={onRevert}>
            Revert to this
          </ActionButton>
        )}
      </div>
      {it.diff.length > 0 && (
        <details open={it.diff.length <= 6}>
          <summary className="soft">{it.diff.length === 1 ? 'one difference' : `${it.diff.length} differences`}</summary>
          <DiffLines diff={it.diff} />
        </details>
      )}
    </li>
  )
}

/** Every version, newest first: who, when, why, what; and the way back to any of them. */
export function History({ flag }: { flag: FlagWire }) {
  const [to, setTo] = useState<number>()
  const list = useInfiniteQuery({
    queryKey: ['flags', 'history', flag.key],
    initialPageParam: undefined as number | undefined,
    queryFn: ({ pageParam, signal }) =>
      client.call(routes.flags.history, { params: { key: flag.key }, query: { before: pageParam, limit: pageVersions } }, signal),
    getNextPageParam: (last) => (last.more ? last.versions.at(-1)?.version : undefined),
  })
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = list
  return (
    <Panel title={`${flag.version} ${flag.version === 1 ? 'version' : 'versions'}, newest first`}>
      <Answered query={list}>
        {({ pages }) => (
          <ol className="versions">
            {pages
              .flatMap((it) => it.versions)
              .map((it) => (
                <Version key={it.version} it={it} newest={it.version === flag.version} onRevert={() => setTo(it.version)} />
              ))}
          </ol>
        )}
      </Answered>
      {hasNextPage && (
        <button type="button" className="btn" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Older
        </button>
      )}
      {to !== undefined && (
        <ChangeDialog
          title={`Revert ${flag.key} to version ${to}?`}
          flag={flag}
          change={{ do: 'revert', to }}
          does={`Revert to ${to}`}
          wide
          onClose={() => setTo(undefined)}
        />
      )}
    </Panel>
  )
}
