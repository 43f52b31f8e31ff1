/** Real Redis for tests: one throw-away server for a run, in memory alone. */
import { createConnection } from 'node:net'
import type { TestServer } from './mariadb.ts'
import { onFreePort, programOnPath, sharedServer, startForRun, stepDown } from './shared.ts'

/** On the loopback interface, no password, 16 databases; or the sentence that says why there is none. */
export async function redisForTests(): Promise<TestServer | { readonly skipped: string }> {
  const program = programOnPath('redis-server', 'valkey-server')
  if (program === undefined) return { skipped: 'Redis is not installed: apt-get install redis-server' }
  return { port: Number(await sharedServer('Redis', (folder) => start(program, folder))) }
}

async function start(program: string, folder: string): Promise<string> {
  const user = stepDown(folder)
  const settings = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]
  const port = await onFreePort((it) =>
    startForRun('Redis', [program, '--port', String(it), ...settings], folder, user, () => answersPing(it)),
  )
  return String(port)
}

function answersPing(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('error', reject)
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
    socket.write('PING\r\n')
  })
}
