/** What stands in a repository, for the first belay.yaml: names of files, and the text of those that tell something. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Deep enough for apps/web/src/server.js and db/migrations, shallow enough to be instant. */
const depthMax = 4
/** A repository with more files than this tells enough in its first ones. */
const filesMax = 20_000
/** Start scripts and Dockerfiles are small; anything bigger is data. */
const bytesReadMax = 64 * 1024
const skipped: ReadonlySet<string> = new Set(['node_modules', '.git', '.belay', 'dist', 'build', 'target', 'vendor', '.venv', 'coverage'])
const telling = /(^|\/)(package\.json|Procfile|Dockerfile|Cargo\.toml|[^/]*(server|main|app|index|api|web|worker)[^/]*\.[cm]?[jt]s)$/

export function lookAround(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  const visit = (inside: string, depth: number): void => {
    for (const entry of readdirSync(join(folder, inside), { withFileTypes: true })) {
      if (files.size >= filesMax) return
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth < depthMax && !skipped.has(entry.name)) visit(path, depth + 1)
      } else if (entry.isFile()) {
        files.set(
          path,
          telling.test(path) && statSync(join(folder, path)).size <= bytesReadMax ? readFileSync(join(folder, path), 'utf8') : '',
        )
      }
    }
  }
  visit('', 1)
  return files
}
