/**
 * `mysql2`: every statement is a command that is added to a connection, whichever way it came (`query`, `execute`,
 * prepared statements, pools, promises). The package's own channels say neither the connection nor the text before its
 * values were written into it.
 */
import { currentCall } from '../context.ts'
import type { OpenCall } from '../types.ts'
import { boundTo, driverOf, exportsOf, loadedFiles, type Method, outsideOfCalls, replaceMethod, UnknownShape } from './patch.ts'
import { Timed } from './timing.ts'

const system = 'mysql'

export function recordMysql2(): () => void {
  const ends = [driverOf('mysql2', patch), driverOf('mysql2/promise', patch)]
  return () => {
    for (const end of ends) end()
  }
}

/** Neither entry exports the classes that do the work; since 3.11.5 they are in `lib/base`. */
function patch(): void {
  const found = ['connection', 'pool'].map((name) => [
    name,
    ...loadedFiles('mysql2', `/base/${name}.js`),
    ...loadedFiles('mysql2', `/lib/${name}.js`),
  ])
  for (const [name, ...files] of found) {
    const prototypes = files.map((file) => (exportsOf(file) as { readonly prototype?: object } | undefined)?.prototype)
    const methods = name === 'pool' ? ['getConnection'] : ['query', 'execute', 'addCommand']
    const owners = prototypes.filter((it) => it !== undefined && methods.every((method) => Object.hasOwn(it, method)))
    // Without pools there is nothing to wait for.
    if (owners.length === 0 && (name === 'connection' || files.length > 0)) throw new UnknownShape(`no ${name} has ${methods.join(', ')}`)
    for (const owner of owners) {
      if (name === 'pool') replaceMethod(owner, 'getConnection', answeredInCall)
      else {
        replaceMethod(owner, 'query', askedInCall)
        replaceMethod(owner, 'execute', askedInCall)
        replaceMethod(owner, 'addCommand', addedInCall)
      }
    }
  }
}

const answeredInCall = (original: Method): Method =>
  function (callback) {
    const call = currentCall()
    if (call === undefined || typeof callback !== 'function') return original.apply(this, arguments as unknown as unknown[])
    return outsideOfCalls(() => original.call(this, boundTo(call, callback as Method)))
  }

/** The text that is being asked for: `query` writes the values into it before it adds the command. */
let asked: string | undefined

const askedInCall = (original: Method): Method =>
  function (...args) {
    const call = currentCall()
    if (call === undefined) return original.apply(this, args)
    const [sql] = args as [unknown]
    const before = asked
    asked = typeof sql === 'string' ? sql : textIn(sql)
    try {
      // A prepare that fails answers the callback and not the command.
      return original.apply(
        this,
        args.map((arg: unknown, at) => (at > 0 && typeof arg === 'function' ? boundTo(call, arg as Method) : arg)),
      )
    } finally {
      asked = before
    }
  }

type Command = {
  readonly constructor: { readonly name: string }
  readonly sql?: unknown
  readonly statement?: { readonly query?: unknown } | undefined
  onResult?: unknown
  emit: Method
}

const addedInCall = (original: Method): Method =>
  function (command: Command) {
    const call = currentCall()
    if (call !== undefined && isStatement(command)) watch(call, command, this as object)
    return original.apply(this, arguments as unknown as unknown[])
  }

function isStatement(command: Command): boolean {
  const kind = (command as Command | undefined)?.constructor.name
  return kind === 'Query' || kind === 'Execute'
}

function watch(call: OpenCall, command: Command, connection: object): void {
  const text = asked ?? textIn(command) ?? textIn(command.statement) ?? ''
  const timed = new Timed(call, system, text, connection)
  const { onResult } = command
  if (typeof onResult === 'function') {
    const bound = boundTo(call, onResult as Method)
    command.onResult = function (this: unknown, error: unknown, rows: unknown) {
      timed.ended(Boolean(error), rowsOf(rows))
      return bound.apply(this, arguments as unknown as unknown[])
    }
  }
  const { emit } = command
  let failed = false
  let rows = 0
  // Its listeners stay its owner's: one more for `error` would keep an error from being thrown that nobody listens for.
  const emitInCall = boundTo(call, emit)
  command.emit = function (this: unknown, event: unknown, ...args: unknown[]) {
    if (event === 'error') failed = true
    else if (event === 'result') rows += affected(args[0]) ?? 1
    // With a callback that is yet to come, its rows are told then. Without a statement the prepare has failed.
    else if (event === 'end' && (typeof onResult !== 'function' || neverPrepared(command)))
      timed.ended(failed || neverPrepared(command), rows)
    return emitInCall.call(this, event, ...args)
  }
}

function neverPrepared(command: Command): boolean {
  return command.constructor.name === 'Execute' && command.statement === undefined
}

function textIn(it: unknown): string | undefined {
  const { sql, query } = (it ?? {}) as { readonly sql?: unknown; readonly query?: unknown }
  return typeof sql === 'string' ? sql : typeof query === 'string' ? query : undefined
}

/** Rows, what was changed, or a list of either for a text of several statements. */
function rowsOf(result: unknown): number | undefined {
  if (!Array.isArray(result)) return affected(result)
  const parts = result.map((part: unknown) => (Array.isArray(part) ? part.length : affected(part)))
  return parts.every((part) => part === undefined) ? result.length : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)
}

function affected(result: unknown): number | undefined {
  const count = (result as { readonly affectedRows?: unknown } | null | undefined)?.affectedRows
  return typeof count === 'number' && Object.getPrototypeOf(result as object) !== Object.prototype ? count : undefined
}
