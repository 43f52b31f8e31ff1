/**
 * Knowing a process again. A number alone is not enough: numbers are given out anew, and a restart of the machine
 * begins from the start. Number, start time and the machine's boot together name one process for ever.
 */
import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { systemClock } from '@belay/base'

export type Identity = { readonly pid: number; readonly startedTicks: string; readonly boot: string }
export type Exit = { readonly code: number | null; readonly signal: string | null }
/** A process that is looked after: a child, or one that an earlier agent started. */
export type Running = {
  readonly identity: Identity
  /** Nobody but its parent learns the code of a process: of one that was adopted both are null. */
  readonly ended: Promise<Exit>
  hasEnded(): boolean
}

const linux = process.platform === 'linux'
/** USER_HZ: the unit of times in /proc, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100
/** An adopted process is looked at four times a second: its restart is not much later than a child's. */
const adoptedPollMs = 250

type Stat = { readonly state: string; readonly group: number; readonly startedTicks: string }

/** Undefined when there is no such process. */
function statOf(pid: number): Stat | undefined {
  try {
    if (!linux) {
      const text = execFileSync('ps', ['-o', 'state=,pgid=,lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const [state = '', group = '', ...started] = text.trim().split(/\s+/)
      return { state, group: Number(group), startedTicks: started.join(' ') }
    }
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command's name stands in parentheses and may hold anything; fields are counted from behind it (proc_pid_stat(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0] as string, group: Number(fields[2]), startedTicks: fields[19] as string }
  } catch {
    return undefined
  }
}

export const boot: string = (() => {
  try {
    return linux
      ? readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      : execFileSync('sysctl', ['-n', 'kern.boottime'], { encoding: 'utf8' })
  } catch {
    return ''
  }
})()

/** Undefined when it has already ended and its number is free again. */
export function identify(pid: number): Identity | undefined {
  const stat = statOf(pid)
  return stat === undefined ? undefined : { pid, startedTicks: stat.startedTicks, boot }
}

/** The process group of a process; undefined when it has ended. */
export function groupOf(pid: number): number | undefined {
  return statOf(pid)?.group
}

/** A zombie does nothing any more: it counts as ended, also where nobody collects it. */
const isZombie = (stat: Stat) => stat.state.startsWith('Z') || stat.state.startsWith('X')

export function isAlive(identity: Identity): boolean {
  if (identity.boot !== boot) return false
  const stat = statOf(identity.pid)
  return stat !== undefined && stat.startedTicks === identity.startedTicks && !isZombie(stat)
}

/** How long it has been running, by a clock that nobody sets; undefined where the system does not tell. */
export function ageMs(identity: Identity): number | undefined {
  if (!linux) return undefined
  const upSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  return Math.max(0, upSeconds * 1_000 - (Number(identity.startedTicks) / ticksPerSecond) * 1_000)
}

/** Is anybody left of the group that this process led? */
export function groupLives(leader: Identity): boolean {
  if (leader.boot !== boot) return false
  if (isAlive(leader)) return true
  try {
    process.kill(-leader.pid, 0)
  } catch {
    return false
  }
  // The number may belong to a stranger by now: then our group is gone, since a group keeps its number taken.
  const present = statOf(leader.pid)
  if (present !== undefined && present.startedTicks !== leader.startedTicks) return false
  return pids().some((pid) => {
    const stat = statOf(pid)
    return stat !== undefined && stat.group === leader.pid && !isZombie(stat)
  })
}

function pids(): number[] {
  if (!linux) {
    return execFileSync('ps', ['-axo', 'pid='], { encoding: 'utf8' }).trim().split(/\s+/).map(Number)
  }
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

export function signalGroup(leader: Identity, signal: NodeJS.Signals): void {
  if (!groupLives(leader)) return
  try {
    process.kill(-leader.pid, signal)
  } catch {
    // It ended between the look and the signal.
  }
}

/** SIGTERM to the whole group, `graceMs`, then SIGKILL; returns when nobody is left. */
export async function endGroup(leader: Identity, graceMs: number): Promise<void> {
  signalGroup(leader, 'SIGTERM')
  if (await groupGone(leader, graceMs)) return
  signalGroup(leader, 'SIGKILL')
  // Only a process stuck in the kernel (a dead disk) outlives that; nobody can do more about it.
  await groupGone(leader, 5_000)
}

async function groupGone(leader: Identity, withinMs: number): Promise<boolean> {
  const endMs = performance.now() + withinMs
  for (let pauseMs = 2; groupLives(leader); pauseMs = Math.min(pauseMs * 2, 50)) {
    if (performance.now() >= endMs) return false
    await systemClock.sleep(pauseMs)
  }
  return true
}

export function ofChild(child: ChildProcess, identity: Identity): Running {
  let over = false
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      over = true
      resolve({ code, signal })
    })
  })
  return { identity, ended, hasEnded: () => over }
}

export function ofStranger(identity: Identity): Running {
  let over = false
  const ended = (async (): Promise<Exit> => {
    while (isAlive(identity)) await systemClock.sleep(adoptedPollMs)
    over = true
    return { code: null, signal: null }
  })()
  return { identity, ended, hasEnded: () => over || !isAlive(identity) }
}

export function sayExit({ code, signal }: Exit): string {
  if (signal !== null) return `was ended by ${signal}`
  return code === null ? 'ended while nobody was watching' : `ended with exit code ${code}`
}

/** All that a command gets from the agent; the rest is the order's. `node` is the one that runs the agent. */
export function ground(): Record<string, string> {
  return {
    PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'}`,
    HOME: process.env['HOME'] ?? homedir(),
    LANG: process.env['LANG'] ?? 'C.UTF-8',
    TMPDIR: tmpdir(),
  }
}
