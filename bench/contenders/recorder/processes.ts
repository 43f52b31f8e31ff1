/** The processes of the bench `recorder`: the service under each instrumentation, the collector, neighbours that keep cores busy. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const instrumentations = ['none', 'exact', 'sampled', 'opentelemetry'] as const
export type Instrumentation = (typeof instrumentations)[number]

export type Usage = { readonly cpuUs: number; readonly rss: number }
export type Service = AsyncDisposable & {
  readonly url: string
  /** Of the whole process since it began. */
  usage(): Promise<Usage>
  /** Measures how much of its loop is a millisecond, as things are now. */
  calibrate(): Promise<Usage>
}

const file = (name: string) => join(import.meta.dirname, name)

export async function startService(
  how: Instrumentation,
  options: { database: string; collector: string; folder: string },
): Promise<Service> {
  const { child, url } = await start('app.ts', ...instrumented(how, options))
  const ask = async (question: string): Promise<Usage> => {
    const answer = once(child, 'message')
    child.send(question)
    return ((await answer) as [Usage])[0]
  }
  return { url, usage: () => ask('usage'), calibrate: () => ask('calibrate'), [Symbol.asyncDispose]: () => end(child) }
}

function instrumented(
  how: Instrumentation,
  { database, collector, folder }: { database: string; collector: string; folder: string },
): [execArgv: string[], env: NodeJS.ProcessEnv] {
  const env = { BENCH_DATABASE: database }
  if (how === 'none') return [[], env]
  if (how === 'opentelemetry')
    return [
      ['--require', fileURLToPath(import.meta.resolve('@opentelemetry/auto-instrumentations-node/register'))],
      {
        ...env,
        OTEL_EXPORTER_OTLP_ENDPOINT: collector,
        OTEL_TRACES_EXPORTER: 'otlp',
        // What the recorder has no counterpart of is not charged to it.
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        OTEL_SERVICE_NAME: 'app',
      },
    ]
  return [
    ['--import', import.meta.resolve('@belay/node/record')],
    { ...env, BELAY_URL: collector, BELAY_KEY: 'bsk_bench', BELAY_SERVICE: 'app', BELAY_CPU: how, BELAY_DATA: join(folder, how) },
  ]
}

/** @param sums keeps the CPU time of methods; `/sums` has them. */
export async function startCollector(sums: boolean): Promise<AsyncDisposable & { readonly url: string }> {
  const { child, url } = await start('collector.ts', [], { BENCH_SUMS: sums ? '1' : '0' })
  return { url, [Symbol.asyncDispose]: () => end(child) }
}

/** Takes all of a core that it gets. */
export async function startNeighbours(count: number): Promise<AsyncDisposable> {
  const children = Array.from({ length: count }, () => fork(file('neighbour.ts'), { stdio: 'inherit', execArgv: [] }))
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(children.map(end))
    },
  }
}

async function start(name: string, execArgv: string[], env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(file(name), {
    execArgv,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, url: `http://127.0.0.1:${port}` }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
