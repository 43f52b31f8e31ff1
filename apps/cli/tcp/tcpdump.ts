/** tcpdump as a child: what it captures comes by its stdout, what it says at its end is read. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Problem } from '@belay/base'
import { fail } from '../problems.ts'

export type CaptureWish = {
  /** `any` is every interface of this machine. */
  readonly interface: string
  /** As tcpdump's own language has it. */
  readonly filter: string
  /** Bytes of each packet. 128 hold all headers: IPv6 with full options needs 122. */
  readonly snaplen: number
}

export type Drops = {
  readonly captured: number | null
  readonly received: number | null
  /** Packets for which the kernel had no room: each of them looks like a loss of the network. */
  readonly droppedByKernel: number | null
  readonly droppedByInterface: number | null
}

export type Capture = {
  readonly stdout: Readable
  /** Fulfilled when tcpdump has ended, by itself or because it was told to; then `says` tells why. */
  readonly ended: Promise<{ readonly drops: Drops; readonly says: string; readonly code: number | null }>
  /** Lets it write what it still holds, and ends it. */
  stop(): Promise<void>
}

/** Packets wait so long in the kernel's ring before they are handed on. */
const ringMs = 300
/** One that does not end on SIGINT waits for a reader that is gone. */
const endMs = 3_000
/** Opening a device takes milliseconds. */
const startMs = 10_000
/** What it says fits a screen; a stuck one must not fill memory. */
const saysMax = 16_384

/** KiB in the kernel: 64 MiB are half a second of 1 Gbit/s of whole packets. */
const kernelBuffer = 65_536

export const captureArguments = ({ interface: name, filter, snaplen }: CaptureWish): readonly string[] => [
  ...['-i', name, '-n', '-U', '-s', String(snaplen), '-B', String(kernelBuffer)],
  ...['--immediate-mode', '--time-stamp-precision=nano', '-w', '-', filter],
]

/** TCP of one host, or all of it. */
export const captureFilter = (host: string | undefined, port: number | undefined): string =>
  ['tcp', host !== undefined && `host ${host}`, port !== undefined && `port ${port}`].filter((part) => part !== false).join(' and ')

/**
 * Starts it and waits until it listens.
 * @throws Problem `no-tcpdump`, `no-capture-right`, `no-interface`, `capture-failed`
 */
export async function startCapture(wish: CaptureWish): Promise<Capture> {
  const program = findProgram('tcpdump')
  if (program === undefined) throw fail('no-tcpdump', {})
  // A group of its own: Ctrl-C is ours, and what is in the kernel's ring still comes.
  const child = spawn(program, captureArguments(wish), { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let says = ''
  // Whatever ends us ends it too: on a quiet interface it would not notice for hours that nobody reads.
  const killNow = (): void => kill(child, 'SIGKILL')
  process.once('exit', killNow)
  child.once('exit', () => process.off('exit', killNow))
  const listens = Promise.withResolvers<'listens' | 'ended'>()
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    says = (says + text).slice(-saysMax)
    if (/listening on /.test(says)) listens.resolve('listens')
  })
  child.once('error', () => listens.resolve('ended'))
  child.once('close', () => listens.resolve('ended'))
  const ended = new Promise<{ drops: Drops; says: string; code: number | null }>((resolve) => {
    child.once('close', (code) => resolve({ drops: dropsOf(says), says, code }))
    child.once('error', (error) => resolve({ drops: dropsOf(''), says: error.message, code: null }))
  })
  const late = setTimeout(() => listens.resolve('ended'), startMs)
  const state = await listens.promise
  clearTimeout(late)
  if (state === 'ended') {
    kill(child, 'SIGKILL')
    throw whyNot(says, wish)
  }
  return { stdout: child.stdout, ended, stop: () => stop(child) }
}

async function stop(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise((resolve) => setTimeout(resolve, ringMs))
  // Not `close`, which waits for somebody to read what is left in the pipe.
  const over = new Promise((resolve) => child.once('exit', resolve))
  kill(child, 'SIGINT')
  const hard = setTimeout(() => kill(child, 'SIGKILL'), endMs)
  await over
  clearTimeout(hard)
}
type Child = ChildProcessByStdio<null, Readable, Readable>

function kill(child: Child, signal: NodeJS.Signals): void {
  try {
    child.kill(signal)
  } catch {
    // It is gone already, which is what was wanted.
  }
}

/** What it said, as a refusal that a person understands. */
export function whyNot(says: string, { interface: name, filter }: CaptureWish): Problem {
  const because = says
    .replace(/^.*?tcpdump: /s, '')
    .replace(`${name}: `, '')
    .trim()
    .replace(/\s+/g, ' ')
  if (/permission|not permitted/i.test(says)) return fail('no-capture-right', { interface: name, because })
  if (/no such device|not found/i.test(says))
    return fail('no-interface', { interface: name, known: ['any', ...Object.keys(networkInterfaces())] })
  return fail('capture-failed', {
    because: /filter|syntax/i.test(because) ? `${because} (${filter})` : because === '' ? 'it ended at once' : because,
  })
}

/** The last lines: `1300 packets captured`, `1310 packets received by filter`, `0 packets dropped by kernel`. */
export function dropsOf(says: string): Drops {
  const count = (what: RegExp): number | null => {
    const [, number] = what.exec(says) ?? []
    return number === undefined ? null : Number(number)
  }
  return {
    captured: count(/(\d+) packets? captured/),
    received: count(/(\d+) packets? received by filter/),
    droppedByKernel: count(/(\d+) packets? dropped by kernel/),
    droppedByInterface: count(/(\d+) packets? dropped by interface/),
  }
}

export function sayDrops({ droppedByKernel, droppedByInterface }: Drops): string | undefined {
  const dropped = (droppedByKernel ?? 0) + (droppedByInterface ?? 0)
  if (dropped > 0)
    return `The capture itself lost ${dropped.toLocaleString('en')} packets (the kernel had no room for them): losses shown may be its own.`
  return droppedByKernel === null ? undefined : 'The capture lost no packet.'
}

/** Who is not root has the folders of system programs rarely in PATH, and may have the right to capture all the same. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin']
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}
