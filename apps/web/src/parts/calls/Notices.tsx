import { Problem, sayCount } from '@belay/base'
import type { CallFacetsWire } from '@belay/protocol'
import { Failure } from '../Answered.tsx'
import { Sign } from '../Chip.tsx'
import { Command } from '../Command.tsx'
import { Empty } from '../Empty.tsx'
import { sayMany } from './figures.ts'

/** How the store and the recorders are, when there is something to say; a line, not an alarm. */
export function StoreNotice({ facets }: { facets: CallFacetsWire | undefined }) {
  if (facets === undefined) return null
  const { state, because, waiting } = facets.store
  const waits = waiting > 0 ? ` ${sayCount(waiting, 'call')} ${waiting === 1 ? 'waits' : 'wait'} on disk and will be counted.` : ''
  if (state === 'down')
    return (
      <p className="store-notice is-held" role="status">
        <Sign tone="held" /> The column store is away{because === null ? '' : `: ${because}`}.{waits} What is shown may be old.
      </p>
    )
  if (state === 'starting' || (state === 'asleep' && facets.firstAt !== null))
    return (
      <p className="store-notice" role="status">
        The column store is starting.{waits}
      </p>
    )
  // A few are always on their way; only a crowd is worth a word.
  if (waiting > 10_000)
    return (
      <p className="store-notice" role="status">
        {sayMany(waiting)} calls are on their way into the table.
      </p>
    )
  return null
}

/** A store that is away is said quietly, and is asked again by itself; other failures are failures. */
export function Trouble({ error, retry }: { error: Error | null; retry: () => void }) {
  if (error === null) return null
  if (!(error instanceof Problem) || !error.code.startsWith('columns-')) return <Failure error={error} retry={retry} />
  return (
    <p className="store-notice is-held" role="status">
      <Sign tone="held" /> {error.message}
    </p>
  )
}

/** The place of a first answer. The embedded store is started by the first question, which takes a moment. */
export function Waiting({ height }: { height: number }) {
  return (
    <div className="waiting" style={{ height }} role="status" aria-label="Loading">
      <p className="late-word soft">The column store starts with the first question; this takes a moment.</p>
    </div>
  )
}

/** What a reader must know of the figures. */
export function Notes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null
  return (
    <ul className="notes soft">
      {notes.map((it) => (
        <li key={it}>{it}</li>
      ))}
    </ul>
  )
}

/** Nothing was ever recorded: how to begin, with Belay's recorder or with what is there already. */
export function NeverRecorded({ environment }: { environment: string | undefined }) {
  return (
    <div className="panel">
      <Empty title={`No call was ever recorded${environment === undefined ? '' : ` in ${environment}`}`}>
        A service tells what its calls cost in one of three ways.
      </Empty>
      <div className="ways">
        <section aria-label="A Node service of belay.yaml">
          <h3>A Node service of belay.yaml</h3>
          <p className="soft">
            One line; the next deployment starts it with the recorder. CPU time, statements and transactions of each call.
          </p>
          <Command>record: true</Command>
        </section>
        <section aria-label="Any other Node service">
          <h3>Any other Node service</h3>
          <p className="soft">Start it with the recorder, and say where Belay is and with which server key.</p>
          <Command>{`BELAY_URL=${window.location.origin} BELAY_KEY=bsk_… node --import @belay/node app.js`}</Command>
        </section>
        <section aria-label="What OpenTelemetry watches already">
          <h3>What OpenTelemetry watches already</h3>
          <p className="soft">Any SDK or collector; two variables of its environment. Statements and times; CPU time as an estimate.</p>
          <Command>{`OTEL_EXPORTER_OTLP_ENDPOINT=${window.location.origin} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20bsk_…`}</Command>
        </section>
      </div>
    </div>
  )
}
