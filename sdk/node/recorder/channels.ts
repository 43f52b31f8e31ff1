/**
 * What code that knows nothing of this package tells of its calls, by channels of `node:diagnostics_channel`: what
 * nobody listens to costs it nothing.
 */
import { channel, tracingChannel } from 'node:diagnostics_channel'
import { performance } from 'node:perf_hooks'
import { currentCall } from './context.ts'
import type { CallDescription, OpenCall } from './types.ts'

/** `belay:statement`: of a database whose driver is not patched. */
type ToldStatement = { readonly text?: unknown; readonly system?: unknown; readonly rows?: unknown; readonly connection?: unknown }
type Running = { readonly call: OpenCall; readonly startedUs: number }

const statements = tracingChannel('belay:statement')

/** Returns what ends it. */
export function listenToChannels(): () => void {
  const running = new WeakMap<object, Running>()

  function begin(message: ToldStatement): void {
    const call = currentCall()
    if (call !== undefined) running.set(message, { call, startedUs: performance.now() * 1_000 })
  }

  function end(message: ToldStatement): void {
    const it = running.get(message)
    if (it === undefined) return
    running.delete(message)
    const { text, system, rows, connection } = message
    if (typeof text !== 'string') return
    it.call.statement({
      system: typeof system === 'string' ? system : '',
      text,
      startedUs: it.startedUs,
      tookUs: performance.now() * 1_000 - it.startedUs,
      rows: typeof rows === 'number' && rows >= 0 ? rows : undefined,
      failed: 'error' in message,
      connection: typeof connection === 'object' && connection !== null ? connection : undefined,
    })
  }

  const subscribers = {
    start: silent(begin),
    // Of a promise this only says that it was made: neither result nor error is there yet.
    end: silent((message: ToldStatement) => {
      if ('result' in message || 'error' in message) end(message)
    }),
    asyncStart: silent(end),
    asyncEnd: () => {},
    error: () => {},
  }
  const evaluation = silent(({ flag, variant }: { flag?: unknown; variant?: unknown }) => {
    if (typeof flag === 'string' && typeof variant === 'string') currentCall()?.evaluation(flag, variant)
  })
  const description = silent((it: CallDescription) => currentCall()?.describe(it))

  statements.subscribe(subscribers)
  channel('belay:evaluation').subscribe(evaluation)
  channel('belay:call').subscribe(description)
  return () => {
    statements.unsubscribe(subscribers)
    channel('belay:evaluation').unsubscribe(evaluation)
    channel('belay:call').unsubscribe(description)
  }
}

/** What a listener throws would end the process. */
function silent<Message>(listen: (message: Message) => void): (message: unknown) => void {
  return (message) => {
    try {
      listen(message as Message)
    } catch {
      // A message that is none.
    }
  }
}
