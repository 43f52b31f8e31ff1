/** In a worker: one share of a capture is read and analysed, and what is found is told in order. */
import { createAnalyser } from '../analyser.ts'
import { CaptureError } from '../read/index.ts'
import { captureBytes } from './bytes.ts'
import { type News, type Order, recordsMax, sliceBytes, type Told } from './messages.ts'

/** @param tell may wait until the other side has caught up */
export async function analyseShare({ path, name, shard, liveMax, turns }: Order, tell: (news: News) => void): Promise<void> {
  const packingWarnings: string[] = []
  /** Sessions that began in the slice that is being read; the other side knows nothing of them yet. */
  let begun: number[] = []
  let known = 0
  /** To be told after the slice, and now. */
  const later: Told = { turns: [], records: [] }
  let now: Told = { turns: [], records: [] }

  const tellNow = () => {
    if (now.turns.length + now.records.length === 0) return
    tell({ kind: 'sessions', told: JSON.stringify(now) })
    now = { turns: [], records: [] }
  }
  const analyser = createAnalyser({
    name,
    shard: shard.of === 1 ? undefined : shard,
    liveMax,
    onBegin: (frame) => begun.push(frame),
    onTurn: turns
      ? (turn, session) => {
          const place = session < known ? now : later
          place.turns.push([turn, session])
          if (now.turns.length >= turnsMax) tellNow()
        }
      : undefined,
    onSession: (record) => {
      const place = record.number < known ? now : later
      place.records.push(record)
      if (now.records.length >= recordsMax) tellNow()
    },
  })
  const slice = () => {
    // First what is older than the slice, then the slice.
    tellNow()
    tell({ kind: 'slice', begun })
    known += begun.length
    begun = []
    for (const turn of later.turns.splice(0)) now.turns.push(turn)
    for (const record of later.records.splice(0)) {
      now.records.push(record)
      if (now.records.length >= recordsMax) tellNow()
    }
  }
  try {
    let room = sliceBytes
    // Slices end at the same bytes in every share, so that they can be put side by side.
    for await (const chunk of captureBytes(path, (sentence) => packingWarnings.push(sentence))) {
      for (let at = 0; at < chunk.length; ) {
        const length = Math.min(room, chunk.length - at)
        analyser.write(chunk.subarray(at, at + length))
        at += length
        room -= length
        if (room === 0) {
          slice()
          room = sliceBytes
        }
      }
    }
    slice()
    const summary = analyser.end()
    tellNow()
    tell({ kind: 'done', summary: { ...summary, warnings: [...summary.warnings, ...packingWarnings] } })
  } catch (error) {
    tell({
      kind: 'failed',
      message: error instanceof CaptureError ? error.sentence : error instanceof Error ? error.message : String(error),
      at: error instanceof CaptureError ? error.at : undefined,
      code: error instanceof Error && 'code' in error ? String(error.code) : undefined,
    })
  }
}

/** A turn is a tenth of a record. */
const turnsMax = 10 * recordsMax
