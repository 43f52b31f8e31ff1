/** TCP sessions with known causes, made anew between two hosts: captures of both ends, and the kernel's own account. */
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Host, type HostOptions, openNetwork } from './namespaces.ts'

const traffic = fileURLToPath(new URL('traffic.mjs', import.meta.url))
const port = 9_000

/** A session that has one cause of being as slow as it is. */
export type Cause = {
  readonly name: string
  /** The limit that is right, in the words of `@belay/tcp`. */
  readonly limit: 'application' | 'receiver' | 'loss' | 'bandwidth' | 'idle'
  readonly client: Omit<HostOptions, 'name'>
  readonly server: Omit<HostOptions, 'name'>
  /** As the programs of traffic.mjs take them. */
  readonly writes: string
  readonly reads: string
  readonly seconds: number
}

/** The sender's kernel just before the end, as `ss -ti` says it. */
export type KernelAccount = {
  readonly busyMs: number
  readonly rwndLimitedMs: number
  readonly sndbufLimitedMs: number
  readonly retransmissions: number
  readonly line: string
}

export type CauseRun = {
  readonly client: string
  readonly server: string
  readonly kernel: KernelAccount
  readonly droppedByKernel: number
}

/** With these every session answers to the same rules: the machine's own congestion control may ignore loss. */
const sysctl = { tcp_congestion_control: 'reno', tcp_no_metrics_save: '1' }
/** A receiver with so little memory offers a window of a few segments. */
const smallBuffers = { tcp_rmem: '4096 16384 16384' }

/**
 * One of each. @param random between 0 and 1; varies rates, delays and losses by half around their middle
 */
export function causes(seconds: number, random: () => number = () => 0.5): readonly Cause[] {
  const about = (middle: number) => Math.round(middle * (0.5 + random()) * 100) / 100
  const plain = { sysctl }
  const bulk = { writes: 'bulk', reads: 'all', seconds }
  return [
    {
      ...bulk,
      name: 'loss',
      limit: 'loss',
      client: { sysctl, delayMs: about(20) },
      server: { sysctl, toward: { loss: about(0.02) } },
    },
    {
      ...bulk,
      name: 'rate',
      limit: 'bandwidth',
      client: { sysctl, delayMs: about(10) },
      server: { sysctl, toward: { rateMbit: about(5), queueBytes: 100_000 } },
    },
    {
      ...bulk,
      name: 'own rate',
      limit: 'bandwidth',
      client: { sysctl, delayMs: about(10), ownRateMbit: about(5) },
      server: plain,
    },
    {
      ...bulk,
      name: 'own rate, near',
      limit: 'bandwidth',
      client: { sysctl, ownRateMbit: about(5) },
      server: plain,
    },
    {
      ...bulk,
      name: 'slow reader',
      limit: 'receiver',
      client: { sysctl, delayMs: about(10) },
      server: plain,
      reads: `slowly:${about(400)}`,
    },
    {
      ...bulk,
      name: 'small window',
      limit: 'receiver',
      client: { sysctl, delayMs: about(30) },
      server: { sysctl: { ...sysctl, ...smallBuffers } },
    },
    {
      name: 'slow writer',
      limit: 'application',
      client: { sysctl, delayMs: about(20) },
      server: plain,
      writes: `slowly:${about(100)}`,
      reads: 'all',
      seconds,
    },
    {
      name: 'slow server',
      limit: 'application',
      client: { sysctl, delayMs: about(20) },
      server: plain,
      writes: 'ask:0',
      reads: `answering:${about(300)}`,
      seconds,
    },
    // At least a second and a half, or it would be a slow writer.
    {
      name: 'idle client',
      limit: 'idle',
      client: { sysctl, delayMs: about(20) },
      server: plain,
      writes: `ask:${about(1000) + 1000}`,
      reads: 'answering:0',
      seconds,
    },
  ]
}

/** Makes the session; the captures are put into the folder. Takes the cause's seconds and about one more. */
export async function makeSession(cause: Cause, folder: string): Promise<CauseRun> {
  await using network = await openNetwork({
    hosts: [
      { ...cause.client, name: 'client' },
      { ...cause.server, name: 'server' },
    ],
  })
  const [client, server] = [network.host('client'), network.host('server')]
  const files = { client: join(folder, `${cause.name} client.pcap`), server: join(folder, `${cause.name} server.pcap`) }
  const serving = server.start([process.execPath, traffic, 'serve', String(port), cause.reads])
  const [atClient, atServer] = await Promise.all([client.capture(files.client), server.capture(files.server), said(serving, 'ready')])
  const sending = client.start([process.execPath, traffic, 'send', server.address, String(port), cause.writes, String(cause.seconds)])
  await said(sending, 'done')
  const kernel = await askKernel(client)
  sending.stdin?.end()
  const ended = await Promise.all([atClient.stop(), atServer.stop()])
  return { ...files, kernel, droppedByKernel: ended.reduce((sum, { droppedByKernel }) => sum + droppedByKernel, 0) }
}

function said(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = ''
    const listen = (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes(word)) resolve()
    }
    child.stdout?.on('data', listen)
    child.stderr?.on('data', listen)
    child.once('exit', () => reject(new Error(`${child.spawnargs.join(' ')} ended before it said ${word}: ${text}`)))
  })
}

async function askKernel(host: Host): Promise<KernelAccount> {
  const line = await host.run('ss', '-tiOHn', `( dport = :${port} )`)
  const figure = (pattern: RegExp) => Number(pattern.exec(line)?.[1] ?? 0)
  return {
    busyMs: figure(/busy:(\d+)ms/),
    rwndLimitedMs: figure(/rwnd_limited:(\d+)ms/),
    sndbufLimitedMs: figure(/sndbuf_limited:(\d+)ms/),
    retransmissions: figure(/retrans:\d+\/(\d+)/),
    line: line.trim(),
  }
}
