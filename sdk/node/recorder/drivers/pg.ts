/**
 * `pg`: statements go through `Client.query` in three forms: a promise, a callback, and an object that submits itself
 * (`Query`, cursors, streams). `Pool.query` calls it with a callback, whenever a client becomes free, so it would run in
 * whichever call gave the client back.
 */
import { currentCall } from '../context.ts'
import type { OpenCall } from '../types.ts'
import { boundTo, driverOf, type Method, outsideOfCalls, ownerOf, replaceMethod } from './patch.ts'
import { nowUs, Timed } from './timing.ts'

const system = 'postgresql'

export function recordPg(): () => void {
  const ends = [driverOf('pg', patchPg), driverOf('pg-pool', patchPool)]
  return () => {
    for (const end of ends) end()
  }
}

function patchPg(exports: unknown): void {
  const { Client, Pool } = exports as { readonly Client: { readonly prototype: object }; readonly Pool?: { readonly prototype: object } }
  replaceMethod(ownerOf(Client.prototype, 'query'), 'query', queryInCall)
  replaceMethod(ownerOf(Client.prototype, 'connect'), 'connect', openedOutside)
  if (Pool !== undefined) replaceMethod(ownerOf(Pool.prototype, 'connect'), 'connect', answeredInCall)
}

function patchPool(exports: unknown): void {
  replaceMethod(ownerOf((exports as { readonly prototype: object }).prototype, 'connect'), 'connect', answeredInCall)
}

/** A client that is waited for comes in the call that waits. */
const answeredInCall = (original: Method): Method =>
  function (callback) {
    const call = currentCall()
    return call === undefined || typeof callback !== 'function'
      ? original.apply(this, arguments as unknown as unknown[])
      : original.call(this, boundTo(call, callback as Method))
  }

const openedOutside = (original: Method): Method =>
  function (callback) {
    const call = currentCall()
    if (call === undefined) return original.apply(this, arguments as unknown as unknown[])
    return outsideOfCalls(() =>
      typeof callback === 'function' ? original.call(this, boundTo(call, callback as Method)) : original.call(this),
    )
  }

type Config = { readonly text?: unknown; readonly name?: unknown; readonly submit?: unknown; callback?: unknown }

/** pg keeps a callback in the object that it was given, which may come again. */
const bare = new WeakMap<Method, Method>()

const queryInCall = (original: Method): Method =>
  function (config: string | Config | null | undefined, values, callback) {
    const call = currentCall()
    if (call === undefined || config === null || config === undefined) return original.apply(this, arguments as unknown as unknown[])
    if (typeof config === 'object' && typeof config.submit === 'function') {
      watchSubmitted(call, config, this as object)
      return original.call(this, config, typeof values === 'function' ? boundTo(call, values as Method) : values, callback)
    }
    const timed = new Timed(call, system, textOf(config), this as object)
    const given = typeof values === 'function' ? values : (callback ?? (config as Config).callback)
    if (typeof given === 'function') {
      const told = toldTo(call, timed, bare.get(given as Method) ?? (given as Method))
      return typeof values === 'function' ? original.call(this, config, told) : original.call(this, config, values, told)
    }
    const answer: unknown = original.apply(this, arguments as unknown as unknown[])
    return answer instanceof Promise || isThenable(answer) ? timed.until(answer as Promise<unknown>, rowsOf) : answer
  }

function toldTo(call: OpenCall, timed: Timed, callback: Method): Method {
  const bound = boundTo(call, callback)
  const told: Method = function (error, result) {
    timed.ended(Boolean(error), rowsOf(result))
    return bound.apply(this, arguments as unknown as unknown[])
  }
  bare.set(told, callback)
  return told
}

function textOf(config: string | Config): string {
  if (typeof config === 'string') return config
  if (typeof config.text === 'string') return config.text
  return typeof config.name === 'string' ? `EXECUTE ${config.name}` : ''
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function'
}

/** Of several statements in one text pg gives a list. */
function rowsOf(result: unknown): number | undefined {
  if (Array.isArray(result)) return result.reduce((sum: number, one) => sum + (rowsOf(one) ?? 0), 0)
  const count = (result as { readonly rowCount?: unknown } | undefined)?.rowCount
  return typeof count === 'number' ? count : undefined
}

/** The client tells who submits itself of each message; with these it has an answer, and waits no longer until it asks again. */
const answers = ['handlePortalSuspended', 'handleCommandComplete', 'handleEmptyQuery', 'handleReadyForQuery', 'handleError'] as const

/**
 * A cursor is one statement. What counts is the time that it waits for the database: between two reads its owner works.
 * It ends with the server's word that it is ready for the next, or with an error.
 */
function watchSubmitted(call: OpenCall, query: object, client: object): void {
  const it = query as Record<string, unknown>
  // A stream (pg-query-stream) reads from a cursor within it.
  const cursor = typeof it.cursor === 'object' && it.cursor !== null ? (it.cursor as Record<string, unknown>) : it
  const timed = new Timed(call, system, typeof cursor.text === 'string' ? cursor.text : '', client)
  let waitingSince = nowUs()
  let waited = 0
  let rows = 0
  const answered = () => {
    if (waitingSince < 0) return
    waited += nowUs() - waitingSince
    waitingSince = -1
  }
  const wrap = (owner: Record<string, unknown>, name: string, before: () => void) => {
    const original = owner[name]
    if (typeof original !== 'function') return
    const inCall = boundTo(call, original as Method)
    Object.defineProperty(owner, name, {
      configurable: true,
      writable: true,
      value: function (this: unknown, ...args: unknown[]) {
        before()
        return inCall.apply(this, args)
      },
    })
  }
  wrap(it, 'handleDataRow', () => {
    rows++
  })
  wrap(cursor, 'read', () => {
    if (waitingSince < 0) waitingSince = nowUs()
  })
  for (const name of answers)
    wrap(it, name, () => {
      answered()
      if (name === 'handleReadyForQuery' || name === 'handleError') timed.ended(name === 'handleError', rows, waited)
    })
}
