/**
 * A host is where commands run. Drivers differ in how they reach it (`local` now; `cell` and `ssh` answer the same
 * contract, see host.contract.ts); steps and deployments see nothing else.
 *
 * Everything that changes a host is given under a lease's fence and has a key: see the agent's orders for what those
 * promise (once only, refused when stale, journalled on the host before and after).
 */
import type { HostFacts, JobEnd, JournalEntry, ProbeResult, ServiceSpec, ServiceStatus } from '@belay/exec'

export type Under = { readonly key: string; readonly fence: number }
export type HostJob = {
  readonly shell: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly timeLimitMs: number
}
export type HostProbe =
  | { readonly kind: 'http'; readonly url: string; readonly contains?: string; readonly timeoutMs: number }
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number; readonly timeoutMs: number }

export interface Host {
  readonly name: string
  readonly environment: string
  readonly driver: string
  /** Where the environment's other hosts reach this one: an IP address or name. */
  readonly address: string

  /** @throws Problem `host-unreachable` with the reason and what to try. */
  facts(): Promise<HostFacts>
  /** The absolute path on the host of a path relative to the host's own folder. */
  path(relative: string): string
  /** @throws Problem `artifact-corrupted` when the bytes do not have that SHA-256, `disk-full`. */
  put(under: Under, file: { from: string; to: string; sha256: string }): Promise<void>
  unpack(under: Under, archive: { archive: string; to: string; sha256: string }): Promise<void>
  write(under: Under, file: { to: string; content: string; mode: number }): Promise<void>
  link(under: Under, it: { link: string; target: string }): Promise<{ before: string | null }>
  remove(under: Under, path: string): Promise<void>
  /** Runs to its end, however often the connection breaks. A second call with the same key re-attaches. */
  run(
    under: Under,
    job: HostJob,
    onOutput: (piece: { offset: number; text: string }) => void,
    options?: { fromOffset?: number; signal?: AbortSignal },
  ): Promise<JobEnd>
  cancel(under: Under, jobKey: string): Promise<void>
  ensure(
    under: Under,
    service: string,
    spec: ServiceSpec,
    options?: { anew?: boolean },
  ): Promise<{ pid: number; startedAt: number; started: boolean }>
  halt(under: Under, service: string): Promise<void>
  services(): Promise<readonly ServiceStatus[]>
  logs(service: string, options: { lines: number; follow: boolean; signal: AbortSignal }): AsyncIterable<string>
  probe(probe: HostProbe): Promise<ProbeResult>
  journal(prefix: string): Promise<readonly JournalEntry[]>
  /** Stops everything and deletes the host's folder. */
  erase(under: Under): Promise<void>
}
