/**
 * `mongodb`: every command goes through `Connection.command`, in the asynchronous context of who asked for it. Its
 * monitoring events need a setting of the service's own (`monitorCommands`) and do not say which session they belong to.
 */
import { currentCall } from '../context.ts'
import { driverOf, exportsOf, loadedFiles, type Method, replaceMethod, UnknownShape } from './patch.ts'
import { nowUs, Timed } from './timing.ts'

const system = 'mongodb'

export function recordMongodb(): () => void {
  return driverOf('mongodb', () => {
    const files = loadedFiles('mongodb', 'cmap/connection.js')
    if (files.length === 0) throw new UnknownShape('there is no cmap/connection.js')
    for (const file of files) {
      const { prototype } = (exportsOf(file) as { readonly Connection?: { readonly prototype?: object } }).Connection ?? {}
      if (prototype === undefined) throw new UnknownShape('there is no Connection')
      replaceMethod(prototype, 'command', commandInCall)
    }
  })
}

/** The driver's own: greetings, signing in, heartbeats, tidying up. */
const housekeeping = new Set([
  'hello',
  'ismaster',
  'isMaster',
  'saslStart',
  'saslContinue',
  'authenticate',
  'getnonce',
  'ping',
  'endSessions',
  'refreshSessions',
])

type Session = { readonly transaction?: { readonly isStarting?: unknown } }

const commandInCall = (original: Method): Method =>
  function (_namespace, command: Readonly<Record<string, unknown>>, options?: { readonly session?: Session }) {
    const call = currentCall()
    const name = call === undefined ? undefined : Object.keys(command)[0]
    if (call === undefined || name === undefined || housekeeping.has(name)) return original.apply(this, arguments as unknown as unknown[])
    const session = options?.session
    // On the wire the first command of a transaction carries it.
    if (session?.transaction?.isStarting === true)
      call.statement({ system, text: 'startTransaction', startedUs: nowUs(), tookUs: 0, failed: false, connection: session })
    const timed = new Timed(call, system, textOf(name, command), session)
    return timed.until(original.apply(this, arguments as unknown as unknown[]) as Promise<unknown>, rowsOf)
  }

/** `find items { owner: ?, done: ? }`: what is asked of which fields, never for which values. */
function textOf(name: string, command: Readonly<Record<string, unknown>>): string {
  const collection = typeof command[name] === 'string' ? command[name] : name === 'getMore' ? command.collection : undefined
  const asked =
    command.filter ??
    command.query ??
    command.q ??
    command.pipeline ??
    (firstOf(command.updates) as { readonly q?: unknown } | undefined)?.q ??
    (firstOf(command.deletes) as { readonly q?: unknown } | undefined)?.q
  return [name, typeof collection === 'string' ? collection : '', asked === undefined ? '' : shapeOf(asked, 0)].filter(Boolean).join(' ')
}

const firstOf = (list: unknown): unknown => (Array.isArray(list) ? list[0] : undefined)

/** Conditions of people are about three levels deep and have a handful of fields. */
const depthMax = 4
const fieldsMax = 20

function shapeOf(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null || depth >= depthMax) return '?'
  if (Array.isArray(value)) {
    const shapes = value.slice(0, fieldsMax).map((it: unknown) => shapeOf(it, depth + 1))
    return `[${shapes.every((it) => it === '?') ? '?' : shapes.join(', ')}]`
  }
  // Ids, dates and their like are values.
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return '?'
  const fields = Object.entries(value).slice(0, fieldsMax)
  return fields.length === 0 ? '{}' : `{ ${fields.map(([name, it]) => `${name}: ${shapeOf(it, depth + 1)}`).join(', ')} }`
}

/** Of answers that are read already; reading others for it would cost what the driver saves by not doing so. */
function rowsOf(answer: unknown): number | undefined {
  const { n, cursor } = (answer ?? {}) as {
    readonly n?: unknown
    readonly cursor?: { readonly firstBatch?: unknown; readonly nextBatch?: unknown }
  }
  if (typeof n === 'number') return n
  const batch = cursor?.firstBatch ?? cursor?.nextBatch
  return Array.isArray(batch) ? batch.length : undefined
}
