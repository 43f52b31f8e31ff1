/** Load by autocannon, which comes without types. */
import { createRequire } from 'node:module'

export type LoadResult = {
  readonly latency: { readonly p99: number }
  readonly requests: { readonly total: number }
  readonly non2xx: number
  readonly errors: number
}
type Options = {
  readonly url: string
  readonly requests: readonly { readonly path: string }[]
  readonly connections: number
  /** Seconds. */
  readonly duration: number
}
type Autocannon = (options: Options, done: (error: Error | null, result: LoadResult) => void) => void

const autocannon = createRequire(import.meta.url)('autocannon') as Autocannon

/** @param paths asked in turn by each connection. */
export function load(url: string, paths: readonly string[], ms: number, connections: number): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    autocannon({ url, requests: paths.map((path) => ({ path })), connections, duration: ms / 1_000 }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    )
  })
}
