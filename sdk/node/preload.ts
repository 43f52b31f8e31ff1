/** Was a module loaded by `node --import` (or `--require`), and not merely by an import in the code of a service? */
import { realpathSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'

/** @param names under which others know the module; @param url its own. */
export function isPreloaded(names: readonly string[], url: string, execArgv: readonly string[], nodeOptions: string): boolean {
  // A worker has the options of its process, and no server of its own as a rule.
  if (!isMainThread) return false
  const own = pathOf(url)
  return preloads([...execArgv, ...nodeOptions.split(/\s+/)]).some((it) => names.includes(it) || (own !== undefined && pathOf(it) === own))
}

function preloads(options: readonly string[]): string[] {
  return options.flatMap((option, at) => {
    const [, value] = /^(?:--import|--require|-r)(?:=(.*))?$/s.exec(option) ?? [undefined, undefined]
    if (!/^(?:--import|--require|-r)(?:=|$)/.test(option)) return []
    return (value ?? options[at + 1] ?? '').replace(/^(["'])(.*)\1$/s, '$2')
  })
}

function pathOf(specifier: string): string | undefined {
  try {
    if (specifier.startsWith('file:')) return realpathSync(fileURLToPath(specifier))
    if (isAbsolute(specifier) || /^\.\.?[\\/]/.test(specifier)) return realpathSync(resolve(specifier))
  } catch {
    // No such file: then it is not this one.
  }
  return undefined
}
