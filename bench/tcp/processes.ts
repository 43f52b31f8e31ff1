/** Programs that read a capture, each in a process of its own: how long, how much CPU, how much memory at its peak. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** GNU time: it tells what the kernel counted for a process and its children when they have ended. */
const timeProgram = '/usr/bin/time'

export type Cost = { readonly wallS: number; readonly cpuS: number; readonly memoryMiB: number }
export type Argv = readonly [program: string, ...args: string[]]

/** A sentence that says what is missing and how to get it; undefined when all is there. */
export function whyNoPeers(): string | undefined {
  const missing = [
    ['/usr/bin/tshark', 'tshark'],
    ['/usr/bin/tcptrace', 'tcptrace'],
    [timeProgram, 'time'],
  ].filter(([path]) => !existsSync(path as string))
  if (missing.length === 0) return undefined
  return `What Belay is compared with is not installed: apt-get install ${missing.map(([, name]) => name).join(' ')}`
}

export function tsharkVersion(): string {
  return /TShark \(Wireshark\) ([\d.]+)/.exec(execFileSync('tshark', ['--version'], { encoding: 'utf8', stdio: 'pipe' }))?.[1] ?? 'unknown'
}

/** Runs a program to its end, with what it prints thrown away; `folder` takes what time writes. */
export async function measured([program, ...args]: Argv, folder: string): Promise<Cost> {
  const told = join(folder, 'time')
  const child = spawn(timeProgram, ['-o', told, '-f', '%e %U %S %M', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // As the command `belay` has it: types are stripped once, not at every start.
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-1_000)))
  const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject))
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}: ${said}`)
  const figures = readFileSync(told, 'utf8').trim().split(' ').map(Number)
  const [wallS, userS, systemS, kB] = figures as [number, number, number, number]
  return { wallS, cpuS: userS + systemS, memoryMiB: kB / 1024 }
}
