/** One connection to the stream of changes, cut when it falls silent. */
import type { Clock } from './clock.ts'
import { createEventReader, type StreamEvent } from './events.ts'
import { Failure } from './server.ts'

/** The server says something every 15 s; three times nothing means that nobody is there. */
export const silenceMaxMs = 45_000
/** Silence is counted in ticks of a timer and not read off a clock, which may jump. */
const tickMs = 5_000

/**
 * The events of one answer, until it ends.
 * @param onTick called every few seconds while the connection lives
 * @throws Failure when it is silent for too long; the signal's reason when aborted.
 */
export async function* eventsOf(response: Response, clock: Clock, signal: AbortSignal, onTick: () => void): AsyncGenerator<StreamEvent> {
  if (response.body === null) return
  const reader = response.body.getReader()
  const done = new AbortController()
  let silentTicks = 0
  let silent = false
  const cut = () => void reader.cancel().catch(() => {})
  async function watch(): Promise<void> {
    while (silentTicks < silenceMaxMs / tickMs) {
      await clock.sleep(tickMs, done.signal, true)
      silentTicks++
      onTick()
    }
    silent = true
    cut()
  }
  signal.addEventListener('abort', cut, { once: true })
  watch().catch(() => {})
  try {
    const decoder = new TextDecoder()
    const readEvents = createEventReader()
    while (!signal.aborted) {
      const piece = await reader.read()
      if (piece.done) break
      silentTicks = 0
      yield* readEvents(decoder.decode(piece.value, { stream: true }))
    }
    signal.throwIfAborted()
    if (silent) throw new Failure('away', `the stream was silent for ${silenceMaxMs / 1_000} seconds`)
  } finally {
    done.abort()
    signal.removeEventListener('abort', cut)
    cut()
  }
}
