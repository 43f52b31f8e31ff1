/**
 * Records the calls of this process and sends them. It never throws into the service, never keeps the process alive, and
 * what it cannot do it says in the log, once.
 */
import { performance } from 'node:perf_hooks'
import type { CallBatch } from '@belay/call-record'
import { systemClock } from '../clock.ts'
import { because } from '../files.ts'
import type { Log } from '../log.ts'
import type { Parcel } from '../outbox/parcel.ts'
import { createSender, type Sender } from '../outbox/sender.ts'
import { createServer } from '../server.ts'
import { listenToChannels } from './channels.ts'
import { calls, currentCall } from './context.ts'
import { createMeter } from './cpu/meter.ts'
import { startDrivers } from './drivers/index.ts'
import { listenToFrameworks } from './frameworks.ts'
import { createCallGatherer, type Gathered } from './gather.ts'
import { recordHttp } from './http.ts'
import { watchLag } from './lag.ts'
import { type RecorderOptions, type RecorderSettings, readRecorderOptions } from './options.ts'
import { robots } from './robots.ts'
import { holdRules } from './rules.ts'
import type { CallDescription } from './types.ts'

const tickMs = 1_000
/** How old the newest calls on the page are; thirty batches a minute are nothing to the server. */
const sendEveryMs = 2_000

type Running = { readonly sender: Sender; stop(): Promise<void> }
let running: Running | undefined

/**
 * Starts to record what this process does for each call that it serves. Does nothing when it runs already; when an
 * option or the environment is not what it should be, it says so in the log, and the service goes on unrecorded.
 */
export function startRecorder(options: RecorderOptions = {}): void {
  if (running !== undefined) return
  const log = options.log ?? console
  try {
    const settings = readRecorderOptions(options, process.env)
    if (typeof settings === 'string') log.warn(`Belay records no calls: ${settings}.`)
    else running = start(settings, log)
  } catch (thrown) {
    log.error(`Belay records no calls: ${because(thrown)}`)
  }
}

/** Sends what was recorded, for three seconds at most, and records nothing more. Never rejects. */
export async function stopRecorder(): Promise<void> {
  const it = running
  running = undefined
  await it?.stop()
}

/**
 * Says more of the call that is under way: for whose account it is, whom it serves, what it is called. Each counts
 * before the rules of belay.yaml. Does nothing outside of a call, or where nobody records.
 */
export function describeCall(description: CallDescription): void {
  currentCall()?.describe(description)
}

function start(settings: RecorderSettings, log: Log): Running {
  const life = new AbortController()
  const server = createServer(settings.server, systemClock, fetch)
  const meter = createMeter(settings.cpu, calls)
  const gatherer = createCallGatherer(meter, () => calls.exit(sender.hurry))
  const sender = createSender<Gathered>({
    take: gatherer.take,
    seal: (gathered, numbers) => seal(settings, gathered, numbers),
    name: 'calls',
    path: '/api/sdk/calls',
    server,
    spool: settings.spool,
    spooled: 'when-away',
    everyMs: sendEveryMs,
    clock: systemClock,
    chance: Math.random,
    log,
  })
  const rules = holdRules({ server, clock: systemClock, log, isRobot: robots(), signal: life.signal })
  let originMs = Date.now() - performance.now()
  const ends = [
    startDrivers(),
    listenToChannels(),
    listenToFrameworks(),
    recordHttp({ meter, gatherer, rules, originMs: () => originMs }),
    watchLag(),
    beforeTheEnd(sender),
  ]
  const ticking = setInterval(() => {
    // The system's clock may have been set.
    originMs = Date.now() - performance.now()
    meter.tick()
  }, tickMs)
  ticking.unref()

  return {
    sender,
    async stop() {
      clearInterval(ticking)
      life.abort(new Error('the recorder was stopped'))
      for (const end of ends) end()
      await sender.close()
      meter.close()
    },
  }
}

function seal(
  { service, release, lane, host }: RecorderSettings,
  { process, ...gathered }: Gathered,
  { source, batch, lost }: { source: string; batch: number; lost: number },
): Parcel {
  const full: CallBatch = {
    version: 1,
    source,
    batch,
    service,
    release,
    lane,
    host,
    sentAt: Date.now(),
    ...gathered,
    process: { ...process, dropped: process.dropped + lost },
  }
  return { source, batch, items: gathered.calls.at.length, text: JSON.stringify(full) }
}

const fatal = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/**
 * A process that runs out of work may wait a moment for the server. One that is ended may not, so what was gathered goes
 * to the disk, for the next one. Signals that the service handles are its own affair.
 */
function beforeTheEnd(sender: Sender): () => void {
  let flushed = false
  const onBeforeExit = () => {
    // Whatever is awaited here keeps the process up, and brings this about again.
    if (flushed) return
    flushed = true
    void sender.close()
  }
  const onSignal = (signal: NodeJS.Signals) => {
    if (process.listenerCount(signal) > 1) return
    sender.stowNow()
    // As if nobody had listened: whoever waits for this process sees which signal ended it.
    process.off(signal, onSignal)
    process.kill(process.pid, signal)
  }
  process.on('beforeExit', onBeforeExit)
  process.on('exit', sender.stowNow)
  for (const signal of fatal) process.on(signal, onSignal)
  return () => {
    process.off('beforeExit', onBeforeExit)
    process.off('exit', sender.stowNow)
    for (const signal of fatal) process.off(signal, onSignal)
  }
}
