import type { SessionRecord } from '@belay/tcp'
import { useCallback, useMemo } from 'react'
import { sayData, sayMs, sayRate } from '../words.ts'
import type { Sheet } from './canvas.ts'
import { Graph } from './Graph.tsx'
import { Labelled } from './Labelled.tsx'
import { drawArea, drawDots, drawRate } from './lines.ts'
import { seriesOf } from './series.ts'
import { TimeView } from './view.ts'

const heightPx = 128

/** What the record itself tells over time, where the single segments were not kept. */
export function SeriesGraphs({ record, fromClient }: { record: SessionRecord; fromClient: boolean }) {
  const its = useMemo(() => seriesOf(record, fromClient), [record, fromClient])
  const view = useMemo(() => new TimeView(its.endNs), [its])
  const drawRtt = useCallback((it: Sheet) => drawDots(it, its.rtt, its.rttRange, sayMs), [its])
  const drawFlight = useCallback((it: Sheet) => drawArea(it, its.flight, its.flightRange, sayData), [its])
  const drawThroughput = useCallback((it: Sheet) => drawRate(it, its.carried, sayRate), [its])
  const steps = `${its.rtt.t.length} of ${record.series.directions[0].bytes.length} intervals of ${sayMs(record.series.stepMs)} have samples`
  return (
    <div className="graphs">
      <Labelled name="Round trips">
        <Graph name="Round trips" says={steps} view={view} heightPx={heightPx} hasTimes={false} draw={drawRtt} />
      </Labelled>
      <Labelled name="Bytes in flight">
        <Graph name="Bytes in flight" says="the most of each interval" view={view} heightPx={heightPx} hasTimes={false} draw={drawFlight} />
      </Labelled>
      <Labelled name="Throughput" aside={<span className="soft">at its foot what was sent again</span>}>
        <Graph name="Throughput" says="payload over time" view={view} heightPx={heightPx + 18} hasTimes draw={drawThroughput} />
      </Labelled>
    </div>
  )
}
