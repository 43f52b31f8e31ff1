/** Real MariaDB for tests of what speaks MySQL's protocol: one throw-away server for a run, which lets everybody in. */
import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { onFreePort, programOnPath, sharedServer, startForRun, stepDown } from './shared.ts'

export type TestServer = { readonly port: number }

/** On the loopback interface, user root, no password, no database; or the sentence that says why there is none. */
export async function mariadbForTests(): Promise<TestServer | { readonly skipped: string }> {
  const program = programOnPath('mariadbd', 'mysqld')
  if (program === undefined) return { skipped: 'MariaDB is not installed: apt-get install mariadb-server-core' }
  return { port: Number(await sharedServer('MariaDB', (folder) => start(program, folder))) }
}

/** Without the tables of its own that `mariadb-install-db` makes in seconds: nobody's privileges are asked for. */
async function start(program: string, folder: string): Promise<string> {
  const data = join(folder, 'data')
  mkdirSync(data)
  const user = stepDown(folder)
  stepDown(data)
  const settings = [
    '--no-defaults',
    '--skip-grant-tables',
    `--datadir=${data}`,
    `--socket=${join(folder, 'socket')}`,
    `--pid-file=${join(folder, 'pid')}`,
  ]
  // What these tests write is thrown away.
  const small = ['--skip-log-bin', '--innodb-flush-log-at-trx-commit=0', '--innodb-buffer-pool-size=16M', '--innodb-log-file-size=8M']
  const port = await onFreePort((it) =>
    startForRun('MariaDB', [program, ...settings, ...small, '--bind-address=127.0.0.1', `--port=${it}`], folder, user, () => greets(it)),
  )
  return String(port)
}

/** MySQL's protocol begins with the server's word. */
function greets(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('error', reject)
    socket.once('data', () => {
      socket.destroy()
      resolve()
    })
  })
}
