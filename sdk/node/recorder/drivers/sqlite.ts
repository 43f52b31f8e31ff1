/**
 * SQLite in process: `node:sqlite` and `better-sqlite3`. Both answer at once, so a statement is timed where it stands.
 * better-sqlite3's `transaction()` runs BEGIN and COMMIT as statements like any other.
 */
import Module from 'node:module'
import { currentCall } from '../context.ts'
import { driverOf, type Method, replaceMethod, UnknownShape, warn } from './patch.ts'
import { nowUs, Timed } from './timing.ts'

const system = 'sqlite'

/** Says a statement's text and its database. */
type Describe = (statement: object) => { readonly text: string; readonly connection: object | undefined }

export function recordBetterSqlite3(): () => void {
  return driverOf('better-sqlite3', (exports) => {
    const { prototype } = exports as { readonly prototype?: object }
    replaceMethod(prototype, 'exec', execInCall)
    // The class of statements is nobody's export; all are of the same.
    let seen = false
    const describe: Describe = (statement) => {
      const { source, database } = statement as { readonly source?: unknown; readonly database?: object }
      return { text: typeof source === 'string' ? source : '', connection: database }
    }
    replaceMethod(
      prototype,
      'prepare',
      (original) =>
        function () {
          const statement = original.apply(this, arguments as unknown as unknown[]) as object
          if (!seen) {
            seen = true
            patchStatements('better-sqlite3', Object.getPrototypeOf(statement) as object, describe)
          }
          return statement
        },
    )
  })
}

/**
 * A built-in module passes no loader that could be patched when it is imported, and loading it here would warn those who
 * never asked for it: so it is patched when somebody resolves its name.
 */
export function recordNodeSqlite(): () => void {
  const patch = (exports: unknown) => {
    try {
      patchNodeSqlite(exports)
    } catch (thrown) {
      warn('node:sqlite', thrown)
    }
  }
  const builtIn = () => (process as { getBuiltinModule?: (name: string) => unknown }).getBuiltinModule?.('node:sqlite')
  const loaded = (process as { readonly moduleLoadList?: readonly string[] }).moduleLoadList?.includes('Internal Binding sqlite') === true
  if (loaded) patch(builtIn())
  const required = driverOf('node:sqlite', patch)
  const { registerHooks } = Module as { registerHooks?: typeof Module.registerHooks }
  const hooks = registerHooks?.({
    resolve(specifier, context, next) {
      if (specifier === 'node:sqlite') patch(builtIn())
      return next(specifier, context)
    },
  })
  return () => {
    required()
    hooks?.deregister()
  }
}

function patchNodeSqlite(exports: unknown): void {
  const { DatabaseSync, StatementSync } = exports as Record<string, { readonly prototype: object } | undefined>
  if (DatabaseSync === undefined || StatementSync === undefined) throw new UnknownShape('there is no DatabaseSync or StatementSync')
  const known = new WeakMap<object, ReturnType<Describe>>()
  const unknown = { text: '', connection: undefined }
  replaceMethod(DatabaseSync.prototype, 'exec', execInCall)
  replaceMethod(
    DatabaseSync.prototype,
    'prepare',
    (original) =>
      function (text: unknown) {
        const statement = original.apply(this, arguments as unknown as unknown[]) as object
        known.set(statement, { text: String(text), connection: this as object })
        return statement
      },
  )
  patchStatements('node:sqlite', StatementSync.prototype, (statement) => known.get(statement) ?? unknown)
}

const execInCall = (original: Method): Method =>
  function (text: unknown) {
    const call = currentCall()
    if (call === undefined) return original.apply(this, arguments as unknown as unknown[])
    return timedRun(new Timed(call, system, String(text), this as object), original, this, arguments, () => undefined)
  }

function patchStatements(library: string, prototype: object, describe: Describe): void {
  const wrap = (name: string, rowsOf: (answer: unknown) => number | undefined) =>
    replaceMethod(
      prototype,
      name,
      (original) =>
        function () {
          const call = currentCall()
          if (call === undefined) return original.apply(this, arguments as unknown as unknown[])
          const { text, connection } = describe(this as object)
          return timedRun(new Timed(call, system, text, connection), original, this, arguments, rowsOf)
        },
    )
  try {
    wrap('get', (row) => (row === undefined ? 0 : 1))
    wrap('all', (rows) => (Array.isArray(rows) ? rows.length : undefined))
    wrap('run', (result) => Number((result as { readonly changes?: unknown }).changes))
    replaceMethod(prototype, 'iterate', (original) => iterateInCall(original, describe))
  } catch (thrown) {
    warn(library, thrown)
  }
}

function timedRun(timed: Timed, original: Method, it: unknown, args: IArguments, rowsOf: (answer: unknown) => number | undefined): unknown {
  let answer: unknown
  try {
    answer = original.apply(it, args as unknown as unknown[])
  } catch (thrown) {
    timed.ended(true)
    throw thrown
  }
  timed.ended(false, rowsOf(answer))
  return answer
}

/** Each row is fetched when it is asked for: what counts is the time in `next`, told when the last one was, or nobody wants more. */
const iterateInCall = (original: Method, describe: Describe): Method =>
  function () {
    const call = currentCall()
    if (call === undefined) return original.apply(this, arguments as unknown as unknown[])
    const { text, connection } = describe(this as object)
    const timed = new Timed(call, system, text, connection)
    let tookUs = 0
    let rows = 0
    const measured = <Answer>(work: () => Answer): Answer => {
      const startedUs = nowUs()
      try {
        return work()
      } catch (thrown) {
        timed.ended(true, rows, tookUs + nowUs() - startedUs)
        throw thrown
      } finally {
        tookUs += nowUs() - startedUs
      }
    }
    const iterator = measured(() => original.apply(this, arguments as unknown as unknown[]) as Iterator<unknown> & object)
    const { next, return: leave } = iterator
    const own = (name: string, value: Method) => Object.defineProperty(iterator, name, { configurable: true, writable: true, value })
    own('next', function () {
      const step = measured(() => next.call(this as Iterator<unknown>))
      if (step.done === true) timed.ended(false, rows, tookUs)
      else rows++
      return step
    })
    own('return', function () {
      const step = measured(() => (leave as Method).apply(this, arguments as unknown as unknown[]) as unknown)
      timed.ended(false, rows, tookUs)
      return step
    })
    return iterator
  }
