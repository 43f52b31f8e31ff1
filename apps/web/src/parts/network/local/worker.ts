/** Reads a capture beside the page, so that the page goes on answering. Nothing is sent anywhere. */
import { type Columns, createAnalyser, type SessionRecord } from '@belay/tcp'
import type { FromWorker, ToWorker } from './messages.ts'
import { readUnpacked } from './unpacked.ts'

const say = (it: FromWorker, transfer: Transferable[] = []) => postMessage(it, { transfer })

/** A table that grows more often cannot be read. */
const everyMs = 120
/** What structured cloning of records takes at a time stays unnoticed. */
const atOnce = 500

onmessage = ({ data }: MessageEvent<ToWorker>) => {
  work(data).catch((error: unknown) => say({ is: 'failed', because: error instanceof Error ? error.message : String(error) }))
}

async function work(asked: ToWorker): Promise<void> {
  let sessions: SessionRecord[] = []
  let columns: Columns | undefined
  let toldAt = performance.now()
  const tell = (bytes: number) => {
    say({ is: 'progress', bytes, packets: 0 })
    if (sessions.length > 0) say({ is: 'sessions', sessions })
    sessions = []
    toldAt = performance.now()
  }
  let read = 0
  const analyser = createAnalyser({
    name: asked.file.name,
    onSession: (record) => {
      if (asked.do === 'trace') return
      sessions.push(record)
      if (sessions.length >= atOnce) tell(read)
    },
    ...(asked.do === 'trace' ? { trace: { sessions: [asked.session], onTrace: (trace) => void (columns = trace.columns()) } } : {}),
  })
  await readUnpacked(
    asked.file,
    (bytes) => analyser.write(bytes),
    (bytes) => {
      read = bytes
      if (performance.now() - toldAt >= everyMs) tell(bytes)
    },
  )
  const summary = analyser.end()
  tell(asked.file.size)
  if (asked.do === 'analyse') return say({ is: 'done', summary })
  if (columns === undefined) return say({ is: 'failed', because: `The capture has no session ${asked.session} any more.` })
  const its = compact(columns)
  say({ is: 'traced', columns: its }, [
    ...new Set(Object.values(its).flatMap((one) => (ArrayBuffer.isView(one) ? [one.buffer as ArrayBuffer] : []))),
  ])
}

/** Columns grow by doubling: what is sent is only what was filled. */
function compact(columns: Columns): Columns {
  return {
    ...columns,
    t: columns.t.slice(),
    frame: columns.frame.slice(),
    flags: columns.flags.slice(),
    seq: columns.seq.slice(),
    length: columns.length.slice(),
    ack: columns.ack.slice(),
    window: columns.window.slice(),
    kind: columns.kind.slice(),
    labels: columns.labels.slice(),
    sackEnd: columns.sackEnd.slice(),
    sackLeft: columns.sackLeft.slice(),
    sackRight: columns.sackRight.slice(),
  }
}
