/** Who listens on a port of this machine. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { systemClock } from '@belay/base'
import { groupOf } from './processes.ts'

/** `group` is its process group; all are null where the system does not tell. */
export type Holder = { readonly pid: number | null; readonly group: number | null; readonly command: string | null }

/** Undefined when the port is free. A process of another user is seen, but not which it is. */
export async function holderOf(port: number): Promise<Holder | undefined> {
  if (process.platform !== 'linux') return (await canListen(port)) ? undefined : { pid: null, group: null, command: null }
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => listeningInodes(table, port)))
  if (inodes.size === 0) return undefined
  const pid = ownerOf(inodes)
  return pid === undefined ? { pid: null, group: null, command: null } : { pid, group: groupOf(pid) ?? null, command: commandOf(pid) }
}

/** Until nobody listens there; false when somebody still does after `withinMs`. */
export async function becomesFree(port: number, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs
  while ((await holderOf(port)) !== undefined) {
    if (performance.now() >= endMs) return false
    await systemClock.sleep(20)
  }
  return true
}

/** Columns: number, local address and port (hex), remote, state (0A is LISTEN), …, the tenth the inode (proc_net_tcp). */
function listeningInodes(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  try {
    return readFileSync(table, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[1]?.endsWith(wanted) && columns[3] === '0A')
      .map((columns) => columns[9] as string)
  } catch {
    return []
  }
}

function ownerOf(inodes: ReadonlySet<string>): number | undefined {
  const sockets = new Set([...inodes].map((inode) => `socket:[${inode}]`))
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => {
          try {
            return sockets.has(readlinkSync(`/proc/${pid}/fd/${fd}`))
          } catch {
            return false
          }
        })
      } catch {
        // Of another user, or just ended.
        return false
      }
    })
}

function commandOf(pid: number): string | null {
  try {
    // 120 characters tell a program with its script; more would bury the sentence.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim().slice(0, 120) || null
  } catch {
    return null
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
