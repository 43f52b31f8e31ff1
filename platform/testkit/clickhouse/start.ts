import { fork } from 'node:child_process'

/** A ClickHouse that speaks HTTP, for one suite. */
export type TestClickHouse = AsyncDisposable & {
  /** With user and password. */
  readonly url: string
  readonly pid: number
}

/** @param it.cluster makes it the one shard of a cluster of that name. */
export async function startClickHouse(it: { readonly folder: string; readonly cluster?: string }): Promise<TestClickHouse> {
  const child = fork(new URL('./main.ts', import.meta.url), [it.folder, it.cluster ?? ''], {
    execArgv: [],
    env: { PATH: process.env['PATH'], TZ: 'UTC', UV_THREADPOOL_SIZE: '16' },
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { readonly port: number }) => resolve(message.port))
    void ended.then(() => reject(new Error('the ClickHouse for tests ended before it listened')))
  })
  return {
    url: `http://belay:only%20for%20tests@127.0.0.1:${port}`,
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL') // What it holds is thrown away.
      await ended
    },
  }
}
