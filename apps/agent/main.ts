/**
 * The agent: `node main.ts --socket PATH --home DIR [--version TEXT]`. It takes orders over a socket that only its
 * user can reach, carries them out, and looks after what it started. It may be killed at any moment: what it knows is
 * on the disk, and the next one goes on from there.
 */
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { writeWhole } from '@belay/base/node'
import { privateFolder, type OrderName, type ParsedOrder } from '@belay/exec'
import { orderTable } from './orders.ts'
import { Roots } from './roots.ts'
import { serve, type Talk } from './serve.ts'

const tickMs = 1_000
/** With nothing to look after and nobody connected for so long, it ends; the next order starts it anew. */
const idleMsMax = 60_000

const { values } = parseArgs({
  options: { socket: { type: 'string' }, home: { type: 'string' }, version: { type: 'string', default: 'unknown' } },
})
if (values.socket === undefined || values.home === undefined) {
  console.error('usage: node main.ts --socket PATH --home DIR [--version TEXT]')
  process.exit(2)
}
await run({ socketPath: values.socket, home: values.home, version: values.version })

async function run({ socketPath, home, version }: { socketPath: string; home: string; version: string }): Promise<void> {
  privateFolder(home)
  privateFolder(dirname(socketPath))
  const lock = onlyOne(join(home, 'agent.lock'))
  if (lock === undefined) return
  // Whoever held the lock before is gone, and what it listened on with it.
  rmSync(socketPath, { force: true })
  const startedAt = Date.now()
  // Before it listens: whoever reaches it may read who it is.
  await writeWhole(join(home, 'agent.json'), `${JSON.stringify({ socket: socketPath, pid: process.pid, version, startedAt })}\n`, 0o600)
  const roots = new Roots(home)
  await roots.resume()

  let connections = 0
  let idleSinceMs = performance.now()
  const server = await serve(
    socketPath,
    (order, talk) => obey(order, talk),
    (open) => {
      connections = open
      idleSinceMs = performance.now()
    },
  )
  const retire = () => {
    // Those who still wait for an answer ask the next agent: services and jobs go on.
    server.close()
    rmSync(socketPath, { force: true })
    setTimeout(() => {
      lock.close()
      process.exit(0)
    }, 20)
  }
  const table = orderTable({ roots, hello: { version, pid: process.pid, startedAt }, retire })
  function obey<N extends OrderName>(order: ParsedOrder<N>, talk: Talk): Promise<object> {
    // The table gives every order the work of its own name; the compiler can't follow a name that is only known later.
    const work = table[order.order as N] as (order: ParsedOrder<N>, talk: Talk) => Promise<object>
    return work(order, talk)
  }

  process.on('SIGTERM', retire)
  process.on('SIGINT', retire)
  process.on('SIGHUP', () => {})
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, tickMs))
    await roots.tick().catch((error) => console.error('looking after the roots failed:', error))
    const idle = connections === 0 && performance.now() - idleSinceMs > idleMsMax
    if (idle && !(await roots.busy())) return retire()
  }
}

/**
 * Undefined when another agent of this home lives. The lock is SQLite's, because the kernel frees it with the
 * process, however that ends, and two who start at once can't both get it.
 */
function onlyOne(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch {
    database.close()
    return undefined
  }
}
