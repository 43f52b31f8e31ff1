/**
 * Tells when a package is loaded, so that what it exports can be patched. Both `require` and `import` of a CommonJS
 * package come through `Module._load`: an import takes its names from what stands in `module.exports` after that, so
 * what is patched here is what both see. Of a package that is an ECMAScript module, what can be patched is what its
 * exports consist of, prototypes for example: Node tells where an import leads (`registerHooks`, since 22.15 and 23.5).
 */
import Module, { createRequire } from 'node:module'

type Patch = (exports: unknown) => void
type Loader = { _load(request: string, parent: { readonly filename?: string | null } | undefined, isMain: boolean): unknown }

const waiting = new Map<string, Patch[]>()
const patched = new WeakMap<object, Set<Patch>>()
let original: Loader['_load'] | undefined

/**
 * Calls `patch` with the package's exports, once, when it is loaded; at once when it was loaded before from the
 * service's own folder. What a patch throws is swallowed: a package that looks different stays as it is.
 * Returns what ends it; what was patched stays so.
 */
export function onLoad(name: string, patch: Patch): () => void {
  const patches = waiting.get(name) ?? []
  waiting.set(name, [...patches, patch])
  install()
  const loaded = loadedAlready(name)
  if (loaded !== undefined) apply(loaded, patch)
  return () => {
    waiting.set(
      name,
      (waiting.get(name) ?? []).filter((it) => it !== patch),
    )
  }
}

function install(): void {
  if (original !== undefined) return
  const loader = Module as unknown as Loader
  const load = loader._load
  original = load
  loader._load = function (request, parent, isMain) {
    const exports = load.call(this, request, parent, isMain)
    const name = packageOf(request)
    const patches = name === undefined ? undefined : waiting.get(name)
    if (patches !== undefined) for (const patch of patches) apply(exports, patch)
    return exports
  }
  registerHooks?.({
    resolve(specifier, context, next) {
      const found = next(specifier, context)
      if (waiting.has(specifier) && found.format === 'module') void afterImport(specifier, found.url)
      return found
    },
  })
}

type Resolved = { readonly url: string; readonly format?: string | null }
type Resolve = (specifier: string, context: unknown, next: (specifier: string, context: unknown) => Resolved) => Resolved
/** Newer than Node 20. */
const { registerHooks } = Module as unknown as { registerHooks?: (hooks: { resolve: Resolve }) => unknown }

const imported = new Set<string>()
/** It is evaluated when our own import of it resolves: before a server that it makes can have been asked. */
async function afterImport(name: string, url: string): Promise<void> {
  if (imported.has(url)) return
  imported.add(url)
  try {
    const exports = (await import(url)) as unknown
    for (const patch of waiting.get(name) ?? []) apply(exports, patch)
  } catch {
    // Then the service's own import fails too, and says so.
  }
}

function apply(exports: unknown, patch: Patch): void {
  if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return
  const done = patched.get(exports) ?? new Set()
  if (done.has(patch)) return
  patched.set(exports, done.add(patch))
  try {
    patch(exports)
  } catch {
    // Another version than those that are known.
  }
}

/**
 * `pg` of `pg`, and of the file that an `import` of it has resolved to; `mysql2/promise` too. Undefined for other files of
 * packages.
 */
function packageOf(request: string): string | undefined {
  if (waiting.has(request)) return request
  if (!request.includes('node_modules')) return undefined
  const [, name, file] = /.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/](.+)$/.exec(request) ?? []
  if (name === undefined || file === undefined) return undefined
  const plain = name.replaceAll('\\', '/')
  for (const known of waiting.keys()) if ((known === plain || known.startsWith(`${plain}/`)) && isMainOf(known, request)) return known
  return undefined
}

const mains = new Map<string, boolean>()
/** Is this file what the name stands for? */
function isMainOf(name: string, file: string): boolean {
  const key = `${name} ${file}`
  const known = mains.get(key)
  if (known !== undefined) return known
  let is = false
  try {
    is = createRequire(file).resolve(name) === file
  } catch {
    // No CommonJS door: nothing that could be patched here.
  }
  mains.set(key, is)
  return is
}

function loadedAlready(name: string): unknown {
  try {
    const require = createRequire(`${process.cwd()}/`)
    return require.cache[require.resolve(name)]?.exports
  } catch {
    return undefined
  }
}
