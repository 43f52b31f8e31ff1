/** Small services that are recorded, as processes of their own: hooks are a process' own, and so is its end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { CallBatch, CallColumns, Exemplar } from '@belay/call-record'
import { serverKey, type TestServer } from '../fixtures.ts'

/** One call, as the server would read it. */
type OneOfEach = { [Name in keyof CallColumns]-?: NonNullable<CallColumns[Name]>[number] }
export type Told = OneOfEach & {
  readonly name: string
  readonly accountName: string
  readonly audienceName: string
  readonly flags: readonly string[]
  readonly statement: string
  /** Of its socket. */
  readonly ends: readonly [peer: string, local: string]
  readonly exemplar: Exemplar | undefined
}

export function callsOf(batches: readonly CallBatch[]): Told[] {
  const once = new Map(batches.map((it) => [`${it.source} ${it.batch}`, it]))
  return [...once.values()].flatMap(({ calls, names, exemplars }) =>
    calls.at.map((_, nth) => {
      const columns = Object.entries(calls).map(([name, values]) => [name, (values as readonly unknown[])[nth]])
      const it = Object.fromEntries(columns) as OneOfEach
      return {
        ...it,
        name: names.methods[it.method] as string,
        accountName: names.accounts[it.account] ?? '',
        audienceName: names.audiences[it.audience] as string,
        flags: names.variants[it.variants] as readonly string[],
        statement: names.statements[it.repeated] ?? '',
        ends: [names.peers?.[it.peer] ?? '', names.peers?.[it.local] ?? ''] as const,
        exemplar: exemplars.find(({ call }) => call === nth),
      }
    }),
  )
}

const record = join(import.meta.dirname, '../record.ts')

export type App = {
  readonly process: ChildProcess
  readonly errors: () => string
  /** What it prints next. */
  line(): Promise<string>
  /** Its exit code and the signal that ended it. */
  readonly ended: Promise<readonly [number | null, NodeJS.Signals | null]>
  [Symbol.asyncDispose](): Promise<void>
}

/** @param code of a module beside this package's own; it may `import` what the package is tested with. */
export function startApp(
  code: string,
  options: {
    readonly server: Pick<TestServer, 'url'>
    readonly folder: string
    readonly env?: NodeJS.ProcessEnv
    readonly preload?: string
  },
): App {
  const { server, folder, env, preload = record } = options
  const child = spawn(process.execPath, [...(preload === '' ? [] : ['--import', preload]), '--input-type=module', '-e', code], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      BELAY_URL: server.url,
      BELAY_KEY: serverKey,
      BELAY_DATA: folder,
      BELAY_SERVICE: 'app',
      ...env,
    },
  })
  let errors = ''
  child.stderr?.on('data', (piece: Buffer) => {
    errors += piece.toString()
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  return {
    process: child,
    errors: () => errors,
    async line() {
      const { value, done } = await lines.next()
      if (done === true) throw new Error(`it has ended: ${errors}`)
      return value as string
    },
    ended,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}
