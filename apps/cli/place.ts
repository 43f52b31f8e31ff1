/** Where this command stands: the cloud's folder, Belay's own folder for it, and its server. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fail } from './problems.ts'

export type Place = {
  /** The folder of belay.yaml: the repository. */
  readonly repository: string
  /** Where the server keeps its state; `.belay` beside belay.yaml, or BELAY_HOME. */
  readonly home: string
}
export type ServerFile = { readonly url: string; readonly token: string; readonly pid: number }

type Environment = Readonly<Record<string, string | undefined>>

/** @throws Problem `no-cloud` when there is no belay.yaml here or above and BELAY_HOME is not set. */
export function findPlace(cwd = process.cwd(), env: Environment = process.env): Place {
  const repository = folderWithCloudFile(cwd)
  const home = env.BELAY_HOME ? resolve(cwd, env.BELAY_HOME) : undefined
  if (repository === undefined && home === undefined) throw fail('no-cloud', { folder: cwd })
  return { repository: repository ?? cwd, home: home ?? join(repository ?? cwd, '.belay') }
}

export function folderWithCloudFile(from: string): string | undefined {
  let folder = resolve(from)
  while (!existsSync(join(folder, 'belay.yaml'))) {
    const above = dirname(folder)
    if (above === folder) return undefined
    folder = above
  }
  return folder
}

export const serverFileOf = ({ home }: Place): string => join(home, 'server.json')

/**
 * What the server wrote about itself; undefined when it wrote nothing.
 * @throws Problem `server-file-broken`
 */
export function readServerFile(place: Place): ServerFile | undefined {
  const file = serverFileOf(place)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  try {
    const it = JSON.parse(text) as Partial<Record<keyof ServerFile, unknown>>
    if (typeof it.url === 'string' && typeof it.token === 'string' && typeof it.pid === 'number') return it as ServerFile
  } catch {
    // Falls through to the one sentence for everything that is not what a server writes.
  }
  throw fail('server-file-broken', { file })
}

/**
 * Where to reach the server and as whom: options, then environment variables, then the file that the server wrote.
 * @throws Problem `no-cloud`, `no-server`, `server-file-broken`
 */
export function findServer(
  options: { url?: string | undefined },
  cwd = process.cwd(),
  env: Environment = process.env,
): { url: string; token: string | undefined } {
  const url = options.url ?? env.BELAY_URL
  if (url) return { url: url.replace(/\/+$/, ''), token: env.BELAY_TOKEN }
  const place = findPlace(cwd, env)
  const file = readServerFile(place)
  if (file === undefined) throw fail('no-server', { folder: place.repository })
  return { url: file.url, token: env.BELAY_TOKEN ?? file.token }
}
