/** Captures in files: opened, unpacked, divided among cores. */
import { stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type AnalyserOptions, createAnalyser } from './analyser.ts'
import { captureBytes } from './files/bytes.ts'
import { Merge, type Receiver } from './files/merge.ts'
import { creditMax, type News, type Order, sliceBytes, type Start } from './files/messages.ts'
import type { CaptureSummary, SessionRecord, Turn } from './types.ts'

export type FileOptions = AnalyserOptions & { readonly signal?: AbortSignal }

/**
 * Analyses one capture in this thread, which is free between chunks of 4 MiB (about 20 ms).
 * @param source the path of a pcap or pcapng file, as it is or inside gzip or zstd, which is its name in records unless `options.name` is given; or such bytes as they come (stdin)
 * @throws CaptureError when it is no capture; what Node says when it can't be read
 */
export async function analyseFile(source: string | AsyncIterable<Uint8Array>, options: FileOptions): Promise<CaptureSummary> {
  const warnings: string[] = []
  const analyser = createAnalyser({ ...options, name: options.name ?? (typeof source === 'string' ? source : '') })
  for await (const chunk of captureBytes(source, (sentence) => warnings.push(sentence))) {
    options.signal?.throwIfAborted()
    analyser.write(chunk)
  }
  const summary = analyser.end()
  return { ...summary, warnings: [...summary.warnings, ...warnings] }
}

export type FilesOptions = {
  /** Each session as it comes out; a promise holds its worker back until it is kept. */
  readonly onSession: (record: SessionRecord) => void | Promise<void>
  readonly onTurn?: (turn: Turn, session: number, path: string) => void
  /** So many bytes more of a capture, unpacked, have been read by all that share it. */
  readonly onRead?: (bytes: number, path: string) => void
  /** Threads; as many as there are cores by default. */
  readonly workers?: number
  /** Bytes of a file from which its sessions are divided among threads that have no file of their own; 512 MiB by default. */
  readonly dividedFrom?: number
  /** Live sessions at most, of each capture. */
  readonly liveMax?: number
  readonly signal?: AbortSignal
}

/** What became of a capture: one that cannot be read does not keep the others from being read. */
export type FileOutcome = { readonly path: string; readonly summary: CaptureSummary } | { readonly path: string; readonly error: Error }

/**
 * Analyses captures in threads of their own: a file each; where there are fewer files than threads, a large one's sessions are
 * divided among all of them, and numbered as if they had not been. Memory: each thread's live sessions, and 32 messages of
 * 64 records between each thread and the caller.
 * @returns one for each path, in their order
 */
export async function analyseFiles(paths: readonly string[], options: FilesOptions): Promise<FileOutcome[]> {
  const count = Math.max(1, options.workers ?? availableParallelism())
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0, // Whoever opens it says why it can't be read.
      ),
    ),
  )
  const shared: number[] = []
  const alone: number[] = []
  for (const [index, size] of sizes.entries())
    (size >= (options.dividedFrom ?? dividedFrom) && paths.length < count ? shared : alone).push(index)
  await using crew = new Crew(shared.length > 0 ? count : Math.min(count, paths.length), options.signal)
  const outcomes: FileOutcome[] = []
  /** What the caller's own function threw is no trouble of the capture's. */
  let thrown: { readonly error: unknown } | undefined
  const onSession = async (record: SessionRecord) => {
    try {
      await options.onSession(record)
    } catch (error) {
      thrown = { error }
      throw error
    }
  }
  const analyse = async (index: number, hands: readonly Hand[]) => {
    const path = paths[index] as string
    try {
      outcomes[index] = { path, summary: await analyseWith(hands, path, { ...options, onSession }) }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (thrown !== undefined) throw thrown.error
      outcomes[index] = { path, error: error instanceof Error ? error : new Error(String(error)) }
      // What it was in the middle of is not to reach the next capture.
      for (const hand of hands) await crew.replace(hand)
    }
  }
  for (const index of shared) await analyse(index, crew.hands)
  const queue = alone.values()
  await Promise.all(
    crew.hands.map(async (_, place) => {
      for (const index of queue) await analyse(index, [crew.hands[place] as Hand])
    }),
  )
  return outcomes
}

/**
 * To divide less costs more than it brings: every thread reads and decodes the whole file, and warms up. On two cores one
 * of 110 MB took 1.6 times as long divided, one of 580 MB 0.95 times.
 */
const dividedFrom = 512 * 2 ** 20

async function analyseWith(hands: readonly Hand[], path: string, options: FilesOptions): Promise<CaptureSummary> {
  const { onSession, onTurn, onRead, liveMax } = options
  const receiver: Receiver = {
    onSession,
    onTurn: onTurn && ((turn, session) => onTurn(turn, session, path)),
    onSlice: onRead && (() => onRead(sliceBytes, path)),
  }
  const merge = new Merge(hands.length, receiver, (index) => hands[index]?.taken())
  await new Promise<void>((resolve, reject) => {
    for (const [index, hand] of hands.entries()) {
      const shard = { index, of: hands.length }
      hand.begin(
        { path, name: path, shard, liveMax: liveMax && Math.ceil(liveMax / hands.length), turns: onTurn !== undefined },
        (news) =>
          void merge.add(index, news).then(() => {
            if (merge.summary !== undefined) resolve()
          }, reject),
        reject,
      )
    }
  })
  return merge.summary as CaptureSummary
}

/** One worker and what is between it and us. */
class Hand {
  readonly #credit = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker
  #news: (news: News) => void = () => {}
  #failed: (error: Error) => void = () => {}

  constructor() {
    Atomics.store(this.#credit, 0, creditMax)
    // Types are stripped where we run from source; what is published has been built.
    const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
    // Without our flags: some (--input-type, --import) are for the program that asked, not for what it starts.
    this.#worker = new Worker(file, { workerData: { credit: this.#credit } satisfies Start, execArgv: [] })
    this.#worker.on('message', (news: News) => this.#news(news))
    this.#worker.on('error', (error: Error) => this.#failed(error))
  }

  begin(order: Order, news: (news: News) => void, failed: (error: Error) => void): void {
    this.#news = news
    this.#failed = failed
    this.#worker.postMessage(order)
  }

  /** One of its messages was dealt with. */
  taken(): void {
    Atomics.add(this.#credit, 0, 1)
    Atomics.notify(this.#credit, 0)
  }

  async end(reason: Error): Promise<void> {
    this.#failed(reason)
    this.#news = () => {}
    await this.#worker.terminate()
  }
}

class Crew {
  readonly hands: Hand[]
  readonly #signal: AbortSignal | undefined

  constructor(count: number, signal: AbortSignal | undefined) {
    signal?.throwIfAborted()
    this.hands = Array.from({ length: count }, () => new Hand())
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  readonly #abort = () => {
    for (const hand of this.hands) void hand.end(this.#signal?.reason as Error)
  }

  async replace(hand: Hand): Promise<void> {
    await hand.end(new Error('ended'))
    this.hands[this.hands.indexOf(hand)] = new Hand()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort)
    await Promise.all(this.hands.map((hand) => hand.end(new Error('ended'))))
  }
}
