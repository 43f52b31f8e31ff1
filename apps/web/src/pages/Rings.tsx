import { type JsonWire, type RingWire, ringNamePattern, routes } from '@belay/protocol'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ask, client } from '../api.ts'
import { ActionButton, useWhyNot } from '../parts/Allowed.tsx'
import { Answered } from '../parts/Answered.tsx'
import { Confirm } from '../parts/Confirm.tsx'
import { FormDialog } from '../parts/Dialog.tsx'
import { Empty } from '../parts/Empty.tsx'
import { AudienceFields, type Audience, audienceProblem, emptyAudience } from '../parts/flags/AudienceFields.tsx'
import { readRule } from '../parts/flags/rules/draft.ts'
import { PageHead } from '../parts/Page.tsx'
import '../parts/flags/rings.css'
import { KeyField } from '../parts/KeyField.tsx'

const sources: Readonly<Record<RingWire['source'], { says: string; tip: string }>> = {
  file: { says: 'belay.yaml', tip: 'Changed in belay.yaml; the server follows' },
  page: { says: 'made here', tip: 'Made on this page or by the CLI' },
  gone: { says: 'left belay.yaml', tip: 'It left belay.yaml while flags still climb it; move them, then it goes' },
}
/** More flags than this would hide the ladder; the list of flags has all. */
const flagsShown = 12

export function RingsPage() {
  const rings = useQuery(ask(routes.rings.list, {}))
  const [making, setMaking] = useState(false)
  const [removing, setRemoving] = useState<string>()
  const queries = useQueryClient()
  return (
    <>
      <PageHead
        title="Rings"
        sub="Who gets new things first. A flag climbs from the lowest ring to the highest; each step keeps those below."
      >
        <ActionButton needs="flag.production" onClick={() => setMaking(true)}>
          New ring
        </ActionButton>
      </PageHead>
      <Answered query={rings} height={320}>
        {(it) =>
          it.rings.length === 0 ? (
            <div className="panel">
              <Empty title="No ring yet">belay.yaml names them, under rings: the lowest first, all last.</Empty>
            </div>
          ) : (
            <ol className="panel rings" aria-label="The ladder, highest first">
              {it.rings.toReversed().map((ring) => (
                <Ring key={ring.name} ring={ring} onRemove={() => setRemoving(ring.name)} />
              ))}
            </ol>
          )
        }
      </Answered>
      {making && <NewRingDialog rings={rings.data?.rings ?? []} onClose={() => setMaking(false)} />}
      {removing !== undefined && (
        <Confirm
          title={`Remove the ring ${removing}?`}
          does="Remove"
          danger
          reason="none"
          act={async () => {
            await client.call(routes.rings.remove, { params: { name: removing } })
            await queries.invalidateQueries({ queryKey: ['rings'] })
          }}
          onClose={() => setRemoving(undefined)}
        >
          Nobody climbs it. Who was in it is then in the ring above alone.
        </Confirm>
      )}
    </>
  )
}

function Ring({ ring, onRemove }: { ring: RingWire; onRemove: () => void }) {
  const source = sources[ring.source]
  return (
    <li className="ring-row">
      <svg className="ring-mark" width="22" height="22" viewBox="-11 -11 22 22" aria-hidden="true">
        <circle r="6.5" />
      </svg>
      <div className="ring-who">
        <h2>{ring.name}</h2>
        <p>
          {ring.segment === null ? (
            ring.says
          ) : (
            <>
              whoever is in the segment{' '}
              <Link to="/segments/$key" params={{ key: ring.segment }} className="mono link" data-row="">
                {ring.segment}
              </Link>
            </>
          )}
        </p>
        <p className="ring-flags">
          {ring.flags.length === 0 ? (
            <span className="soft">no flag is exposed up to here</span>
          ) : (
            ring.flags.slice(0, flagsShown).map((it) => (
              <Link
                key={`${it.flag} ${it.environment}`}
                to="/flags/$key"
                params={{ key: it.flag }}
                search={{ environment: it.environment }}
                className="tag"
                data-row=""
              >
                <span className="mono">{it.flag}</span> {it.environment === '*' ? 'everywhere' : it.environment}
              </Link>
            ))
          )}
          {ring.flags.length > flagsShown && <span className="soft">and {ring.flags.length - flagsShown} more</span>}
        </p>
      </div>
      <span className={`tag ${ring.source === 'gone' ? 'ink-held' : ''}`} data-tip={source.tip}>
        {source.says}
      </span>
      {ring.source === 'page' ? (
        <ActionButton
          needs="flag.production"
          look="small"
          because={ring.flags.length > 0 ? 'Flags climb it; move them first.' : undefined}
          onClick={onRemove}
        >
          Remove
        </ActionButton>
      ) : (
        <span />
      )}
    </li>
  )
}

function NewRingDialog({ rings, onClose }: { rings: readonly RingWire[]; onClose: () => void }) {
  const queries = useQueryClient()
  const mayNot = useWhyNot('flag.production')
  // The top ring is everybody; nothing stands above it.
  const places = rings.slice(0, -1)
  const [name, setName] = useState('')
  const [after, setAfter] = useState(places.at(-1)?.name ?? '')
  const [audience, setAudience] = useState<Audience>(emptyAudience)
  const making = useMutation({
    mutationFn: (where: { where?: JsonWire; segment?: string }) =>
      client.call(routes.rings.create, { body: { name, after: after === '' ? null : after, ...where } }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['rings'] })
      onClose()
    },
  })
  const wrongName = name !== '' && !ringNamePattern.test(name)
  return (
    <FormDialog
      title="New ring"
      onClose={onClose}
      onSubmit={() =>
        making.mutate(audience.kind === 'segment' ? { segment: audience.segment } : { where: readRule(audience.text).value ?? null })
      }
      does="Create"
      busy={making.isPending}
      because={
        mayNot ??
        (name === '' ? 'It needs a name.' : wrongName ? 'Use small letters, digits and dashes, a letter first.' : audienceProblem(audience))
      }
      error={making.error}
    >
      <KeyField label="Name" value={name} lengthMax={32} placeholder="partners" wrong={wrongName} onChange={setName} />
      <label>
        Stands above
        <select className="field" value={after} onChange={(event) => setAfter(event.target.value)}>
          {places.toReversed().map((it) => (
            <option key={it.name}>{it.name}</option>
          ))}
          <option value="">nothing: it becomes the lowest</option>
        </select>
        <small>Flags that are exposed above it reach it at once.</small>
      </label>
      <AudienceFields audience={audience} onChange={setAudience} />
    </FormDialog>
  )
}
