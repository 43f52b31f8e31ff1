/** How libraries are patched: a method stands for its original, asks for the call under way first, and changes nothing else. */
import { createRequire } from 'node:module'
import { calls } from '../context.ts'
import { onLoad } from '../modules.ts'
import type { OpenCall } from '../types.ts'

/** What libraries take and give is theirs, and is handed on as it is. Declared as a method, so that replacements may name what they get. */
export type Method = { call(this: unknown, ...args: unknown[]): unknown }['call']

/** The package is not shaped as it is in the versions that are known. */
export class UnknownShape extends Error {
  override readonly name = 'UnknownShape'
}

const ours = new WeakSet<Method>()

/**
 * Puts `make(original)` in the place of a method, once however often it is asked for.
 *
 * @throws UnknownShape when there is no such method on the object itself.
 */
export function replaceMethod(owner: unknown, name: string, make: (original: Method) => Method): void {
  const holder = owner as Record<string, unknown> | null | undefined
  const original = holder?.[name]
  if (typeof original !== 'function' || !Object.hasOwn(holder as object, name)) throw new UnknownShape(`there is no ${name}()`)
  if (ours.has(original as Method)) return
  const method = make(original as Method)
  ours.add(method)
  // Some look at how many arguments a method takes.
  Object.defineProperties(method, {
    name: { value: original.name, configurable: true },
    length: { value: original.length, configurable: true },
  })
  const descriptor = Object.getOwnPropertyDescriptor(holder, name) as PropertyDescriptor
  Object.defineProperty(holder, name, { ...descriptor, value: method })
}

/** The prototype in the chain of `from` that has this method itself. @throws UnknownShape */
export function ownerOf(from: unknown, name: string): object {
  for (
    let at: object | null = from as object | null;
    typeof at === 'object' && at !== null;
    at = Object.getPrototypeOf(at) as object | null
  )
    if (Object.hasOwn(at, name)) return at
  throw new UnknownShape(`there is no ${name}()`)
}

/** Whatever is loaded under this name is patched; a package of another shape stays as it is, and that is said once. */
export function driverOf(name: string, patch: (exports: unknown) => void): () => void {
  return onLoad(name, (exports) => {
    try {
      patch(exports)
    } catch (thrown) {
      warn(name, thrown)
    }
  })
}

const warned = new Set<string>()

export function warn(name: string, thrown: unknown): void {
  if (warned.has(name)) return
  warned.add(name)
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  process.emitWarning(`its statements are not recorded, because ${name} ${versionOf(name)}is not as expected: ${why}.`, {
    type: 'BelayWarning',
    code: 'BELAY_DRIVER',
  })
}

/** With a space behind it; nothing when it cannot be found out. */
function versionOf(name: string): string {
  const [file] = loadedFiles(name, '')
  if (file === undefined) return ''
  try {
    const root = file.slice(0, file.lastIndexOf(name) + name.length)
    const { version } = createRequire(file)(`${root}/package.json`) as { readonly version?: unknown }
    return typeof version === 'string' ? `${version} ` : ''
  } catch {
    return ''
  }
}

const { cache } = createRequire(import.meta.url)

/** Files of a package that are loaded, and end so. For what a package does not export; with every copy of it. */
export function loadedFiles(name: string, end: string): string[] {
  const inside = `/node_modules/${name}/`
  return Object.keys(cache).filter((file) => {
    const plain = file.replaceAll('\\', '/')
    return plain.endsWith(end) && plain.includes(inside)
  })
}

export function exportsOf(file: string): unknown {
  return cache[file]?.exports
}

/** A callback that goes on in the call that it was given in, whoever calls it: pools and sockets belong to all calls. */
export function boundTo<Callback extends Method>(call: OpenCall, callback: Callback): Callback {
  return function (this: unknown, ...args: unknown[]) {
    if (calls.getStore() === call) return callback.apply(this, args)
    return calls.run(call, () => callback.apply(this, args))
  } as Callback
}

/** What is opened for all calls is opened in none: its events would otherwise be taken for the work of the call that came first. */
export function outsideOfCalls<Result>(work: () => Result): Result {
  return calls.getStore() === undefined ? work() : calls.run(undefined as unknown as OpenCall, work)
}
